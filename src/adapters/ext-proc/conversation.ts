/**
 * The stream with Envoy, as a conversation: a message is in hand until it is answered. It writes
 * what the codec says, waits for an Envoy that does not read, and knows how to leave.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { status as Code } from '@grpc/grpc-js';
import type { Command, Outcome } from '../../../machines/events.js';
import type { OwnAnswer } from '../answers.js';
import type { Extras, Modes } from './codec.js';
import { answersOf, isStreamed, modeOf, plainAnswerOf } from './codec.js';
import { immediateOf } from './extras.js';
import type {
  CommonResponse,
  HttpBody,
  Kind,
  ProcessingRequest,
  ProcessingResponse,
  Struct,
} from './wire.js';

export type Call = ServerDuplexStream<ProcessingRequest, ProcessingResponse>;

/** The message in hand, and what was ordered about it so far. */
interface Hand {
  readonly message: ProcessingRequest;
  readonly kind: Kind;
  /** Only where the answers are made of them. */
  readonly commands: Command[] | undefined;
  /** The request was sent on. */
  routed: boolean;
}

const NO_EXTRAS: Extras = Object.freeze({});

/** What an answer takes from the exchange, asked for only when there is one. */
export interface Sources {
  /** What becomes of the request's headers. */
  mutation(kind: Kind, routed: boolean): CommonResponse | undefined;
  held(): readonly HttpBody[];
  /** The usage, if it has grown. */
  metadata(): Struct | undefined;
  /** The peer reads, or does not. */
  blocked(): void;
  ready(): void;
}

const CODES: Partial<Record<Outcome, Code>> = {
  violated: Code.INVALID_ARGUMENT,
  timedOut: Code.DEADLINE_EXCEEDED,
  drained: Code.UNAVAILABLE,
};

export class Conversation {
  readonly #call: Call;
  readonly #sources: Sources;
  readonly modes: Modes;
  #hand: Hand | undefined;
  #extras = NO_EXTRAS;
  #pauses = 0;
  /** The last word, said in place of an answer. */
  #leave: (() => void) | undefined;

  constructor(call: Call, modes: Modes, sources: Sources) {
    this.#call = call;
    this.#sources = sources;
    this.modes = modes;
  }

  /** The kind of the message in hand. */
  get kind(): Kind | undefined {
    return this.#hand?.kind;
  }

  /** Envoy only shows the exchange, and waits for no answer: nothing can be asked of it. */
  get observed(): boolean {
    return this.#hand?.message.observabilityMode === true;
  }

  take(message: ProcessingRequest, kind: Kind): void {
    const commands = isStreamed(modeOf(kind, this.modes)) ? [] : undefined;
    this.#hand = { message, kind, commands, routed: false };
  }

  /** Something was ordered about the message in hand, if there is one. */
  ordered(command: Command): void {
    const hand = this.#hand;
    if (hand === undefined) return;
    hand.commands?.push(command);
    if (command.type === 'forwardRequestHeaders') hand.routed = true;
  }

  /** The response is asked for in another way than Envoy was configured to show it. */
  override(extras: Extras): void {
    this.#extras = extras;
    this.modes.responseBody = extras.modeOverride?.responseBodyMode;
  }

  /** Answers the message in hand, or leaves where that was ordered. */
  finish(): void {
    const hand = this.#hand;
    this.#hand = undefined;
    if (this.#leave !== undefined) this.#leave();
    else if (hand !== undefined && hand.message.observabilityMode !== true) this.#answer(hand);
    this.#extras = NO_EXTRAS;
    this.#leave = undefined;
  }

  #answer({ message, kind, commands, routed }: Hand): void {
    const open = routed || kind === 'requestHeaders';
    const request = open ? this.#sources.mutation(kind, routed) : undefined;
    const extras = request === undefined ? this.#extras : { ...this.#extras, request };
    if (commands === undefined) {
      this.#write(this.#withUsage(plainAnswerOf(kind, extras)));
      return;
    }
    const held = this.#sources.held();
    const answers = answersOf({ message, kind, commands, modes: this.modes, held, extras });
    const last = answers.length - 1;
    for (let at = 0; at < last; at++) this.#write(answers[at] as ProcessingResponse);
    if (last >= 0) this.#write(this.#withUsage(answers[last] as ProcessingResponse));
  }

  #withUsage(answer: ProcessingResponse): ProcessingResponse {
    const dynamicMetadata = this.#sources.metadata();
    return dynamicMetadata === undefined ? answer : { ...answer, dynamicMetadata };
  }

  /** A peer that does not read is not read from either. */
  #write(answer: ProcessingResponse): void {
    if (this.#call.cancelled || this.#call.writableEnded || this.#call.write(answer)) return;
    this.pause();
    this.#sources.blocked();
    this.#call.once('drain', () => {
      this.resume();
      this.#sources.ready();
    });
  }

  /** Takes no message until as many have resumed: a peer may not read while a body is inflated. */
  pause(): void {
    if (this.#pauses++ === 0) this.#call.pause();
  }

  resume(): void {
    if (--this.#pauses === 0) this.#call.resume();
  }

  /**
   * Leaves with an answer of our own, which Envoy sends in place of the response. It is the answer
   * to a message. Where none is in hand, or it is no fault of the request, Envoy goes on without us,
   * unless it has handed us a body that it would lose then.
   */
  answerItself(outcome: Outcome, answer: OwnAnswer, cause: string): boolean {
    const refused = outcome === 'rejected' || this.#isStreamed;
    if (outcome === 'violated' || !refused) {
      this.abandon(outcome, cause);
      return false;
    }
    this.#leaveBy(() => {
      this.#write({ immediateResponse: immediateOf(answer, cause) });
      this.#call.end();
    });
    return true;
  }

  /**
   * Leaves in the middle. A clean end tells Envoy to go on without us, and nothing is lost; in a
   * streamed mode bytes may be on their way, and only an error keeps what is cut from looking whole.
   */
  abandon(outcome: Outcome, cause: string): void {
    const failed = outcome === 'violated' || this.#isStreamed;
    this.#leaveBy(() => {
      if (!failed) this.#call.end();
      else this.#call.emit('error', { code: CODES[outcome] ?? Code.INTERNAL, details: cause });
    });
  }

  /** Says why the message in hand breaks the grammar of its half, for whoever configured Envoy. */
  get fault(): string {
    const half = this.#hand?.kind.startsWith('request') ? 'request' : 'response';
    const kind = this.#hand?.kind.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return `${kind} came before ${half}_headers; ${half}_header_mode must be SEND`;
  }

  get #isStreamed(): boolean {
    return isStreamed(this.modes.requestBody) || isStreamed(this.modes.responseBody);
  }

  #leaveBy(leave: () => void): void {
    if (this.#hand === undefined) leave();
    else this.#leave = leave;
  }
}
