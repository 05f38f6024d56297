/**
 * Envoy's end of one ext_proc stream, without a wire: what the server calls is a call, and what it
 * answers is judged as it comes. An answer belongs to the message that is in hand.
 */
import { isOfRequest, isStreamed, kindOf, modeOf } from '../../adapters/ext-proc/codec.js';
import type { Call } from '../../adapters/ext-proc/conversation.js';
import type { Kind, ProcessingRequest, ProcessingResponse } from '../../adapters/ext-proc/wire.js';
import { service } from '../../adapters/ext-proc/wire.js';
import type { Half } from './faults.js';
import type { Wrong } from './judge.js';
import type { Plan } from './plan.js';

const wire = service.Process as NonNullable<(typeof service)[string]>;
const readMessage = (bytes: Buffer) => wire.requestDeserialize(bytes) as ProcessingRequest;
const readAnswer = (bytes: Buffer) => wire.responseDeserialize(bytes) as ProcessingResponse;

/** What came back of a half in a mode where bytes do. */
interface Passed {
  headers: number;
  readonly bodies: Buffer[];
  ends: number;
}

export class Line {
  cancelled = false;
  writableEnded = false;
  /** The server has said that something went wrong with the stream. */
  failed = false;
  immediate: number | undefined;
  readonly wrongs: Wrong[] = [];
  readonly passed: Record<Half, Passed>;
  paused = false;
  /** Envoy does not read for now. */
  blocked = false;
  readonly #modes;
  readonly #observed: boolean;
  readonly #resumed: () => void;
  #drains: (() => void)[] = [];
  /** What was answered to the message in hand. */
  #answers: ProcessingResponse[] = [];

  readonly #onWire: boolean;

  constructor({ modes, told, observed, onWire }: Plan, resumed: () => void) {
    this.#modes = told
      ? { requestBody: modes.request, responseBody: modes.response }
      : { requestBody: undefined, responseBody: undefined };
    this.#observed = observed;
    this.#onWire = onWire;
    this.#resumed = resumed;
    const nothing = () => ({ headers: 0, bodies: [], ends: 0 });
    this.passed = { request: nothing(), response: nothing() };
  }

  /** As the server knows it, which calls no more of it than is here. */
  get call(): Call {
    return this as unknown as Call;
  }

  /** The server has left: Envoy goes on without it, or with its answer, or fails. */
  get left(): boolean {
    return this.writableEnded || this.failed || this.immediate !== undefined;
  }

  write(answer: ProcessingResponse): boolean {
    if (this.left || this.cancelled)
      this.#wrong('isSilentAfterLeaving', 'It answered though it had left.');
    this.#answers.push(this.#onWire ? readAnswer(wire.responseSerialize(answer)) : answer);
    if (answer.immediateResponse != null) this.immediate = answer.immediateResponse.status.code;
    return !this.blocked;
  }

  end(): void {
    this.writableEnded = true;
  }

  /** gRPC ends a stream that is told of an error. */
  emit(_error: 'error', _status: object): void {
    this.failed = true;
    this.writableEnded = true;
  }

  once(_drain: 'drain', listener: () => void): void {
    this.#drains.push(listener);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.#resumed();
  }

  /** Envoy reads again. */
  unblock(): void {
    this.blocked = false;
    for (const listener of this.#drains.splice(0)) listener();
  }

  /** A message goes to the server, whose answers to it are all there when `receive` returns. */
  say(message: ProcessingRequest, receive: (message: ProcessingRequest) => void): void {
    const waits = !this.left && !this.cancelled;
    this.#answers = [];
    receive(this.#onWire ? readMessage(wire.requestSerialize(message)) : message);
    const kind = kindOf(message) as Kind;
    if (this.#observed) this.#expectNone();
    else if (isStreamed(modeOf(kind, this.#modes)))
      for (const item of this.#answers) this.#pass(item);
    else if (waits) this.#expectOne(kind);
  }

  #expectNone(): void {
    if (this.#answers.length > 0)
      this.#wrong('observersAreNotAnswered', 'It answered an observer.');
  }

  /** Outside of streamed modes each message has one answer of its kind, or the server leaves. */
  #expectOne(kind: Kind): void {
    const [answer, ...more] = this.#answers;
    if (answer?.immediateResponse != null && more.length === 0) return;
    if (answer === undefined && this.left) return;
    if (answer?.[kind] != null && more.length === 0) return;
    const found = this.#answers.map((item) => Object.keys(item).join('+')).join(', ') || 'none';
    this.#wrong('oneAnswerEach', `A ${kind} message had the answers: ${found}.`);
  }

  /** In streamed modes what goes on is counted, in the order headers, body, end. */
  #pass(answer: ProcessingResponse): void {
    if (answer.immediateResponse != null) return;
    const kind = kindOf(answer as ProcessingRequest);
    if (kind === undefined) {
      this.#wrong('isAnAnswer', 'An answer is of no kind.');
      return;
    }
    const passed = this.passed[isOfRequest(kind) ? 'request' : 'response'];
    if (passed.ends > 0) this.#wrong('nothingAfterTheEnd', `${kind} went on after the end.`);
    if (/Headers$/.test(kind)) {
      if (++passed.headers > 1) this.#wrong('headersOnce', `${kind} went on twice.`);
      return;
    }
    if (passed.headers === 0) this.#wrong('headersFirst', `${kind} went on before the headers.`);
    if (/Trailers$/.test(kind)) {
      passed.ends++;
      return;
    }
    const { response } = answer[kind as 'requestBody' | 'responseBody'] ?? {};
    const piece = response?.bodyMutation?.streamedResponse;
    if (piece === undefined) {
      this.#wrong('isStreamed', `${kind} was not answered as one.`);
      return;
    }
    if (piece.body !== undefined) passed.bodies.push(piece.body);
    if (piece.endOfStream === true) passed.ends++;
  }

  #wrong(name: string, sentence: string): void {
    this.wrongs.push({ name, sentence });
  }
}
