/**
 * The ways that exchanges go through the machine. Most go one of a few, so what follows from a way,
 * such as which phases it stays in and what a span tells of it, is worked out once.
 */
import { Interned, Recent } from './labels.js';
import { movesOf, REGIONS } from './phases.js';

/** The steps of an exchange that move: of each its cell (see `cellOf`) and its time, and so on. */
export type Moves = readonly number[];

/** A region was in a phase. `entered` and `left` are places of steps among the moves. */
export interface Stay {
  readonly region: number;
  readonly phase: number;
  /** -1: before all of them. */
  readonly entered: number;
  readonly left: number;
}

/** What a span tells as an event: a phase that is entered, by the step at this place. */
export interface Told {
  readonly phase: number;
  readonly at: number;
}

/** Alike for all moves of the same cells. */
export interface Course {
  readonly cells: readonly number[];
  readonly stays: readonly Stay[];
  /** By region, the place of the last step that moved it, or -1. */
  readonly entered: readonly number[];
  readonly told: readonly Told[];
  /** How a span begins, as bytes: for whoever writes them. */
  frame: Frame | undefined;
}

export interface Frame {
  readonly bytes: Uint8Array;
  /** Of each event that is told, where its time is. */
  readonly timesAt: readonly number[];
}

const COURSES_MAX = 500;
/** One of more steps goes in circles, and is hardly ever gone again. */
const KEPT_STEPS_MAX = 32;

const courses = new Interned<Course>(COURSES_MAX);
const recent = new Recent<Course>();

export function courseOf(moves: Moves): Course {
  const { all } = recent;
  for (let at = 0; at < all.length; at++) {
    if (isOf(all[at] as Course, moves)) return all[at] as Course;
  }
  const cells = moves.filter((_, at) => at % 2 === 0);
  if (cells.length > KEPT_STEPS_MAX) return workedOut(cells);
  const course = courses.getAnyway(cells, () => workedOut(cells));
  recent.add(course);
  return course;
}

function isOf({ cells }: Course, moves: Moves): boolean {
  if (2 * cells.length !== moves.length) return false;
  for (let at = 0; at < cells.length; at++) if (cells[at] !== moves[2 * at]) return false;
  return true;
}

function workedOut(cells: readonly number[]): Course {
  const stays: Stay[] = [];
  const told: Told[] = [];
  const entered = new Array<number>(REGIONS).fill(-1);
  for (const [step, cell] of cells.entries()) {
    const moves = movesOf(cell);
    for (const { region, left } of moves.all) {
      const since = entered[region] as number;
      if (left >= 0) stays.push({ region, phase: left, entered: since, left: 2 * step });
      entered[region] = 2 * step;
    }
    for (const phase of moves.told) told.push({ phase, at: 2 * step });
  }
  return { cells, stays, entered, told, frame: undefined };
}
