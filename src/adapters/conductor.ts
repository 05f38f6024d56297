/**
 * Runs one exchange to completion, event by event.
 *
 * Carrying out a command may raise events (the accounting sees the last event of a stream, a write
 * blocks). They wait until the commands of the event before them are done, so an adapter's code is
 * never in the middle of two. An adapter delivers what happened and carries out what is ordered; it
 * never asks where the exchange is.
 */
import type { Command, Event } from '../../machines/events.js';
import { events } from '../../machines/events.js';
import type { Exchange } from '../exchange.js';

/** Carries out one command. `detail` is what the adapter gave with the event that led to it. */
export type CarryOut<Detail> = (command: Command, detail: Detail | undefined) => void;

export class Conductor<Detail> {
  readonly #exchange: Exchange;
  readonly #carryOut: CarryOut<Detail>;
  readonly #failed: (error: unknown, command: Command) => Detail;
  #waiting: [Event, Detail | undefined][] = [];
  #busy = false;

  /** `failed` makes the detail of `gateway.failed` from what a command threw. */
  constructor(
    exchange: Exchange,
    carryOut: CarryOut<Detail>,
    failed: (error: unknown, command: Command) => Detail,
  ) {
    this.#exchange = exchange;
    this.#carryOut = carryOut;
    this.#failed = failed;
  }

  deliver(event: Event, detail?: Detail): void {
    if (this.#busy) {
      this.#waiting.push([event, detail]);
      return;
    }
    this.#busy = true;
    try {
      this.#run(event, detail);
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.#run(...next);
      }
    } finally {
      this.#busy = false;
    }
  }

  /** A command that throws is a fault of the gateway's own; the rest are carried out (fault: F54). */
  #run(event: Event, detail: Detail | undefined): void {
    const commands = this.#exchange.receive(event);
    // By index: the lists are frozen, and iterating such a list makes an object for each member.
    for (let at = 0; at < commands.length; at++) {
      const command = commands[at] as Command;
      try {
        this.#carryOut(command, detail);
      } catch (error) {
        this.#waiting.push([events.gatewayFailed, this.#failed(error, command)]);
      }
    }
  }
}
