// Compiled from machines/upstream.ts by `npm run generate`. Do not edit.
import type { Rows } from './table.js';

export const rows: Rows = {
  machine: "upstream",
  states: [
    "admitted",
    "ejected",
    "probing",
    "probed",
  ],
  steps: [
    [0,"absorbed","expected"],
    [1,"taken","",2,4,5],
    [0,"taken","",7],
    [0,"absorbed","unasked"],
    [0,"absorbed","stale"],
    [1,"absorbed","expected"],
    [1,"absorbed","beforehand"],
    [1,"absorbed","unasked"],
    [2,"taken","",1],
    [3,"taken","",2,3],
    [2,"absorbed","beforehand"],
    [2,"absorbed","unasked"],
    [2,"absorbed","stale"],
    [3,"absorbed","expected"],
    [3,"absorbed","beforehand"],
    [0,"taken","",0,6],
    [1,"taken","",4,5],
    [3,"absorbed","stale"],
  ],
  cells: [
    [0,0,0,1,2,0,3,3,3,4],
    [5,6,6,6,6,6,7,7,7,8],
    [9,10,10,10,10,10,11,11,11,12],
    [13,14,14,14,14,14,15,16,8,17],
  ],
};
