/**
 * One HTTP exchange: a client's request and response, and the upstream between them.
 *
 * It tells the machine what happened and carries out what the machine orders. It holds sockets,
 * bytes and counts; it never asks what has been.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Command, Deadline, Event, Outcome } from '../../../machines/events.js';
import { events } from '../../../machines/events.js';
import type { UsageRecord } from '../../accounting/ledger.js';
import type { Exchange } from '../../exchange.js';
import type { Member } from '../../roster.js';
import type { Cause, Refusal } from '../answers.js';
import { errorEvent, ownAnswer, tooLarge } from '../answers.js';
import type { Bill } from '../bill.js';
import { Conductor } from '../conductor.js';
import { Deadlines } from '../deadlines.js';
import type { Choice } from '../fleet.js';
import { endingOf } from '../fleet.js';
import { begun } from '../observers.js';
import { writeTo } from '../warnings.js';
import type { Detail, RawHeaders, ResponseHead } from './call.js';
import { Downstream } from './downstream.js';
import type { Gateway } from './gateway.js';
import type { RequestFacts } from './headers.js';
import { NO_FACTS, passResponseHeaders, passTrailers, soleHeaderOf } from './headers.js';
import { Outbound } from './outbound.js';

export class Relay implements Member {
  rosterPlace = -1;
  readonly #gateway: Gateway;
  readonly #request: IncomingMessage;
  readonly #facts: RequestFacts;
  readonly #downstream: Downstream;
  readonly #exchange: Exchange;
  readonly #conductor: Conductor<Detail>;
  readonly #deadlines: Deadlines;
  readonly #bill: Bill;
  readonly #outbound: Outbound;
  #streams = false;

  constructor(
    gateway: Gateway,
    id: string,
    request: IncomingMessage,
    response: ServerResponse,
    facts: RequestFacts | Refusal,
  ) {
    const { config, observers } = gateway;
    this.#gateway = gateway;
    this.#request = request;
    this.#facts = 'target' in facts ? facts : NO_FACTS;
    this.#downstream = new Downstream(request, response, {
      lingerMs: config.limits.lingerMs,
      lingerBytes: config.limits.lingerBytes,
      stallMs: config.deadlines.stall,
    });
    const header = (name: string) => soleHeaderOf(request.rawHeaders, name);
    const [exchange, bill, observation] = begun(observers, id, header);
    [this.#exchange, this.#bill] = [exchange, bill];
    this.#conductor = new Conductor<Detail>(this.#exchange, this.#carryOut, this.#failed);
    this.#deadlines = new Deadlines(gateway.clock, config.deadlines, this.#expired);
    const deliver = (event: Event, detail?: Detail) => this.#conductor.deliver(event, detail);
    this.#outbound = new Outbound(gateway, request, this.#facts, deliver, observation);
    response.on('close', () => {
      if (!response.writableFinished) this.closed();
    });
    // Node tells so of a write that came too late, and would end the process if nobody listened.
    response.on('error', () => {
      this.#conductor.deliver(events.gatewayFailed, { cause: 'gateway_failed' });
    });
    response.on('drain', () => this.#conductor.deliver(events.downstreamReady));
  }

  /** The request's head has come, and with it what is to be refused about it. */
  begin(refusal: Refusal | undefined): void {
    this.#conductor.deliver(events.requestHeaders);
    if (refusal !== undefined) {
      this.refuse(refusal);
    } else if (!this.#facts.hasBody) {
      this.#conductor.deliver(events.requestEnd);
      this.#choose();
    } else {
      this.#request.on('data', this.#received);
      this.#request.on('end', this.#ended);
      // By then all has been read that came together with the head.
      if (!this.#outbound.routing.holds) process.nextTick(this.#headRead);
    }
  }

  /** The request is not to be served, or not any further. */
  refuse(refusal: Refusal): void {
    this.#conductor.deliver(events.requestRefused, { cause: refusal.code, refusal });
  }

  get load(): Choice | undefined {
    return this.#outbound.load;
  }

  /** The client has gone. */
  closed(): void {
    const policy = this.#gateway.config.onDisconnect;
    this.#conductor.deliver(events.downstreamClosed(policy), { cause: 'client_gone' });
  }

  /** The gateway shuts down; what is in flight may finish within the drain deadline, if not `now`. */
  drain(now: boolean): void {
    // A record is not waited for either. What has no outcome yet gets its own time to settle.
    if (now) this.#deadlines.hasten('settle');
    this.#downstream.endsConnection();
    this.#conductor.deliver(events.drainStarted, { cause: 'draining' });
    if (now) this.#expired('drain');
  }

  /** A short body that came with its head goes on as one, which costs an upload less. */
  readonly #headRead = (): void => {
    const { requestBytes } = this.#bill;
    if (this.#outbound.goesAsOne(requestBytes)) this.#request.once('end', this.#choose);
    else this.#choose();
  };

  readonly #choose = (): void => this.#routed(this.#outbound.routing.choose());

  readonly #received = (chunk: Buffer): void => {
    const { bytesMax } = this.#outbound;
    this.#bill.received(chunk);
    if (this.#bill.requestBytes > bytesMax) this.refuse(tooLarge(bytesMax));
    else this.#conductor.deliver(events.requestBody, chunk);
  };

  readonly #ended = (): void => {
    this.#conductor.deliver(events.requestEnd);
    if (this.#outbound.routing.holds) this.#routed(this.#outbound.routing.chooseByModel());
  };

  #routed(refusal: Refusal | undefined): void {
    if (refusal === undefined) this.#conductor.deliver(events.requestRouted);
    else this.refuse(refusal);
  }

  readonly #expired = (deadline: Deadline): void => {
    this.#conductor.deliver(events.deadlineExpired(deadline), {
      cause: `deadline_${deadline}`,
      deadline,
    });
  };

  readonly #carryOut = (command: Command, detail: Detail | undefined): void => {
    switch (command.type) {
      case 'holdRequestBody':
        this.#outbound.routing.hold(detail as Buffer);
        break;
      case 'forwardRequestHeaders':
        this.#outbound.forward();
        break;
      case 'forwardHeldRequest':
        this.#outbound.forwardHeld();
        break;
      case 'forwardRequestBody':
        this.#outbound.forwardBody(detail as Buffer);
        break;
      case 'endRequest':
        this.#outbound.end();
        break;
      case 'cancelUpstream':
        this.#outbound.cancel();
        break;
      case 'pauseUpstream':
        this.#outbound.pause();
        break;
      case 'resumeUpstream':
        this.#outbound.resume();
        break;
      case 'forwardResponseHeaders':
        this.#forwardResponseHeaders(detail as ResponseHead);
        break;
      case 'forwardResponseBody':
        this.#forwardResponseBody(detail as Buffer);
        break;
      case 'forwardResponseTrailers':
        if (this.#facts.trailersWelcome) {
          this.#downstream.trailers(passTrailers(detail as RawHeaders));
        }
        break;
      case 'endResponse':
        this.#downstream.end();
        break;
      case 'answer':
        this.#answer(command.outcome, detail as Cause | undefined);
        break;
      case 'resetDownstream':
        this.#reset(command.outcome, detail as Cause | undefined);
        break;
      case 'openBuffer':
        this.#openBuffer(detail as ResponseHead);
        break;
      case 'bufferResponseBody':
        this.#bufferResponseBody(detail as Buffer);
        break;
      case 'readUsage':
        this.#bill.read(this.#read);
        break;
      case 'recordUsage':
        this.#recordUsage(command.outcome, detail as Cause | undefined);
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
      case 'holdRequestTrailers':
      case 'forwardRequestTrailers':
        // node:http reads a request's trailers, but undici has no way to send them.
        break;
    }
  };

  #forwardResponseHeaders({ status, statusText, rawHeaders, content }: ResponseHead): void {
    const { type, encoding } = content;
    this.#bill.status = status;
    this.#streams = encoding === undefined && /^text\/event-stream\b/i.test(type ?? '');
    const headers = passResponseHeaders(rawHeaders, this.#facts.trailersWelcome);
    this.#downstream.begin(status, statusText, headers);
  }

  #forwardResponseBody(chunk: Buffer): void {
    this.#bill.forwarded(chunk);
    if (!this.#downstream.write(chunk)) this.#conductor.deliver(events.downstreamBlocked);
  }

  readonly #failed = (error: unknown, { type }: Command): Cause => {
    const what = error instanceof Error ? error.stack : String(error);
    this.#gateway.warn(`exchange ${this.#exchange.id}: ${type}: ${what}`);
    // If the last word to the client failed, it would wait for ever: nothing else follows.
    if (type === 'endResponse' || type === 'answer' || type === 'resetDownstream') {
      this.#downstream.destroy();
    }
    return { cause: 'gateway_failed' };
  };

  readonly #read = (): void => this.#conductor.deliver(events.usageRead);

  #answer(outcome: Outcome, cause: Cause | undefined): void {
    const answer = ownAnswer(outcome, cause);
    this.#bill.ownStatus = answer.status;
    this.#downstream.answer(answer);
  }

  #reset(outcome: Outcome, cause: Cause | undefined): void {
    const tells = this.#streams && this.#gateway.config.errorEvent;
    // A client that does not read cannot be told anything either.
    if (outcome === 'cancelled') this.#downstream.destroy();
    else this.#downstream.abort(tells ? errorEvent(outcome, cause) : undefined);
  }

  #openBuffer({ content }: ResponseHead): void {
    this.#bill.open(content, {
      limits: this.#gateway.accountingLimits,
      sizer: this.#gateway.sizers.of(this.#outbound.routing.route),
      onProgress: () => this.#conductor.deliver(events.responseProgress),
      onTerminal: (verdict) => this.#conductor.deliver(events.responseTerminal(verdict)),
    });
  }

  #bufferResponseBody(chunk: Buffer): void {
    this.#bill.buffer(chunk);
    // What was read and not forwarded was read for a client that had gone, and has a bound.
    const { detachedBytesMax } = this.#gateway.config.limits;
    if (this.#bill.detachedBytes > detachedBytesMax) this.#expired('detach');
  }

  #recordUsage(outcome: Outcome, cause: Cause | undefined): void {
    this.#outbound.settle(endingOf(outcome, cause?.cause));
    const { id: exchange } = this.#exchange;
    const origin = { exchange, cause: cause?.cause, ...this.#outbound.origin };
    this.#bill.settle(outcome, origin, this.#write);
  }

  readonly #write = (record: UsageRecord): void => {
    const recorded = () => this.#conductor.deliver(events.usageRecorded);
    writeTo(this.#gateway, record, recorded, () => this.#deadlines.hasten('settle'));
  };

  #release(): void {
    this.#bill.release();
    this.#outbound.release();
    this.#gateway.forget(this);
  }
}
