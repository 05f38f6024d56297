/**
 * What both halves share: the stream to the server, whether the server is still asked, and all
 * that was said.
 */
import type { Kind, ProcessingRequest } from '../adapters/ext-proc/wire.js';
import type { FaultName, Plan } from './plan.js';
import type { EnvoyStream } from './stream.js';

/**
 * `attached`: the server is asked. `detached`: the exchange goes on without it. `stopped`: nothing
 * goes on, by a reply of its own, by a failure, or because the client has gone.
 */
export type Standing = 'attached' | 'detached' | 'stopped';

/** What Envoy says in place of the upstream. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export class Line {
  readonly faults: string[] = [];
  readonly dialogue: string[] = [];
  /** Told when the exchange goes on without the server, so that what waits for it passes. */
  readonly detaching: (() => void)[] = [];
  reply: Reply | undefined;
  messages = 0;
  timedOut = false;
  /** A body was shown in full duplex: Envoy has it no more, and cannot go on without the server. */
  bodyGivenAway = false;
  #standing: Standing = 'attached';
  #waiting: { ready: () => boolean; resolve: () => void }[] = [];
  #idle: NodeJS.Timeout | undefined;

  constructor(
    readonly stream: EnvoyStream,
    readonly plan: Plan,
  ) {
    this.happened();
  }

  get standing(): Standing {
    return this.#standing;
  }

  fault(name: FaultName, detail: string): void {
    this.faults.push(`${name}: ${detail}`);
  }

  /** Sends one message; resolves when it is on its way, or when nobody is there for it. */
  async send(kind: Kind, payload: object, end: boolean): Promise<void> {
    const { modes, protocolConfig, observability, sendBodyWithoutWaiting } = this.plan;
    const message: Record<string, unknown> = { [kind]: payload };
    if (observability) message.observabilityMode = true;
    if (protocolConfig && this.messages === 0) {
      message.protocolConfig = {
        requestBodyMode: modes.requestBody,
        responseBodyMode: modes.responseBody,
        sendBodyWithoutWaitingForHeaderResponse: sendBodyWithoutWaiting ?? false,
      };
    }
    this.messages += 1;
    this.dialogue.push(kind + (end ? '.' : ''));
    this.happened();
    let sent = false;
    this.stream.send(message as ProcessingRequest).then(() => {
      sent = true;
      this.wake();
    });
    await this.until(() => sent || this.#standing !== 'attached');
  }

  /** Resolves once `ready` holds, which is asked when something happened, or all has stopped. */
  until(ready: () => boolean): Promise<void> {
    if (ready() || this.#standing === 'stopped') return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ ready, resolve }));
  }

  wake(): void {
    for (const waiter of this.#waiting.slice()) {
      if (!waiter.ready() && this.#standing !== 'stopped') continue;
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.resolve();
    }
  }

  /** What comes of a source, or undefined where all has stopped before. */
  async unlessStopped<T>(source: T | Promise<T>): Promise<T | undefined> {
    let taken: { value: T } | undefined;
    let broken: { error: unknown } | undefined;
    Promise.resolve(source).then(
      (value) => {
        taken = { value };
        this.wake();
      },
      (error: unknown) => {
        broken = { error };
        this.wake();
      },
    );
    await this.until(() => taken !== undefined || broken !== undefined);
    if (broken !== undefined) throw broken.error;
    return taken?.value;
  }

  /** The exchange goes on without the server. */
  detach(): void {
    if (this.#standing !== 'attached') return;
    this.#standing = 'detached';
    for (const detached of this.detaching) detached();
    this.wake();
  }

  /** Nothing goes on. The reply is what the client gets, if it has got nothing yet. */
  stop(reply?: Reply): void {
    if (this.#standing === 'stopped') return;
    this.#standing = 'stopped';
    this.reply = reply;
    this.wake();
  }

  /** The server failed: Envoy closes the stream, and fails the exchange or goes on without it. */
  fail(status: number): void {
    if (this.#standing !== 'attached') return;
    if (this.plan.failureModeAllow && !this.bodyGivenAway) this.detach();
    else this.stop({ status, headers: {}, body: Buffer.alloc(0) });
    this.stream.cancel();
  }

  /** Something was said: the time in which nothing happens begins anew. */
  happened(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.fault('missing answer', 'nothing was said until the idle timeout');
      this.timedOut = true;
      if (this.#standing === 'attached') this.fail(504);
      else this.stop();
    }, this.plan.idleTimeoutMs ?? 300_000);
  }

  /** Nothing is left running. */
  close(): void {
    clearTimeout(this.#idle);
  }
}
