/**
 * The gateway with metrics, a span per exchange that is sent to a collector, and the healing that
 * is always there. `INTERLOCK_BENCH_OBSERVE=metrics,otlp,log` adds the log, or leaves something out.
 */
import { checkConfig } from '../../../src/adapters/http/config.js';
import { HttpGateway } from '../../../src/adapters/http/server.js';
import { endpointsOf } from '../../../src/observe/endpoints.js';
import { openTelemetry } from '../../../src/observe/open.js';
import { ledger } from '../ledger.js';
import { serve, upstream } from './serve.js';

const what = process.env.INTERLOCK_BENCH_OBSERVE ?? 'metrics,otlp';
const { telemetry } = await openTelemetry({
  metrics: what.includes('metrics')
    ? (listen) => listen({ host: '127.0.0.1', port: 0 })
    : undefined,
  endpoints: what.includes('otlp') ? endpointsOf(`${upstream}/otlp`) : {},
  log: what.includes('log') ? 'info' : undefined,
  models: [],
  warn: (message) => console.error(message),
});
const config = checkConfig({ upstreams: [{ id: 'bench', url: upstream }] }, 'the bench');
const gateway = new HttpGateway({ config, ledger, telemetry });
await gateway.listen('127.0.0.1', 0);
serve(Number(new URL(gateway.url).port), { settle: () => telemetry?.flush() });
