/**
 * What is claimed of whole runs as a Promela model with a formula, for SPIN to search for a cycle.
 *
 * The model is the one of `promela.ts` with the claim's memory as its monitor, and one more fold
 * for each fairness: whether it is waited for. Beside the events there is silence, which may come
 * at any time, moves nothing and renews nothing: a run that stops is one that is silent for ever.
 * The formula says which runs count, so the model need not: where something is waited for, silence
 * for ever is unfair.
 *
 * Searched with `-DNOREDUCE` and `-a`, the formula fails if and only if some run owes for ever from
 * some step on, while each fairness is kept again and again. It is kept by a step after which it is
 * not waited for, by one that renews it, and by silence where nobody may speak any more: a world
 * that cannot go on is no excuse for what is owed. Only verdicts can be compared. SPIN's states are
 * those of the model beside those of the formula's automaton, and its cycle is not a shortest one.
 */
import type { Environment } from '../../machines/environments.js';
import { EVENTS } from '../../machines/events.js';
import { OWED } from '../../machines/properties/monitor.js';
import type { Eventuality, Fairness } from '../../machines/properties.js';
import type { Table } from '../table.js';
import { wordOf } from '../trace.js';
import type { Fold } from './folds.js';
import { UNKNOWN } from './folds.js';
import { constantsOf, Machines } from './promela-machine.js';

/** What one search is about. */
export interface LivenessSubject {
  readonly table: Table;
  readonly environment: Environment;
  readonly claim: Eventuality;
}

/** What the fold of a fairness remembers: nothing is waited for, or it just came, or is out. */
const IDLE = 0;
const RENEWED = 1;
const OUT = 2;

/** A model of all `subjects`, chosen from as in `promelaOf`. */
export function livenessPromelaOf(subjects: readonly LivenessSubject[]): string {
  const machines = new Machines();
  const folds = new Map<Fairness, Fold>();
  const foldOf = (fairness: Fairness) => {
    const fold = folds.get(fairness) ?? waitingFor(fairness);
    folds.set(fairness, fold);
    return fold;
  };
  const slots = Math.max(1, ...subjects.map(({ claim }) => claim.fairness.length));
  const values = subjects.map(({ table, environment, claim }) => {
    const machine = machines.of(table);
    const world = machine.fold(environment);
    // A slot that a claim does not need waits for nothing.
    const trusted = Array.from({ length: slots }, (_, slot) => claim.fairness[slot] ?? NOBODY);
    const watching = [claim, ...trusted.map(foldOf)].map((fold) => machine.fold(fold));
    return [
      ...[`${machine.name}to`, `${machine.name}label`, `${world}allows`],
      ...[world, ...watching].flatMap((fold) => [`${fold}next`, `${fold}kind`, `${fold}memory`]),
    ];
  });
  return [
    headerOf(subjects),
    constantsOf(subjectOf(slots), machines, values),
    processOf(slots),
  ].join('\n');
}

const NOBODY: Fairness = {
  name: 'nobody',
  sentence: 'Nothing is waited for.',
  waits: () => false,
  renews: () => false,
};

function waitingFor({ waits, renews }: Fairness): Fold {
  return {
    initial: IDLE,
    next: (memory, step) => {
      if (!waits(memory !== IDLE, step)) return IDLE;
      return renews(step) ? RENEWED : OUT;
    },
  };
}

function headerOf(subjects: readonly LivenessSubject[]): string {
  const titles = subjects.map(
    ({ table, environment, claim }, index) =>
      ` * SUBJECT=${index}: ${table.machine}, ${environment.name}, eventually ${claim.name}`,
  );
  return ['/*', ' * spin -a FILE && cc -DNOREDUCE -o pan pan.c && ./pan -a', ...titles, ' */'].join(
    '\n',
  );
}

const subjectOf = (slots: number) => `\
typedef struct Fold { Matrix next; const short *kind; const int *memory; } Fold;
typedef struct Subject { Matrix to, label, allows; Fold world, claim, fairness[${slots}]; } Subject;
static short after(const Fold *fold, short place, short label) {
  return fold->next[place][fold->kind[label]];
}
static int isMute(const short *allows) {
  for (int event = 0; event < ${EVENTS.length}; event++) if (allows[event]) return 0;
  return 1;
}`;

function processOf(slots: number): string {
  const each = Array.from({ length: slots }, (_, slot) => slot);
  const known = each.map((slot) => `waits[${slot}] != UNKNOWN`).join(' && ');
  const trusted = each.map((slot) => `[]<>(kept[${slot}])`).join(' && ');
  return `\
#define UNKNOWN ${UNKNOWN}

short state, memory, claim, waits[${slots}];
bool owed, kept[${slots}];

#define HEARS(event) d_step { \\
  c_expr { subject->allows[now.memory][event] } -> \\
  c_code { \\
    const short label = subject->label[now.state][event]; \\
    now.state = subject->to[now.state][event]; \\
    now.memory = after(&subject->world, now.memory, label); \\
    now.claim = after(&subject->claim, now.claim, label); \\
    for (int slot = 0; slot < ${slots}; slot++) \\
      now.waits[slot] = after(&subject->fairness[slot], now.waits[slot], label); \\
  }; \\
  assert(memory != UNKNOWN && claim != UNKNOWN && ${known}); \\
  c_code { \\
    now.owed = subject->claim.memory[now.claim] & ${OWED}; \\
    for (int slot = 0; slot < ${slots}; slot++) \\
      now.kept[slot] = subject->fairness[slot].memory[now.waits[slot]] != ${OUT}; \\
  } \\
}

#define IS_SILENT d_step { \\
  c_code { \\
    const int mute = isMute(subject->allows[now.memory]); \\
    now.owed = subject->claim.memory[now.claim] & ${OWED}; \\
    for (int slot = 0; slot < ${slots}; slot++) \\
      now.kept[slot] = mute || subject->fairness[slot].memory[now.waits[slot]] == ${IDLE}; \\
  } \\
}

active proctype exchange() {
end: do
  :: IS_SILENT
${EVENTS.map((event, code) => `  :: HEARS(${code}) /* ${wordOf(event)} */`).join('\n')}
  od
}

ltl live { !<>([]owed && ${trusted}) }
`;
}
