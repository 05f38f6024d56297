/**
 * A machine's configuration as JSON, for Stately Studio: paste it there as `createMachine(…)`, or
 * give it to XState. Guards and actions are names, and so are all there is of them.
 */
import type { AnyStateMachine } from 'xstate';

const WIDTH = 100;

/** In the form that the formatter of this repository gives JSON. */
export function studioText({ config }: AnyStateMachine): string {
  return `${textOf(JSON.parse(JSON.stringify(config)), '', 0)}\n`;
}

/** `before` is how many letters stand before the value on its line. */
function textOf(value: unknown, indent: string, before: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((item) => textOf(item, inner, inner.length));
    const line = `[${items.join(', ')}]`;
    const fits = !line.includes('\n') && before + line.length < WIDTH;
    return fits ? line : `[\n${inner}${items.join(`,\n${inner}`)}\n${indent}]`;
  }
  const fields = Object.entries(value).map(([key, item]) => {
    const name = `${inner}${JSON.stringify(key)}: `;
    return name + textOf(item, inner, name.length);
  });
  return fields.length === 0 ? '{}' : `{\n${fields.join(',\n')}\n${indent}}`;
}
