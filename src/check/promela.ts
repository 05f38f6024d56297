/**
 * The product of a table, an environment and a monitor as a Promela model, for SPIN to search.
 *
 * The model has no graph in it. It has the machine's table, which events the environment lets come
 * after each of its memories, and the folds of environment and monitor as tables; SPIN finds for
 * itself where these lead together. One event is one `d_step`: the environment chooses it, the
 * machine answers, and both memories move on. Nothing but the machine's state and the two memories
 * is in SPIN's state; the tables are constants in C. So, searched without partial order reduction
 * (`-DNOREDUCE -DSAFETY -DBFS`):
 *
 * - SPIN's "states, stored" are the nodes of `explore`, or, where nothing decides the property, the
 *   pairs that `judge` saw. There is no state before the first event, and none within an event.
 * - SPIN's "transitions (= stored+matched)" are the edges of `explore` and one more, for SPIN
 *   counts arrivals, and at the start it arrives without an edge.
 * - The assertion about `DECIDED` fails if and only if some step decides the property: an `always`
 *   is broken, or a `sometimes` is kept. "at depth" says how many events come before that step. The
 *   search is breadth first, so they are as many as in the run that `judge` gives, but its last.
 *
 * Folds are functions without bounds, so each is tabled over the memories that it can come to
 * beside its table (`folds.ts`). An answer that leads out of these would be `UNKNOWN`, and an
 * assertion of its own holds that SPIN meets none.
 */
import type { Environment } from '../../machines/environments.js';
import { EVENTS } from '../../machines/events.js';
import type { Property } from '../../machines/properties.js';
import type { Table } from '../table.js';
import { wordOf } from '../trace.js';
import type { Fold } from './folds.js';
import { cellsOf, DECIDED, Numbers, TabledFold, UNKNOWN } from './folds.js';

/** What one search is about. Without a property, it only counts. */
export interface Subject {
  readonly table: Table;
  readonly environment: Environment;
  readonly property?: Property;
}

/**
 * A model of all `subjects`, in their order. The compiled verifier searches the first, or the one
 * whose index is in the environment variable SUBJECT; which one it is, is no part of a state.
 */
export function promelaOf(subjects: readonly Subject[]): string {
  const machines = new Map<Table, Machine>();
  const chosen = subjects.map(({ table, environment, property = NO_PROPERTY }, index) => {
    const machine = machines.get(table) ?? new Machine(`machine${machines.size}_`, table);
    machines.set(table, machine);
    const [world, monitor] = [machine.fold(environment), machine.fold(property)];
    const names = [`${machine.name}to`, `${machine.name}label`, `${world}allows`];
    for (const fold of [world, monitor]) names.push(`${fold}next`, `${fold}kind`);
    return `static const Subject subject${index} = {${names.join()}};`;
  });
  const constants = [...machines.values()].flatMap((machine) => machine.constants());
  const places = subjects.map((_, index) => `&subject${index}`);
  return [
    headerOf(subjects),
    blockOf(SUBJECT),
    ...blocksOf([...constants, ...chosen]),
    blockOf(`static const Subject *const subjects[] = {${places.join()}};\n${CHOICE}`),
    PROCESS,
  ].join('\n');
}

/** With a fold that remembers nothing, the product is the environment's alone. */
const NO_PROPERTY: Fold = { initial: 0, next: () => 0 };

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
      ...folds.flatMap(([name, { kindOf, next, allows }]) => [
        vector(
          `${name}kind`,
          first.map((cell) => kindOf[cell] as number),
        ),
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

function vector(name: string, values: readonly number[]): string {
  return `static const short ${name}[] = {${values.join()}};`;
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

function headerOf(subjects: readonly Subject[]): string {
  const titles = subjects.map(({ table, environment, property }, index) => {
    const asked = property === undefined ? '' : `, ${property.mood} ${property.name}`;
    return ` * SUBJECT=${index}: ${table.machine}, ${environment.name}${asked}`;
  });
  return [
    '/*',
    ' * spin -a FILE && cc -DNOREDUCE -DSAFETY -DBFS -o pan pan.c && ./pan',
    ...titles,
    ' */',
  ].join('\n');
}

const SUBJECT = `\
typedef const short *const *Matrix;
typedef struct Subject {
  Matrix to, label, allows, memoryNext; const short *memoryKind;
  Matrix monitorNext; const short *monitorKind;
} Subject;`;

/** It is chosen before the search starts, and stays, so it need not be in the state. */
const CHOICE = `\
static const Subject *subject;
__attribute__((constructor)) static void choose(void) {
  const char *index = getenv("SUBJECT");
  unsigned long place = index ? strtoul(index, 0, 10) : 0;
  if (place >= sizeof subjects / sizeof *subjects) { fputs("no such SUBJECT\\n", stderr); exit(2); }
  subject = subjects[place];
}`;

const PROCESS = `\
#define DECIDED ${DECIDED}
#define UNKNOWN ${UNKNOWN}

short state, memory, monitor;

#define HEARS(event) d_step { \\
  c_expr { subject->allows[now.memory][event] } -> \\
  c_code { \\
    const short label = subject->label[now.state][event]; \\
    now.state = subject->to[now.state][event]; \\
    now.memory = subject->memoryNext[now.memory][subject->memoryKind[label]]; \\
    now.monitor = subject->monitorNext[now.monitor][subject->monitorKind[label]]; \\
  }; \\
  assert(memory != UNKNOWN && monitor != UNKNOWN); \\
  assert(monitor != DECIDED) \\
}

active proctype exchange() {
end: do
${EVENTS.map((event, code) => `  :: HEARS(${code}) /* ${wordOf(event)} */`).join('\n')}
  od
}
`;
