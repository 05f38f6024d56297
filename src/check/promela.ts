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
import { DECIDED, UNKNOWN } from './folds.js';
import { constantsOf, Machines } from './promela-machine.js';

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
  const machines = new Machines();
  const values = subjects.map(({ table, environment, property = NO_PROPERTY }) => {
    const machine = machines.of(table);
    const [world, monitor] = [machine.fold(environment), machine.fold(property)];
    const names = [`${machine.name}to`, `${machine.name}label`, `${world}allows`];
    for (const fold of [world, monitor]) names.push(`${fold}next`, `${fold}kind`);
    return names;
  });
  return [headerOf(subjects), constantsOf(SUBJECT, machines, values), PROCESS].join('\n');
}

/** With a fold that remembers nothing, the product is the environment's alone. */
const NO_PROPERTY: Fold = { initial: 0, next: () => 0 };

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
typedef struct Subject {
  Matrix to, label, allows, memoryNext; const short *memoryKind;
  Matrix monitorNext; const short *monitorKind;
} Subject;`;

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
