/**
 * The constants of a Promela model in C: a machine's table, the folds beside it, and which of many
 * subjects a search is about. None of them is in SPIN's state.
 */
import { EVENTS } from '../../machines/events.js';
import type { Table } from '../table.js';
import type { Fold } from './folds.js';
import { cellsOf, Numbers, TabledFold } from './folds.js';

/** The machines of a model, each with the folds that are asked of it. */
export class Machines {
  readonly #machines = new Map<Table, Machine>();

  of(table: Table): Machine {
    const machine =
      this.#machines.get(table) ?? new Machine(`machine${this.#machines.size}_`, table);
    this.#machines.set(table, machine);
    return machine;
  }

  constants(): string[] {
    return [...this.#machines.values()].flatMap((machine) => machine.constants());
  }
}

/** A table and the folds beside it, under the names that they have in the model. */
class Machine {
  readonly name: string;
  readonly #table: Table;
  readonly #folds = new Map<Fold, string>();

  constructor(name: string, table: Table) {
    this.name = name;
    this.#table = table;
  }

  fold(fold: Fold): string {
    const name = this.#folds.get(fold) ?? `${this.name}fold${this.#folds.size}_`;
    this.#folds.set(fold, name);
    return name;
  }

  constants(): string[] {
    const cells = cellsOf(this.#table);
    const folds = [...this.#folds].map(
      ([fold, name]) => [name, new TabledFold(fold, cells)] as const,
    );
    // Cells that no fold tells apart share a label, which keeps the folds' tables small.
    const labels = new Numbers();
    const labelOf = cells.steps.map((_, cell) =>
      labels.of(folds.map(([, { kindOf }]) => kindOf[cell]).join()),
    );
    const first = labels.firsts(labelOf);
    return [
      ...matrix(`${this.name}to`, byState(cells.places)),
      ...matrix(`${this.name}label`, byState(labelOf)),
      ...folds.flatMap(([name, { kindOf, next, allows, memories }]) => [
        vector(
          `${name}kind`,
          first.map((cell) => kindOf[cell] as number),
        ),
        vector(`${name}memory`, memories, 'int'),
        ...matrix(`${name}next`, next),
        ...matrix(`${name}allows`, allows),
      ]),
    ];
  }
}

function byState(cells: readonly number[]): number[][] {
  const states = Array.from({ length: cells.length / EVENTS.length }, (_, state) => state);
  return states.map((state) => cells.slice(state * EVENTS.length, (state + 1) * EVENTS.length));
}

function vector(name: string, values: readonly number[], type = 'short'): string {
  return `static const ${type} ${name}[] = {${values.join()}};`;
}

/** Each row is an array of its own, since SPIN takes C in small blocks; equal rows are one. */
function matrix(name: string, rows: readonly (readonly number[])[]): string[] {
  const numbers = new Numbers();
  const numberOf = rows.map((row) => numbers.of(row.join()));
  const vectors = numbers
    .firsts(numberOf)
    .map((first, number) => vector(`${name}${number}`, rows[first] as readonly number[]));
  const pointers = numberOf.map((number) => `${name}${number}`);
  return [...vectors, `static const short *const ${name}[] = {${pointers.join()}};`];
}

/** SPIN reads no more than 64 KiB of C at once. */
const BLOCK_CHARACTERS_MAX = 60_000;

const blockOf = (text: string) => `c_decl {\n${text}\n}`;

function blocksOf(lines: readonly string[]): string[] {
  const blocks: string[][] = [];
  let left = 0;
  for (const line of lines) {
    if (line.length >= left) {
      blocks.push([]);
      left = BLOCK_CHARACTERS_MAX;
    }
    blocks.at(-1)?.push(line);
    left -= line.length + 1;
  }
  return blocks.map((block) => blockOf(block.join('\n')));
}

/** All that is constant: the type of a subject, the machines, and the subjects by their values. */
export function constantsOf(
  type: string,
  machines: Machines,
  subjects: readonly (readonly string[])[],
): string {
  const chosen = subjects.map(
    (values, index) => `static const Subject subject${index} = {${values.join()}};`,
  );
  const places = subjects.map((_, index) => `&subject${index}`);
  return [
    blockOf(`typedef const short *const *Matrix;\n${type}`),
    ...blocksOf([...machines.constants(), ...chosen]),
    blockOf(`static const Subject *const subjects[] = {${places.join()}};\n${CHOICE}`),
  ].join('\n');
}

/** It is chosen before the search starts, and stays, so it need not be in the state. */
const CHOICE = `\
static const Subject *subject;
__attribute__((constructor)) static void choose(void) {
  const char *index = getenv("SUBJECT");
  unsigned long place = index ? strtoul(index, 0, 10) : 0;
  if (place >= sizeof subjects / sizeof *subjects) { fputs("no such SUBJECT\\n", stderr); exit(2); }
  subject = subjects[place];
}`;
