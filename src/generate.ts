/** Writes the compiled tables of the machines: `npm run generate`. Tests keep them fresh. */
import { writeFileSync } from 'node:fs';
import { audit, auditWords } from '../machines/audit.js';
import { alphabet } from '../machines/events.js';
import { exchange } from '../machines/exchange.js';
import { legacy } from '../machines/legacy.js';
import { upstream, upstreamWords } from '../machines/upstream.js';
import type { Alphabet } from '../machines/words.js';
import { compile } from './compile.js';

type Machine = Parameters<typeof compile>[0];

/** The text of a table's file. A machine has the name of the file that it stands in. */
function textOfTable(machine: Machine, words: Alphabet): string {
  const rows = compile(machine, words);
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

const tableOf = (machine: Machine, words: Alphabet = alphabet) => ({
  file: new URL(`./${machine.id}.generated.ts`, import.meta.url),
  text: textOfTable(machine, words),
});

/** Each generated file, beside the text that it must hold. */
export const tables = [
  tableOf(exchange),
  tableOf(legacy),
  tableOf(upstream, upstreamWords),
  tableOf(audit, auditWords),
];

if (process.argv[1]?.endsWith('generate.ts')) {
  for (const { file, text } of tables) writeFileSync(file, text);
}
