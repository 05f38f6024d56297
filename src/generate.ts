/** Writes the compiled tables of the machines: `npm run generate`. Tests keep them fresh. */
import { writeFileSync } from 'node:fs';
import { exchange } from '../machines/exchange.js';
import { legacy } from '../machines/legacy.js';
import { compile } from './compile.js';

/** The text of a table's file. A machine has the name of the file that it stands in. */
export function textOfTable(machine: typeof exchange | typeof legacy = exchange): string {
  const rows = compile(machine);
  const list = (values: readonly unknown[]) =>
    values.map((value) => `    ${JSON.stringify(value)},\n`).join('');
  return `// Compiled from machines/${rows.machine}.ts by \`npm run generate\`. Do not edit.
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
export const legacyTableFile = new URL('./legacy.generated.ts', import.meta.url);

if (process.argv[1]?.endsWith('generate.ts')) {
  writeFileSync(tableFile, textOfTable());
  writeFileSync(legacyTableFile, textOfTable(legacy));
}
