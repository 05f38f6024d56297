/**
 * One HTTP exchange as Envoy shows it: a stream of messages, each of which is answered.
 *
 * It tells the machine what happened and carries out what the machine orders; it never asks what
 * has been. The bytes are Envoy's on both sides: to forward is to answer, and where it is no more
 * than that the codec does it.
 */
import type { Command, Deadline, Outcome } from '../../../machines/events.js';
import { events } from '../../../machines/events.js';
import type { UsageRecord } from '../../accounting/ledger.js';
import type { Exchange } from '../../exchange.js';
import type { Member } from '../../roster.js';
import type { Cause, Refusal } from '../answers.js';
import { ownAnswer, tooLarge } from '../answers.js';
import type { Bill } from '../bill.js';
import { Conductor } from '../conductor.js';
import { Deadlines } from '../deadlines.js';
import type { Choice } from '../fleet.js';
import { endingOf } from '../fleet.js';
import { begun } from '../observers.js';
import { writeTo } from '../warnings.js';
import { eventsOf, isOfRequest, kindOf, modesOf, statusOf } from './codec.js';
import type { Call } from './conversation.js';
import { Conversation } from './conversation.js';
import { metadataOf, streamingOf } from './extras.js';
import { contentOf, headerOf } from './headers.js';
import type { Shared } from './shared.js';
import { Steering } from './steering.js';
import type { HttpBody, HttpHeaders, Kind, ProcessingRequest } from './wire.js';

/** What comes with an event, and the machine has no need of: the message it was, or a cause. */
type Detail = ProcessingRequest | Cause;

/** How long the last answer may wait for the usage in a body that is still being inflated. */
const INFLATE_WAIT_MS = 50;

const EMPTY = Buffer.alloc(0);

export class Processing implements Member {
  rosterPlace = -1;
  readonly #shared: Shared;
  readonly #conversation: Conversation;
  readonly #exchange: Exchange;
  readonly #conductor: Conductor<Detail>;
  readonly #deadlines: Deadlines;
  readonly #bill: Bill;
  #steering: Steering | undefined;
  /** A body is being inflated; called when it was. */
  #inflating: (() => void) | undefined;
  #method: string | undefined;
  #path: string | undefined;

  /** `first` is the first message, which is still to be received. */
  constructor(shared: Shared, id: string, call: Call, first: ProcessingRequest) {
    this.#shared = shared;
    const header = (name: string) => headerOf(first.requestHeaders?.headers, name);
    [this.#exchange, this.#bill] = begun(shared.observers, id, header);
    this.#conductor = new Conductor<Detail>(this.#exchange, this.#carryOut, this.#failed);
    this.#deadlines = new Deadlines(shared.clock, shared.times, this.#expired);
    this.#conversation = new Conversation(call, modesOf(first, shared.config.modes), {
      mutation: (kind, routed) => this.#steering?.mutation(kind, routed),
      held: () => this.#steering?.held ?? [],
      metadata: () => this.#metadata(),
      blocked: () => this.#conductor.deliver(events.downstreamBlocked),
      ready: () => this.#conductor.deliver(events.downstreamReady),
    });
  }

  /** Envoy has sent a message, which is answered when this returns, but for a body still inflated. */
  receive(message: ProcessingRequest): void {
    const kind = kindOf(message);
    if (kind === undefined) {
      // An answer would have to be of its kind, which nobody knows (SEC-14).
      this.#bill.count('unrecognised');
      return;
    }
    this.#conversation.take(message, kind);
    for (const event of eventsOf(message, kind)) this.#conductor.deliver(event, message);
    if (isOfRequest(kind)) this.#route(message, kind);
    if (this.#inflating === undefined) this.#conversation.finish();
    else this.#finishOnceInflated();
  }

  /** The stream has ended. How the exchange went, that does not tell (field: E17). */
  closed(): void {
    // An end can be told though nothing is to be read, and a message is in hand until it is answered.
    this.#inflating?.();
    this.#conductor.deliver(events.transportClosed, { cause: 'transport_closed' });
  }

  get load(): Choice | undefined {
    return this.#steering?.load;
  }

  /** The server shuts down; what is in flight may finish within the drain deadline, if not `now`. */
  drain(now: boolean): void {
    // A record is not waited for either. What has no outcome yet gets its own time to settle.
    if (now) this.#deadlines.hasten('settle');
    this.#conductor.deliver(events.drainStarted, { cause: 'draining' });
    if (now) this.#expired('drain');
  }

  #route(message: ProcessingRequest, kind: Kind): void {
    if (message.requestHeaders != null) this.#begin(message.requestHeaders);
    const choice = this.#steering?.choose(kind, message.requestBody);
    if (choice === undefined) return;
    if (choice === 'routed' || this.#conversation.observed) {
      this.#conductor.deliver(events.requestRouted);
    } else this.#refuse(choice);
  }

  /** What is known of the request stays what its first headers said (field: D18). */
  #begin(headers: HttpHeaders): void {
    if (this.#steering !== undefined) return;
    const path = headerOf(headers.headers, ':path') ?? '';
    this.#method = headerOf(headers.headers, ':method');
    this.#path = path.split('?', 1)[0];
    this.#steering = new Steering(
      this.#shared,
      headers,
      path,
      this.#conversation.modes.requestBody,
    );
    if (this.#shared.refusal !== undefined) this.#refuse(this.#shared.refusal);
  }

  /** Nobody can be refused by an observer. */
  #refuse(refusal: Refusal): void {
    if (this.#conversation.observed) return;
    this.#conductor.deliver(events.requestRefused, { cause: refusal.code, refusal });
  }

  /** The usage is to go with the last answer, if that can be without keeping Envoy waiting. */
  #finishOnceInflated(): void {
    this.#conversation.pause();
    const finish = () => {
      clearTimeout(timer);
      this.#inflating = undefined;
      this.#conversation.resume();
      this.#conversation.finish();
    };
    const timer = setTimeout(finish, INFLATE_WAIT_MS);
    this.#inflating = finish;
  }

  readonly #expired = (deadline: Deadline): void => {
    const detail = { cause: `deadline_${deadline}`, deadline };
    this.#conductor.deliver(events.deadlineExpired(deadline), detail);
  };

  readonly #carryOut = (command: Command, detail: Detail | undefined): void => {
    this.#conversation.ordered(command);
    switch (command.type) {
      case 'holdRequestBody':
        this.#holdRequestBody((detail as ProcessingRequest).requestBody as HttpBody);
        break;
      case 'forwardRequestHeaders':
        this.#steering?.send(this.#conversation.kind);
        break;
      case 'forwardRequestBody':
        this.#count((detail as ProcessingRequest).requestBody as HttpBody);
        break;
      case 'forwardResponseHeaders':
        this.#passResponseHeaders((detail as ProcessingRequest).responseHeaders as HttpHeaders);
        break;
      case 'forwardResponseBody':
        this.#bill.forwarded((detail as ProcessingRequest).responseBody?.body ?? EMPTY);
        break;
      case 'answer':
        this.#answer(command.outcome, detail as Cause | undefined);
        break;
      case 'resetDownstream':
        this.#conversation.abandon(command.outcome, this.#whyOf(command.outcome, detail));
        break;
      case 'openBuffer':
        this.#openBuffer((detail as ProcessingRequest).responseHeaders as HttpHeaders);
        break;
      case 'bufferResponseBody':
        this.#bill.buffer((detail as ProcessingRequest).responseBody?.body as Buffer);
        break;
      case 'readUsage':
        this.#readUsage();
        break;
      case 'recordUsage':
        this.#recordUsage(command.outcome, detail);
        break;
      case 'releaseBuffer':
        this.#release();
        break;
      case 'startDeadline':
        this.#deadlines.start(command.deadline);
        break;
      case 'stopDeadline':
        this.#deadlines.stop(command.deadline);
        break;
      case 'stopDeadlines':
        this.#deadlines.stopAll();
        break;
      case 'countAnomaly':
        this.#bill.count(command.anomaly);
        break;
      // The rest is the codec's to say, or Envoy's own to do.
    }
  };

  #holdRequestBody(body: HttpBody): void {
    this.#steering?.hold(body);
    this.#count(body, this.#shared.config.limits.heldBytesMax);
  }

  #count({ body }: HttpBody, bytesMax = Infinity): void {
    if (body !== undefined) this.#bill.received(body);
    const most = Math.min(bytesMax, this.#shared.config.limits.requestBytesMax);
    if (this.#bill.requestBytes > most) this.#refuse(tooLarge(most));
  }

  #passResponseHeaders(headers: HttpHeaders): void {
    this.#bill.status = statusOf(headers);
    if (!this.#shared.config.streamSse || this.#conversation.observed) return;
    const extras = streamingOf(headers, this.#conversation.modes);
    if (extras !== undefined) this.#conversation.override(extras);
  }

  #openBuffer({ headers }: HttpHeaders): void {
    this.#bill.open(contentOf(headers), {
      limits: this.#shared.accountingLimits,
      sizer: this.#shared.sizers.of(this.#steering?.route),
      onProgress: () => this.#conductor.deliver(events.responseProgress),
      onTerminal: (verdict) => this.#conductor.deliver(events.responseTerminal(verdict)),
    });
  }

  #readUsage(): void {
    let read = false;
    this.#bill.read(() => {
      read = true;
      this.#conductor.deliver(events.usageRead);
      this.#inflating?.();
    });
    if (!read && this.#conversation.kind !== undefined) this.#inflating = () => {};
  }

  #metadata() {
    const news = this.#bill.news();
    if (news === undefined || news.kind === 'unknown') return undefined;
    return metadataOf(news, this.#shared.config.metadataNamespace);
  }

  #answer(outcome: Outcome, cause: Cause | undefined): void {
    const answer = ownAnswer(outcome, cause);
    const why = this.#whyOf(outcome, cause);
    if (this.#conversation.answerItself(outcome, answer, why)) this.#bill.ownStatus = answer.status;
  }

  /** A name for Envoy's logs, or a sentence for whoever reads its errors. */
  #whyOf(outcome: Outcome, detail: Detail | undefined): string {
    return outcome === 'violated' ? this.#conversation.fault : (causeOf(detail) ?? outcome);
  }

  readonly #failed = (error: unknown, { type }: Command): Cause => {
    const what = error instanceof Error ? error.stack : String(error);
    this.#shared.warn(`exchange ${this.#exchange.id}: ${type}: ${what}`);
    return { cause: 'gateway_failed' };
  };

  #recordUsage(outcome: Outcome, detail: Detail | undefined): void {
    this.#steering?.settle(endingOf(outcome, causeOf(detail)));
    const { route, upstreamId, model } = this.#steering ?? {};
    const violated = outcome === 'violated' ? 'headers_missing' : undefined;
    const origin = {
      exchange: this.#exchange.id,
      cause: violated ?? causeOf(detail),
      method: this.#method,
      path: this.#path,
      route: route?.models?.join(',') ?? route?.path,
      upstream: upstreamId,
      model,
    };
    this.#bill.settle(outcome, origin, this.#write);
  }

  readonly #write = (record: UsageRecord): void => {
    const recorded = () => this.#conductor.deliver(events.usageRecorded);
    writeTo(this.#shared, record, recorded, () => this.#deadlines.hasten('settle'));
  };

  #release(): void {
    this.#bill.release();
    this.#steering?.release();
    this.#shared.forget(this);
  }
}

function causeOf(detail: Detail | undefined): string | undefined {
  return detail !== undefined && 'cause' in detail ? detail.cause : undefined;
}
