/**
 * Plays Envoy's ext_proc filter for one HTTP exchange, between a client and an upstream that a plan
 * stands for.
 *
 * It does with an answer what Envoy does: carries out what Envoy honours, ignores what Envoy
 * ignores, fails where Envoy fails; and it writes a fault for all that the server should not do.
 */
import { Half } from './half.js';
import { Judge } from './judge.js';
import { Line } from './line.js';
import type { Plan, Play } from './plan.js';
import { checkPlan } from './plan.js';
import type { EnvoyClient, EnvoyStream, StreamEnd } from './stream.js';

/** Plays one exchange to its end, on a stream of its own. Throws for a plan that Envoy refuses. */
export async function playExchange(client: EnvoyClient, plan: Plan): Promise<Play> {
  checkPlan(plan);
  return new Player(client.open(), plan).play();
}

class Player {
  readonly #stream: EnvoyStream;
  readonly #plan: Plan;
  readonly #line: Line;
  readonly #request: Half;
  readonly #response: Half;
  readonly #judge: Judge;
  #left = false;
  #closing = false;

  constructor(stream: EnvoyStream, plan: Plan) {
    this.#stream = stream;
    this.#plan = plan;
    this.#line = new Line(stream, plan);
    this.#request = new Half(this.#line, 'request');
    this.#response = new Half(this.#line, 'response');
    this.#judge = new Judge(this.#line, this.#request, this.#response);
  }

  async play(): Promise<Play> {
    const over = this.#listen();
    const leave = () => {
      this.#line.stop();
      this.#stream.cancel();
    };
    this.#plan.signal?.addEventListener('abort', leave);
    if (this.#plan.signal?.aborted) leave();
    try {
      await Promise.all([this.#playRequest(), this.#playResponse()]);
      await this.#close(over);
    } finally {
      this.#plan.signal?.removeEventListener('abort', leave);
      // A plan whose chunks failed leaves a half that waits.
      this.#line.stop();
      this.#stream.cancel();
      await over;
      this.#line.close();
    }
    return this.#result(await over);
  }

  async #playRequest(): Promise<void> {
    if (this.#plan.request !== undefined) await this.#request.run(this.#plan.request);
  }

  async #playResponse(): Promise<void> {
    const { request, response, respondAfter } = this.#plan;
    const { onward } = this.#request;
    if (request !== undefined) {
      const early = respondAfter === 'requestHeaders';
      await this.#line.until(() => onward.complete || (early && onward.begun));
    }
    if (this.#line.standing === 'stopped') return;
    const content = await this.#line.unlessStopped(
      typeof response === 'function' ? response(onward.received) : response,
    );
    if (content !== undefined) await this.#response.run(content);
  }

  /** Has every answer judged until the stream is over. */
  async #listen(): Promise<StreamEnd> {
    for (;;) {
      const answer = await this.#stream.next();
      if (answer === undefined) break;
      this.#line.happened();
      this.#judge.take(answer);
    }
    const end = await this.#stream.ended;
    // What the last answer has set going is done first, so that it is known what is left to do.
    await new Promise((resolve) => setImmediate(resolve));
    this.#ended(end);
    return end;
  }

  #ended({ code, details }: StreamEnd): void {
    if (this.#line.standing !== 'attached' || this.#closing) return;
    const request = this.#plan.request === undefined || this.#request.onward.complete;
    if (code === 0) {
      this.#left = !request || !this.#response.onward.complete;
      this.#line.detach();
    } else {
      this.#line.fault('error end', `${code} ${details}`);
      this.#line.fail(500);
    }
  }

  async #close(over: Promise<unknown>): Promise<void> {
    const { close = 'halfClose', closeTimeoutMs = 5000 } = this.#plan;
    this.#closing = close !== 'graceful';
    if (close === 'cancel') return;
    this.#stream.halfClose();
    // The half-close is to leave before the reset, which else takes its place.
    if (close === 'halfClose') return new Promise((resolve) => setImmediate(resolve));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#closing = true;
        this.#line.fault('stream left open', `${closeTimeoutMs} ms after the half-close`);
        resolve();
      }, closeTimeoutMs);
    });
    await Promise.race([over, late]);
    clearTimeout(timer);
  }

  #result(end: StreamEnd): Play {
    const { reply, messages, dialogue, faults, timedOut } = this.#line;
    const { onward } = this.#response;
    const { received } = onward;
    const replied = reply !== undefined && !onward.begun;
    const status = received.headers[':status'];
    return {
      upstream: this.#request.onward.received,
      downstream: replied
        ? { ...reply, complete: true }
        : { ...received, status: status === undefined ? undefined : Number(status) },
      immediate: this.#judge.immediate,
      dynamicMetadata: this.#judge.metadata,
      messages,
      answers: this.#judge.answers,
      dialogue,
      faults,
      left: this.#left,
      timedOut,
      end,
    };
  }
}
