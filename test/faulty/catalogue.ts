/** The faulty servers: one defect of the field each, as a change of one thing in the right one. */
import type { Defect } from './defect.js';
import { rowsA } from './rows-a.js';
import { rowsD } from './rows-d.js';
import { rowsG, rowsI } from './rows-g.js';

export type { Defect } from './defect.js';

export const catalogue: readonly Defect[] = [...rowsA, ...rowsG, ...rowsI, ...rowsD];
