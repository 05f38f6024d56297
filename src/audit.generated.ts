// Compiled from machines/audit.ts by `npm run generate`. Do not edit.
import type { Rows } from './table.js';

export const rows: Rows = {
  machine: "audit",
  states: [
    "balanced",
    "suspected",
  ],
  steps: [
    [0,"absorbed","expected"],
    [1,"taken",""],
    [0,"taken",""],
    [0,"taken","",0,1],
  ],
  cells: [
    [0,1],
    [2,3],
  ],
};
