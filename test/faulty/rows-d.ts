/** Defects of the rows D: what can be read in one shipped server. */
import { status as grpc } from '@grpc/grpc-js';
import type { HttpBody, HttpHeaders, ProcessingRequest } from '../../src/adapters/ext-proc/wire.js';
import type { Defect } from './defect.js';
import { refuse } from './defect.js';
import { Handler, Shown } from './handler.js';

/** Pieces by the id that a client chose (field: D17). */
const pieces = new Map<string | undefined, Buffer[]>();

/** What is told of streams that go well but for what is read of them. */
const readings: readonly Defect[] = [
  {
    // field: D2
    id: 'D2',
    sentence: 'It keeps half of a line only if it says "usage".',
    faulty: class extends Handler {
      override readEvents(text: string): void {
        super.readEvents(text);
        if (!this.carry.includes('"usage"')) this.carry = '';
      }
    },
    breaks: 'usage',
    trace:
      'RH · SH(200, sse) · SB(usage, cut in its name 1/2) · ' +
      'SB(usage, cut in its name 2/2) · half-close',
  },
  {
    // field: D3
    id: 'D3',
    sentence: 'It takes every event that says "usage" for one that has it.',
    faulty: class extends Handler {
      override readEvent(event: string): void {
        const before = this.shown.counts;
        super.readEvent(event);
        if (event.includes('"usage"') && this.shown.counts === before) refuse(this);
      }
    },
    breaks: 'started',
    trace: 'RH · SH(200, sse) · SB(delta "usage") · half-close',
  },
  {
    // field: D4, K13
    id: 'D4',
    sentence: 'It takes a usage for the end, and hangs up.',
    faulty: class extends Handler {
      override answerBody(kind: 'requestBody' | 'responseBody', body: HttpBody): void {
        super.answerBody(kind, body);
        if (!this.shown.isSse || this.shown.counts.inputTokens === undefined) return;
        this.isOver = true;
        this.world.end();
      }
    },
    breaks: 'answer',
    trace: 'RH · SH(200, sse) · SB(usage) · SB([DONE]) · half-close',
  },
  {
    // field: D5
    id: 'D5',
    sentence: 'It forgets the usage of one event at the next.',
    faulty: class extends Handler {
      override take(usage: Record<string, number | undefined>): void {
        this.shown.counts = {};
        super.take(usage);
      }
    },
    breaks: 'usage',
    trace: 'RH · SH(200, sse) · SB(message_start) · SB(message_delta) · half-close',
  },
  {
    // field: D13
    id: 'D13',
    sentence: 'It reads a body only if its end was told.',
    faulty: class extends Handler {
      override closed(): void {
        this.settle();
      }
    },
    breaks: 'outcome',
    trace: 'RH · SH(200, json) · SB(json) · half-close',
  },
  {
    // field: D14
    id: 'D14',
    sentence: 'It parses a body that is empty.',
    faulty: class extends Handler {
      override observe(body: HttpBody): void {
        super.observe(body);
        const all = [body.body ?? Buffer.alloc(0), ...this.pieces()];
        const isEmpty = all.every(({ length }) => length === 0);
        if (body.endOfStream && isEmpty && !this.shown.isSse) refuse(this);
      }
    },
    breaks: 'started',
    trace: 'RH · SH(200, json) · SB("", end) · half-close',
  },
  {
    // field: D23, H20
    id: 'D23',
    sentence: 'It sees no error inside a 200.',
    faulty: class extends Handler {
      override readObject(object: object): void {
        super.readObject({ ...object, error: undefined });
      }
    },
    breaks: 'outcome',
    trace: 'RH · SH(200, json) · SB(error, end) · half-close',
  },
];

const outcomes: readonly Defect[] = [
  {
    // field: D6
    id: 'D6',
    sentence: 'It counts a cancel as a success.',
    faulty: class extends Handler {
      override cancelled(): void {
        this.tell('completed');
        super.cancelled();
      }
    },
    breaks: 'outcome',
    trace: 'RH · cancel',
  },
  {
    // field: D7
    id: 'D7',
    sentence: 'It records a rejection at once, and its close too.',
    faulty: class extends Handler {
      override responseHeaders(headers: HttpHeaders): void {
        super.responseHeaders(headers);
        if (this.shown.verdict === 'rejected') this.record('rejected');
      }
    },
    breaks: 'record',
    trace: 'RH · SH(400, json) · half-close',
  },
  {
    // field: D8
    id: 'D8',
    sentence: 'It records what it cannot parse as failed, and then what came of it.',
    faulty: class extends Handler {
      override read(text: string): boolean {
        const isRead = super.read(text);
        if (!isRead) this.record('upstreamFailed');
        return isRead;
      }
    },
    breaks: 'record',
    trace: 'RH · SH(200, json) · SB(json 1/2) · half-close',
  },
  {
    // field: D10; fault: F43
    id: 'D10',
    sentence: 'It answers in place of an error whose headers have left.',
    faulty: class extends Handler {
      override observe(body: HttpBody): void {
        const { status = 0 } = this.shown;
        if (status >= 400) refuse(this, status);
        else super.observe(body);
      }
    },
    breaks: 'started',
    trace: 'SH(503, json) · SB(error, end) · half-close',
  },
  {
    // field: D11
    id: 'D11',
    sentence: 'It sees no end on the headers of a response.',
    faulty: class extends Handler {
      override responseHeaders(headers: HttpHeaders): void {
        super.responseHeaders({ ...headers, endOfStream: false });
      }
    },
    breaks: 'outcome',
    trace: 'RH · SH(200, json, end) · half-close',
  },
  {
    // field: D12
    id: 'D12',
    sentence: 'It takes every status but 200 for an error.',
    faulty: class extends Handler {
      override verdictOfStatus(status: number): string | undefined {
        return status === 200 ? undefined : (super.verdictOfStatus(status) ?? 'rejected');
      }
    },
    breaks: 'outcome',
    trace: 'RH · SH(204, end) · half-close',
  },
  {
    // field: D12
    id: 'D12, told',
    sentence: 'It records every success as a 200.',
    faulty: class extends Handler {
      override record(outcome: string): void {
        if (outcome === 'completed') this.shown.status = 200;
        super.record(outcome);
      }
    },
    breaks: 'code',
    trace: 'RH · SH(204, end) · half-close',
  },
];

/** What is told of messages that come when they were not expected. */
const orders: readonly Defect[] = [
  {
    // field: D15
    id: 'D15',
    sentence: 'It breaks on a body before its headers.',
    faulty: class extends Handler {
      override requestBody(body: HttpBody): void {
        if ((this.shown.id as string).length > 0) super.requestBody(body);
      }
    },
    breaks: 'violation',
    trace: 'RB(json, end) · half-close',
  },
  {
    // field: D17
    id: 'D17',
    sentence: 'It keeps bodies by an id that the client chose.',
    faulty: class extends Handler {
      override pieces(): Buffer[] {
        if (!pieces.has(this.shown.id)) pieces.set(this.shown.id, []);
        return pieces.get(this.shown.id) as Buffer[];
      }
    },
    breaks: 'usage',
    trace:
      'a: RH · a: SH(200, json) · a: SB(json 1/2) · b: RH · b: SH(200, json) · ' +
      'b: SB(other json, end) · a: half-close · b: half-close',
  },
  {
    // field: D18
    id: 'D18',
    sentence: 'It begins anew when headers come again.',
    faulty: class extends Handler {
      override requestHeaders(headers: HttpHeaders): void {
        this.shown = new Shown();
        super.requestHeaders(headers);
      }
    },
    breaks: 'outcome',
    trace: 'RH · SH(400, json) · RH · half-close',
  },
  {
    // field: D19
    id: 'D19',
    sentence: 'It finishes what has not begun.',
    faulty: class extends Handler {
      override hasBegun(): boolean {
        return true;
      }
    },
    breaks: 'record',
    trace: 'half-close',
  },
  {
    // field: D21
    id: 'D21',
    sentence: 'It closes with an error at trailers.',
    faulty: class extends Handler {
      override receive(message: ProcessingRequest): void {
        if (message.requestTrailers ?? message.responseTrailers) {
          this.fail(grpc.INTERNAL, 'The message is of no known type.');
        }
        super.receive(message);
      }
    },
    breaks: 'answer',
    trace: 'RH · RT · half-close',
  },
];

export const rowsD: readonly Defect[] = [...readings, ...outcomes, ...orders];
