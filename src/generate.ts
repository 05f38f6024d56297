/** Writes the compiled table of the exchange machine: `npm run generate`. A test keeps it fresh. */
import { writeFileSync } from 'node:fs';
import { exchange } from '../machines/exchange.js';
import { compile } from './compile.js';

/** The text of `exchange.generated.ts` for these rows. */
export function textOfTable(): string {
  const rows = compile(exchange);
  const list = (values: readonly unknown[]) =>
    values.map((value) => `    ${JSON.stringify(value)},\n`).join('');
  return `// Compiled from machines/exchange.ts by \`npm run generate\`. Do not edit.
import type { Rows } from './table.js';

export const rows: Rows = {
  machine: ${JSON.stringify(rows.machine)},
  states: [\n${list(rows.states)}  ],
  steps: [\n${list(rows.steps)}  ],
  cells: [\n${list(rows.cells)}  ],
};
`;
}

export const tableFile = new URL('./exchange.generated.ts', import.meta.url);

if (process.argv[1]?.endsWith('generate.ts')) writeFileSync(tableFile, textOfTable());
