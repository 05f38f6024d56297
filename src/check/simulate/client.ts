/** The client of the HTTP world: it takes what it is sent, and judges it. */
import type { Wrong } from './judge.js';
import type { Plan } from './plan.js';
import type { Time } from './time.js';

export interface ClientEvents {
  blocked(): void;
  ready(): void;
  closed(): void;
}

type LastWord = 'endResponse' | 'answer' | 'resetDownstream';

export class Client {
  readonly wrongs: Wrong[] = [];
  /** The upstream has told the end of its response; or its last event, and may linger. */
  upstreamEnded = false;
  terminalSeen = false;
  /** It has gone, and hears nothing. */
  gone = false;
  readonly #time: Time;
  readonly #plan: Plan;
  readonly #events: ClientEvents;
  readonly #bytes: Buffer[] = [];
  #began = false;
  #blocked = false;
  #told = false;
  #lastWord: LastWord | undefined;

  constructor(time: Time, plan: Plan, events: ClientEvents) {
    this.#time = time;
    this.#plan = plan;
    this.#events = events;
  }

  /** It has got all of the response, and its end. */
  get whole(): boolean {
    return this.#lastWord === 'endResponse' && Buffer.concat(this.#bytes).equals(this.#plan.body);
  }

  /** It does not read for a while, which a gateway learns by its next write. */
  block(): void {
    if (this.#blocked) return;
    this.#blocked = true;
    this.#time.in(this.#plan.blockMs, () => {
      this.#blocked = false;
      if (!this.#told) return;
      this.#told = false;
      this.#events.ready();
    });
  }

  headers(): void {
    if (this.#began) this.#wrong('headersOnce', 'The client got headers twice.');
    this.#began = true;
    this.#expectOpen('headers');
  }

  body(bytes: Buffer): void {
    if (!this.#began) this.#wrong('headersFirst', 'The client got a body before its headers.');
    this.#expectOpen('a body');
    this.#bytes.push(bytes);
    if (!this.#blocked || this.#told) return;
    this.#told = true;
    this.#events.blocked();
  }

  lastWord(word: LastWord): void {
    this.#expectOpen('a last word');
    this.#lastWord = word;
    if (word === 'answer' && this.#began) {
      this.#wrong('answersBeforeHeaders', 'The client got an answer of ours after its headers.');
    }
    if (word === 'endResponse') this.#judgeEnd();
    // Most clients leave their connection open, for the next request.
    if (this.#plan.leave === 'cancel' && this.#plan.number % 2 === 0) {
      this.#time.in(this.#plan.leaveMs, () => this.#events.closed());
    }
  }

  /** A clean end says that the response is whole, so its end was told, and nothing is missing. */
  #judgeEnd(): void {
    const { body, altered } = this.#plan;
    if (altered) return;
    if (!this.upstreamEnded && !this.terminalSeen) {
      this.#wrong('cleanEndsAreTold', 'A clean end, and nobody has told one.');
    }
    const got = Buffer.concat(this.#bytes);
    // A stream that has told its last event may be ended before all of it has come (fault: F17).
    if (this.upstreamEnded && !got.equals(body)) {
      this.#wrong('cleanEndsAreWhole', `A clean end after ${got.length} of ${body.length} bytes.`);
    }
  }

  #expectOpen(what: string): void {
    if (this.#lastWord === undefined) return;
    this.#wrong('nothingAfterTheLastWord', `The client got ${what} after ${this.#lastWord}.`);
  }

  #wrong(name: string, sentence: string): void {
    this.wrongs.push({ name, sentence });
  }
}
