/** Who is told of an exchange while it goes: a trace, telemetry, a watch, any of them, or nobody. */

import { Exchange } from '../exchange.js';
import type { Observation } from '../observe/observation.js';
import type { HeaderOf } from '../observe/spans.js';
import type { Telemetry } from '../observe/telemetry.js';
import type { Watch } from '../observe/watch.js';
import type { StepObserver } from '../step.js';
import type { TraceSink } from '../trace.js';
import { Bill } from './bill.js';

/** None of them is waited for, and who made them closes them, after the server. */
export interface Observers {
  /** Gets every record of every exchange. */
  readonly trace?: TraceSink | undefined;
  /** Metrics, spans and a log of all exchanges. */
  readonly telemetry?: Telemetry | undefined;
  /** Has a row for each exchange, for people who watch. */
  readonly watch?: Watch | undefined;
}

/** An exchange that begins, its bill, and what telemetry makes of it. */
export function begun(
  { trace, telemetry, watch }: Observers,
  id: string,
  headerOf: HeaderOf,
): [exchange: Exchange, bill: Bill, observation: Observation | undefined] {
  const observation = telemetry?.begin(id, headerOf);
  const row = watch?.begin(id);
  const bill = new Bill(observation, row);
  const both = observation !== undefined && row !== undefined;
  const observer = both ? new Both(observation, row) : (observation ?? row);
  return [new Exchange({ id, trace, observer }), bill, observation];
}

class Both implements StepObserver {
  readonly #one: StepObserver;
  readonly #other: StepObserver;

  constructor(one: StepObserver, other: StepObserver) {
    this.#one = one;
    this.#other = other;
  }

  stepped(event: number, before: number, after: number): void {
    this.#one.stepped(event, before, after);
    this.#other.stepped(event, before, after);
  }
}
