/** What the catalogue is made of. */
import type { Handler } from './handler.js';
import type { Requirement } from './oracle.js';

/** A server that is right but for one thing. */
export interface Defect {
  /** The row of the field notes that it comes from. */
  readonly id: string;
  readonly sentence: string;
  readonly faulty: typeof Handler;
  /** What convicts it, and the shortest scenario in which it shows. */
  readonly breaks: Requirement;
  readonly trace: string;
}

/** Answers in the upstream's place, and closes, as a server does that gives up on an exchange. */
export function refuse(handler: Handler, code = 500): void {
  handler.isOver = true;
  handler.world.send({ immediateResponse: { status: { code } } });
  handler.world.end();
}
