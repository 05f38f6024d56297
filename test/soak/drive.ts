/** Says one exchange to the server, as Envoy would, and has the answers judged as they come. */
import type { ProcessingRequest } from '../../src/adapters/ext-proc/wire.js';
import type { EnvoyClient, EnvoyStream, StreamEnd } from '../../src/envoy/stream.js';
import type { Tally } from './judge.js';
import { Judge } from './judge.js';
import type { Shown, Side, SoakPlan } from './plans.js';
import { isStreamed } from './plans.js';

/** How long answers may take before they count as never coming. */
const PATIENCE_MS = 30_000;

export interface Driven {
  readonly faults: readonly string[];
  /** Something of the request was answered, so the server has taken the exchange. */
  readonly began: boolean;
}

export async function drive(client: EnvoyClient, plan: SoakPlan, tally: Tally): Promise<Driven> {
  return new Driver(client.open(), plan, tally).run();
}

class Driver {
  readonly #stream: EnvoyStream;
  readonly #plan: SoakPlan;
  readonly #tally: Tally;
  readonly #judge: Judge;
  readonly #left: Record<Side, Shown[]>;
  #heard = 0;
  #sent = 0;
  #over: StreamEnd | undefined;

  constructor(stream: EnvoyStream, plan: SoakPlan, tally: Tally) {
    this.#stream = stream;
    this.#plan = plan;
    this.#tally = tally;
    this.#judge = new Judge(plan, tally);
    this.#left = { request: [...plan.request], response: [...plan.response] };
    void stream.ended.then((end) => {
      this.#over = end;
    });
  }

  async run(): Promise<Driven> {
    const { leaving, leaveAfter } = this.#plan;
    const timer = setTimeout(() => this.#stream.cancel(), PATIENCE_MS);
    for (const side of this.#plan.order) {
      if (this.#sent >= leaveAfter || this.#isOver) break;
      await this.#say(side);
    }
    const early = this.#sent >= leaveAfter;
    if (early) this.#tally.left++;
    const whole = await this.#leave(early, leaving);
    clearTimeout(timer);
    this.#catchUp();
    this.#judge.close(whole);
    return { faults: this.#judge.faults, began: this.#judge.began };
  }

  /** Gives whether all that was owed had to come. */
  async #leave(early: boolean, leaving: SoakPlan['leaving']): Promise<boolean> {
    if (early && leaving !== 'wait') {
      if (leaving === 'halfClose') this.#stream.halfClose();
      this.#stream.cancel();
      await this.#stream.ended;
      return false;
    }
    // What waits for its model when Envoy leaves is never sent on.
    const cut = early && this.#plan.held && isStreamed(this.#plan.modes.request);
    if (leaving === 'wait') this.#stream.halfClose();
    else await this.#until(() => this.#judge.done);
    if (leaving === 'halfClose') this.#stream.halfClose();
    if (leaving !== 'wait') this.#stream.cancel();
    const { code, details } = await this.#stream.ended;
    if (leaving === 'wait' && code !== 0) {
      (this.#judge.faults as string[]).push(`ended with ${code} ${details}`);
    }
    // A refusal that comes when the response has begun is a clean end, and Envoy goes on alone.
    this.#catchUp();
    const closed = this.#plan.refusable && code === 0 && !this.#judge.done;
    if (closed) this.#tally.closed++;
    return !cut && !closed;
  }

  async #say(wanted: Side): Promise<void> {
    const side = this.#mayBeNext(wanted);
    const shown = this.#left[side].shift();
    if (shown === undefined) return;
    // Nothing comes back from an upstream that has not been asked.
    if (side === 'response' && this.#plan.request.length > 0 && !this.#plan.observed) {
      await this.#until(() => this.#judge.began);
    }
    const { window, modes, observed } = this.#plan;
    if (!observed && !isStreamed(modes[side])) await this.#until(() => this.#judge.open < window);
    else if (this.#sent % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (this.#isOver) return;
    this.#judge.said(shown);
    void this.#stream.send(this.#toldIn(shown.message));
    this.#sent++;
  }

  /** The request goes first where the response would wait for it, or end the exchange before it. */
  #mayBeNext(wanted: Side): Side {
    const { request, response } = this.#left;
    if (request.length === 0) return 'response';
    if (response.length === 0) return 'request';
    if (this.#sent === 0) return 'request';
    const [next] = response;
    const starts = this.#plan.response.length === response.length;
    if (starts && this.#plan.held) return 'request';
    const streamed = isStreamed(this.#plan.modes.request) || this.#plan.held;
    const ending = next?.ends === true || next?.late === true;
    return ending && streamed ? 'request' : wanted;
  }

  /** The modes stand in the first message alone. */
  #toldIn(message: ProcessingRequest): ProcessingRequest {
    const { told, observed, modes } = this.#plan;
    const observing = observed ? { observabilityMode: true } : {};
    if (this.#sent > 0 || !told) return { ...message, ...observing };
    const protocolConfig = { requestBodyMode: modes.request, responseBodyMode: modes.response };
    return { ...message, ...observing, protocolConfig };
  }

  get #isOver(): boolean {
    return this.#over !== undefined || this.#judge.immediate;
  }

  async #until(ready: () => boolean): Promise<void> {
    await this.#stream.until(() => {
      this.#catchUp();
      return this.#judge.immediate || ready();
    });
  }

  #catchUp(): void {
    const { answers } = this.#stream;
    while (this.#heard < answers.length) this.#judge.heard(answers[this.#heard++]!);
  }
}
