import { setImmediate, setTimeout } from 'node:timers/promises';
import { draw, type Random, random } from './random.js';
import { type Script, type Split, type Step, toBuffer } from './script.js';

/** Where a script is played: one request on one connection. Its promises reject once it is gone. */
export interface Stage {
  readonly gone: AbortSignal;
  /** Settles when the kernel has taken the bytes, so a slow peer holds the script back. */
  write(piece: Buffer): Promise<void>;
  awaitRequestEnd(): Promise<void>;
  awaitBody(bytes: number): Promise<void>;
  awaitSignal(name: string): Promise<void>;
  reading(on: boolean): void;
  fin(): void;
  rst(): void;
}

/** Plays a script to its end. Rejects when the connection goes first. */
export async function play(script: Script, stage: Stage): Promise<void> {
  await new Player(script.split ?? 'whole', stage).run(script.steps);
}

class Player {
  readonly #split: Split;
  readonly #stage: Stage;
  readonly #randoms = new Map<number, Random>();
  #wrote = false;

  constructor(split: Split, stage: Stage) {
    this.#split = split;
    this.#stage = stage;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.#step(step);
  }

  async #step(step: Step): Promise<void> {
    const stage = this.#stage;
    stage.gone.throwIfAborted();
    if ('send' in step) return this.#send(toBuffer(step.send), step.split ?? this.#split);
    if ('wait' in step) return setTimeout(step.wait, undefined, { signal: stage.gone });
    if ('awaitRequestEnd' in step) return stage.awaitRequestEnd();
    if ('awaitBody' in step) return stage.awaitBody(step.awaitBody);
    if ('awaitSignal' in step) return stage.awaitSignal(step.awaitSignal);
    if ('reading' in step) return stage.reading(step.reading);
    if ('stall' in step) return forever(stage.gone);
    if ('fin' in step) return stage.fin();
    if ('rst' in step) return this.#rst(step.rst);
    const rounds = step.repeat === 'forever' ? Number.POSITIVE_INFINITY : step.repeat;
    for (let round = 0; round < rounds; round += 1) await this.run(step.steps);
  }

  async #rst(when: true | 'now'): Promise<void> {
    // Two turns, since the first may end in the poll phase that it began in.
    for (let turn = 0; turn < 2 && when !== 'now'; turn += 1) {
      await setImmediate(undefined, { signal: this.#stage.gone });
    }
    this.#stage.rst();
  }

  async #send(bytes: Buffer, split: Split): Promise<void> {
    for (const piece of this.#pieces(bytes, split)) {
      // The event loop turns between writes: pieces leave apart, and a script that repeats for ever
      // cannot starve the process that plays it.
      if (this.#wrote) await setImmediate(undefined, { signal: this.#stage.gone });
      this.#wrote = true;
      await this.#stage.write(piece);
    }
  }

  *#pieces(bytes: Buffer, split: Split): Generator<Buffer> {
    if (split === 'whole') {
      yield bytes;
      return;
    }
    for (let from = 0; from < bytes.length; ) {
      const to = from + this.#pieceSize(split);
      yield bytes.subarray(from, to);
      from = to;
    }
  }

  #pieceSize(split: Exclude<Split, 'whole'>): number {
    if (split === 'byte') return 1;
    if (typeof split === 'number') return Math.max(1, Math.floor(split));
    // One sequence runs through the whole script, or every event would be cut in the same places.
    let source = this.#randoms.get(split.seed);
    if (source === undefined) {
      source = random(split.seed);
      this.#randoms.set(split.seed, source);
    }
    return 1 + draw(source, 16);
  }
}

function forever(gone: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    gone.addEventListener('abort', () => reject(gone.reason), { once: true });
  });
}
