/** Holds the answers of one exchange against what was said in it. It knows nothing of the server. */
import type {
  HttpBody,
  Kind,
  ProcessingRequest,
  ProcessingResponse,
} from '../../src/adapters/ext-proc/wire.js';
import { KINDS } from '../../src/adapters/ext-proc/wire.js';
import type { Shown, Side, SoakPlan } from './plans.js';
import { isStreamed } from './plans.js';

/** Sums over all exchanges. */
export class Tally {
  messages = 0;
  exchanges = 0;
  left = 0;
  /** Where each message is owed one answer. */
  owed = 0;
  answered = 0;
  /** Never answered, for the server left with an answer of its own, or Envoy did not wait. */
  waived = 0;
  immediate = 0;
  closed = 0;
  /** Where answers are as many as the server likes. */
  streamedMessages = 0;
  bytesIn = 0;
  bytesOut = 0;
  endsIn = 0;
  endsOut = 0;
  observed = 0;
  unanswered = 0;
  doubled = 0;
}

interface Streamed {
  headersIn: number;
  headersOut: number;
  bytesIn: number;
  bytesOut: number;
  endsIn: number;
  endsOut: number;
}

const sideOf = (kind: Kind): Side => (kind.startsWith('request') ? 'request' : 'response');
const kindOf = (message: ProcessingRequest) => KINDS.find((kind) => message[kind] != null) as Kind;
const ends = (body: HttpBody) => body.endOfStream === true;

export class Judge {
  readonly faults: string[] = [];
  immediate = false;
  readonly #plan: SoakPlan;
  readonly #tally: Tally;
  readonly #owed: Record<Side, Kind[]> = { request: [], response: [] };
  readonly #paid: Record<Side, number> = { request: 0, response: 0 };
  readonly #streams: Record<Side, Streamed>;

  constructor(plan: SoakPlan, tally: Tally) {
    this.#plan = plan;
    this.#tally = tally;
    this.#streams = { request: nothing(), response: nothing() };
  }

  /** Messages that are without the one answer they are owed. */
  get open(): number {
    const { request, response } = this.#owed;
    return request.length + response.length - this.#paid.request - this.#paid.response;
  }

  /** Whether the request's headers were answered. */
  get began(): boolean {
    return this.#paid.request > 0 || this.#streams.request.headersOut > 0;
  }

  /** Whether all is answered that was said until now. */
  get done(): boolean {
    if (this.immediate) return true;
    return this.open === 0 && settled(this.#streams.request) && settled(this.#streams.response);
  }

  /** A message was sent. */
  said({ side, message, late, ends: ending }: Shown): void {
    this.#tally.messages++;
    const kind = kindOf(message);
    if (this.#plan.observed) this.#tally.observed++;
    else if (!isStreamed(this.#plan.modes[side])) this.#owed[side].push(kind);
    else {
      this.#tally.streamedMessages++;
      if (late) return;
      const stream = this.#streams[side];
      if (kind.endsWith('Headers')) stream.headersIn++;
      stream.bytesIn += (message.requestBody ?? message.responseBody)?.body?.length ?? 0;
      // An end on the headers goes with them, and no answer can say it.
      if (ending && !kind.endsWith('Headers')) stream.endsIn++;
    }
  }

  /** An answer came. */
  heard(answer: ProcessingResponse): void {
    if (this.immediate) this.#fault('an answer after the last', Object.keys(answer).join('+'));
    if (this.#plan.observed) this.#fault('an answer to an observed message', '');
    if (answer.immediateResponse != null) {
      this.immediate = true;
      if (!this.#plan.refusable) this.#fault('a refusal', answer.immediateResponse.details ?? '');
      return;
    }
    const kinds = KINDS.filter((kind) => answer[kind] != null);
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) {
      this.#fault('not one answer', Object.keys(answer).join('+'));
    } else if (isStreamed(this.#plan.modes[sideOf(kind)])) this.#heardStreamed(kind, answer);
    else this.#heardPlain(kind);
  }

  #heardPlain(kind: Kind): void {
    const side = sideOf(kind);
    const expected = this.#owed[side][this.#paid[side]++];
    this.#tally.answered++;
    if (expected === kind) return;
    if (expected === undefined) this.#tally.doubled++;
    this.#fault(expected === undefined ? 'doubly answered' : 'answered out of order', kind);
  }

  #heardStreamed(kind: Kind, answer: ProcessingResponse): void {
    const stream = this.#streams[sideOf(kind)];
    const before = stream.headersOut;
    if (kind.endsWith('Headers')) {
      if (++stream.headersOut > 1) this.#double(kind);
      return;
    }
    if (before === 0) this.#fault('before its headers', kind);
    if (stream.endsOut > 0) this.#double(`${kind} after the end`);
    if (kind.endsWith('Trailers')) {
      stream.endsOut++;
      return;
    }
    const { response } = answer[kind as 'requestBody' | 'responseBody'] ?? {};
    const piece = response?.bodyMutation?.streamedResponse;
    if (piece == null) {
      this.#fault('not streamed', kind);
      return;
    }
    stream.bytesOut += piece.body?.length ?? 0;
    if (ends(piece)) stream.endsOut++;
  }

  /** The stream is over. `whole`: every answer that was owed had its time to come. */
  close(whole: boolean): void {
    const tally = this.#tally;
    tally.exchanges++;
    if (this.immediate) tally.immediate++;
    tally.owed += this.#owed.request.length + this.#owed.response.length;
    const waived = this.immediate || !whole;
    if (waived) tally.waived += this.open;
    else if (this.open > 0) {
      tally.unanswered += this.open;
      const next = (side: Side) => this.#owed[side][this.#paid[side]] ?? '-';
      this.#fault('unanswered', `${this.open}, first ${next('request')}, ${next('response')}`);
    }
    for (const side of ['request', 'response'] as const) this.#closeStreamed(side, waived);
  }

  #closeStreamed(side: Side, waived: boolean): void {
    const stream = this.#streams[side];
    if (stream.bytesOut > stream.bytesIn || stream.endsOut > stream.endsIn) {
      this.#double(`${side}: ${JSON.stringify(stream)}`);
    }
    if (waived) return;
    this.#tally.bytesIn += stream.bytesIn;
    this.#tally.bytesOut += stream.bytesOut;
    this.#tally.endsIn += stream.endsIn;
    this.#tally.endsOut += stream.endsOut;
    if (!settled(stream)) {
      this.#tally.unanswered++;
      this.#fault('unanswered', `${side}: ${JSON.stringify(stream)}`);
    }
  }

  #double(where: string): void {
    this.#tally.doubled++;
    this.#fault('doubly answered', where);
  }

  #fault(name: string, where: string): void {
    this.faults.push(`${name}: ${where}`);
  }
}

function nothing(): Streamed {
  return { headersIn: 0, headersOut: 0, bytesIn: 0, bytesOut: 0, endsIn: 0, endsOut: 0 };
}

function settled(stream: Streamed): boolean {
  return (
    stream.headersOut === stream.headersIn &&
    stream.bytesOut === stream.bytesIn &&
    stream.endsOut === stream.endsIn
  );
}
