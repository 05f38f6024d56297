/**
 * What Stately's inspector is told: the newest exchanges, each an actor, for as many as it can show.
 * It says of none that it wants it, so they are chosen here.
 */
import type { Viewer } from './feed.js';
import { Following } from './following.js';
import type { Messages } from './messages.js';
import type { Watch } from './watch.js';

/** Those that are followed at a time: whoever is in flight is followed to its end. */
const FOLLOWED_MAX = 50;
/** Each actor brings the definition of its machine along. */
const ACTORS_A_TURN = 5;
const STEPS_A_TURN = 400;

export class ActorsViewer implements Viewer {
  readonly #watch: Watch;
  readonly #messages: Messages;
  /** Who waits longest comes first. */
  readonly #followed = new Set<Following>();
  /** The number of the first exchange that was not considered. */
  #next = 0;

  constructor(watch: Watch, messages: Messages) {
    this.#watch = watch;
    this.#messages = messages;
  }

  turn(): string[] {
    this.#takeUp();
    const texts: string[] = [];
    for (const following of [...this.#followed]) {
      const left = STEPS_A_TURN - texts.length / 2;
      if (left <= 0) break;
      const news = following.news(left);
      if (news.length === 0) continue;
      texts.push(...news);
      this.#followed.delete(following);
      this.#followed.add(following);
    }
    return texts;
  }

  #takeUp(): void {
    const fresh = [...this.#watch.rows()]
      .filter(({ number }) => number >= this.#next)
      .sort((one, other) => one.number - other.number)
      .slice(-FOLLOWED_MAX);
    for (const row of fresh.slice(0, ACTORS_A_TURN)) {
      if (!this.#makeRoom()) break;
      this.#followed.add(new Following(row, this.#messages));
      this.#next = row.number + 1;
    }
  }

  /** Whether one more can be followed; one that is done is left for it. */
  #makeRoom(): boolean {
    if (this.#followed.size < FOLLOWED_MAX) return true;
    for (const following of this.#followed) {
      if (following.done) return this.#followed.delete(following);
    }
    return false;
  }
}
