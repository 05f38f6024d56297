/**
 * The handler of the bug (field: A1). The codec is that of the right server. The order is that of
 * `machines/legacy.ts`, and it is carried out as the handler of the field did it: a buffer per
 * request, parsed at the response's end, then deleted. Nothing remembers that a response was
 * processed: a second end finds no buffer, makes one, parses nothing, and answers a finished
 * request with a 500.
 */
import type { Command, Outcome } from '../../../machines/events.js';
import { codeOf } from '../../../machines/events.js';
import type { Ledger } from '../../accounting/ledger.js';
import type { Usage } from '../../accounting/usage.js';
import { rows } from '../../legacy.generated.js';
import type { Watch, Watched } from '../../observe/watch.js';
import { Table } from '../../table.js';
import type { TraceSink } from '../../trace.js';
import { TRACE_VERSION, wordOf } from '../../trace.js';
import { ownAnswer } from '../answers.js';
import type { Warn } from '../warnings.js';
import { answersOf, eventsOf, kindOf } from './codec.js';
import type { Call } from './conversation.js';
import { immediateOf } from './extras.js';
import { headerOf } from './headers.js';
import type { ProcessingRequest } from './wire.js';

export const legacyTable = new Table(rows);
/** Like the original it knows the modes in which each message has one answer, and no other. */
const MODES = { requestBody: undefined, responseBody: undefined };

/** What all exchanges of the server share. */
export interface LegacyShared {
  /** One map for all: what has come of each exchange's response body, by the exchange's id. */
  readonly buffers: Map<string, Buffer>;
  readonly ledger: Ledger;
  readonly trace?: TraceSink | undefined;
  readonly watch?: Watch | undefined;
  readonly warn: Warn;
}

/** Answers the messages of one stream for as long as any come. */
export class LegacyHandler {
  readonly #startedAt = performance.now();
  #state = 0;
  #seq = 0;
  #path: string | undefined;
  #requestBytes = 0;
  #responseBytes = 0;
  #completion: Completion | undefined;
  readonly #row: Watched | undefined;

  constructor(
    readonly shared: LegacyShared,
    readonly id: string,
    readonly call: Call,
  ) {
    this.#row = shared.watch?.begin(id);
  }

  receive(message: ProcessingRequest): void {
    const kind = kindOf(message);
    if (kind === undefined) return;
    this.#path ??= headerOf(message.requestHeaders?.headers, ':path')?.split('?', 1)[0];
    const { requestBody: { body: up } = {}, responseBody: { body: down } = {} } = message;
    this.#requestBytes += up?.length ?? 0;
    this.#responseBytes += down?.length ?? 0;
    if (up !== undefined) this.#row?.request.take(up);
    if (down !== undefined) this.#row?.response.take(down);
    try {
      const commands = eventsOf(message, kind).flatMap((event) => {
        const [code, before] = [codeOf(event), this.#state];
        const step = legacyTable.step(before, code);
        this.#state = step.state;
        this.#row?.stepped(code, before, step.state);
        this.#trace(wordOf(event), step.commands);
        for (const command of step.commands) this.#carryOut(command, message);
        return step.commands;
      });
      const turn = { message, kind, commands, modes: MODES, held: [], extras: {} };
      for (const answer of answersOf(turn)) this.call.write(answer);
    } catch (error) {
      // A body that cannot be parsed: the client is told so, whatever it has been told before.
      const text = (error as Error).message;
      const cause = { cause: 'unmarshal', message: text[0]?.toLowerCase() + text.slice(1) };
      const answer = ownAnswer('unknown', cause);
      this.call.write({ immediateResponse: immediateOf(answer, cause.message) });
    }
  }

  /** Its stream is closed, which the machine of the bug knows nothing of. */
  closed(): void {
    this.#row?.end();
  }

  #carryOut(command: Command, message: ProcessingRequest): void {
    const { buffers } = this.shared;
    const buffer = buffers.get(this.id) ?? Buffer.alloc(0);
    switch (command.type) {
      case 'openBuffer': // Load or store: it does not ask why there is no buffer (any more).
        buffers.set(this.id, buffer);
        break;
      case 'bufferResponseBody':
        buffers.set(this.id, Buffer.concat([buffer, message.responseBody?.body as Buffer]));
        break;
      case 'readUsage': // The bytes are at hand, so the buffer goes, even if they are no JSON.
        buffers.delete(this.id);
        this.#completion = JSON.parse(jsonOf(buffer.toString()));
        break;
      case 'recordUsage':
        this.#record(command.outcome);
        break;
      // The rest is the codec's to say.
    }
  }

  #record(outcome: Outcome): void {
    const { model, usage } = this.#completion ?? {};
    const { ledger, warn } = this.shared;
    const written = ledger.write({
      v: 1,
      exchange: this.id,
      at: new Date().toISOString(),
      outcome,
      path: this.#path,
      model,
      usage: {
        kind: 'final',
        inputTokens: usage?.prompt_tokens,
        outputTokens: usage?.completion_tokens,
        totalTokens: usage?.total_tokens,
      } as Usage,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      durationMs: performance.now() - this.#startedAt,
    });
    written.catch((error) => warn(`exchange ${this.id}: not recorded: ${String(error)}`));
  }

  #trace(event: string, commands: readonly Command[]): void {
    this.shared.trace?.({
      v: TRACE_VERSION,
      exchange: this.id,
      seq: this.#seq++,
      at: performance.now(),
      event,
      state: legacyTable.states[this.#state] as string,
      commands: commands.map(wordOf),
    });
  }
}

/** What the handler believes that a response is. */
type Completion = {
  readonly model?: string;
  readonly usage?: {
    readonly prompt_tokens?: number;
    readonly completion_tokens?: number;
    readonly total_tokens?: number;
  };
} | null;

/** The JSON of a body: all of it or, of an event stream, its last event that is JSON. */
function jsonOf(body: string): string {
  const lines = body.split('\n');
  return lines.findLast((line) => line.startsWith('data: {'))?.slice(6) ?? body;
}
