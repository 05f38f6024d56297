/** What the environment says of telemetry that is of no use, and no reason not to start. */
import type { Resource } from '@opentelemetry/resources';
import type { Environment } from './endpoints.js';

/** Tells people of it (OpenTelemetry specification, "Environment Variable Specification"). */
export function warnOfUnused(
  { attributes }: Resource,
  warn: (message: string) => void,
  env: Environment = process.env,
): void {
  const { OTEL_PROPAGATORS: propagators = '', OTEL_RESOURCE_ATTRIBUTES: described = '' } = env;
  const wanted = itemsOf(propagators);
  const isOther = (name: string) => name !== 'tracecontext' && name !== 'baggage';
  if (wanted.length > 0 && (wanted.some(isOther) || !wanted.includes('tracecontext'))) {
    const found = JSON.stringify(propagators.slice(0, 120));
    warn(`OTEL_PROPAGATORS: found ${found}; tracecontext is how traces are joined and handed on`);
  }
  // The SDK takes all of it or, in silence, none. It has a name of the service in any case.
  const isDescribed = itemsOf(described).some((item) => !/^service\.name\s*=/.test(item));
  if (isDescribed && Object.keys(attributes).every((name) => name === 'service.name')) {
    const why = 'it is not all name=value, with commas between them';
    warn(`OTEL_RESOURCE_ATTRIBUTES: none of it is told: ${why}`);
  }
}

function itemsOf(list: string): string[] {
  const items = list.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '');
}
