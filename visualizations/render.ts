/** Writes what is drawn of the machine: `npm run render`. A test keeps it fresh. */
import { writeFileSync } from 'node:fs';
import { exchange } from '../machines/exchange.js';
import { renderDiagram } from './diagram.js';

/** Each generated file, beside the text that it must hold. */
export const pictures: readonly { readonly file: URL; readonly text: string }[] = [
  {
    file: new URL('./generated/exchange.mmd', import.meta.url),
    text: renderDiagram(exchange),
  },
];

if (process.argv[1]?.endsWith('render.ts')) {
  for (const { file, text } of pictures) writeFileSync(file, text);
}
