/** Plays scenarios on real streams, and tells what was seen. It judges nothing. */
import type { EnvoyClient, EnvoyStream } from '../../src/envoy/stream.js';
import type { Message } from './messages.js';
import type { Seen } from './oracle.js';
import type { Scenario } from './scenarios.js';

/** What one stream of a scenario was sent, and saw. */
export interface Played {
  readonly scenario: Scenario;
  readonly stream: number;
  readonly messages: readonly Message[];
  readonly seen: Seen;
}

/** A stream of the scenario, while it is played. */
interface Run {
  readonly stream: number;
  readonly envoy: EnvoyStream;
  readonly messages: Message[];
  cancelled: boolean;
}

let played = 0;

/** Plays on the streams of one client. */
export class Player {
  readonly #client: EnvoyClient;
  readonly #patienceMs: number;

  /** `patienceMs` is how long a server may take to say something. */
  constructor(client: EnvoyClient, patienceMs: number) {
    this.#client = client;
    this.#patienceMs = patienceMs;
  }

  /** Plays one scenario on fresh streams, and gives what each of them saw. */
  async play(scenario: Scenario): Promise<Played[]> {
    // The streams of one scenario share an id, and no others do.
    const id = `exchange-${played++}`;
    const runs: Run[] = [];
    const isPair = scenario.some(({ stream }) => stream > 0);
    for (const { stream, does } of scenario) {
      runs[stream] ??= { stream, envoy: this.#client.open(), messages: [], cancelled: false };
      const run = runs[stream];
      if (typeof does === 'string') {
        if (does === 'cancel') await this.#cancel(run);
        else run.envoy.halfClose();
        await this.#within(run.envoy.ended);
      } else {
        run.messages.push(does);
        void run.envoy.send(does.wire(id));
        // HTTP/2 orders what one stream sends, but not one stream against another.
        if (isPair) await this.#answered(run);
      }
    }
    return Promise.all(runs.map((run) => this.#finish(scenario, run)));
  }

  /**
   * An empty stream, there and back on the same connection. It is served behind whatever was sent
   * before it, so once it has ended the server has seen every cancel too. Nothing happens in it,
   * so it is to leave no record.
   */
  async passBy(): Promise<void> {
    const envoy = this.#client.open();
    envoy.halfClose();
    await this.#within(envoy.ended);
    envoy.cancel();
  }

  async #cancel(run: Run): Promise<void> {
    // A cancel overtakes the messages before it, so the server must be seen to have had them.
    await this.#answered(run);
    run.cancelled = true;
    run.envoy.cancel();
  }

  #answered({ envoy, messages }: Run): Promise<unknown> {
    return this.#within(envoy.until(() => envoy.answers.length >= messages.length));
  }

  async #finish(scenario: Scenario, run: Run): Promise<Played> {
    const { stream, envoy, messages, cancelled } = run;
    const end = await this.#within(envoy.ended);
    // Without effect on a stream that has ended; one that has not is not left behind.
    envoy.cancel();
    return { scenario, stream, messages, seen: { answers: envoy.answers, end, cancelled } };
  }

  async #within<T>(promise: Promise<T>): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, this.#patienceMs, undefined);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
