/** One exchange that a viewer follows: step by step, and on after its end, since late ones may come. */
import { wordOf } from '../trace.js';
import type { Messages } from './messages.js';
import type { Watched } from './watch.js';

export class Following {
  readonly row: Watched;
  readonly #messages: Messages;
  readonly #waiting: string[];
  #next = 0;

  constructor(row: Watched, messages: Messages) {
    this.row = row;
    this.#messages = messages;
    this.#waiting = [messages.actor(row.id, row.startedAt)];
  }

  /** Whether it has ended, and all was told. */
  get done(): boolean {
    return this.row.endedAt > 0 && this.#next === this.row.steps;
  }

  /** The messages of the steps that are new, at the most of so many. */
  news(stepsMax = Infinity): string[] {
    const texts = this.#waiting.splice(0);
    let left = stepsMax;
    for (const { seq, at, event, step } of this.row.stepsFrom(this.#next)) {
      if (left-- <= 0) break;
      const { state, commands } = step;
      const told = { seq, at, event, state, commands: commands.map(wordOf) };
      texts.push(...this.#messages.step(this.row.id, told));
      this.#next = seq + 1;
    }
    return texts;
  }
}
