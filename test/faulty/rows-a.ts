/** Defects of the rows A: a router of models that parses what passes. */
import type { HttpBody, Kind } from '../../src/adapters/ext-proc/wire.js';
import type { Defect } from './defect.js';
import { refuse } from './defect.js';
import { Handler, Shown } from './handler.js';
import type { Half } from './messages.js';

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const textOf = ({ body }: HttpBody) => body?.toString() ?? '';

/** Objects that are used again (field: A10). */
const pool: Shown[] = [];

/** Pieces by the id that a client chose (field: A11). */
const pieces = new Map<string | undefined, Buffer[]>();

export const rowsA: readonly Defect[] = [
  {
    // field: A1. The buffer is gone after the first end, so the second one parses an empty one.
    id: 'A1',
    sentence: 'It parses again at a second end.',
    faulty: class extends Handler {
      override late(half: Half, body: HttpBody): void {
        if (half === 'response' && body.endOfStream && !isJson(textOf(body))) refuse(this);
        super.late(half, body);
      }
    },
    breaks: 'started',
    trace: 'RH · SH(200, json, end) · SB("", end) · half-close',
  },
  {
    // field: A2
    id: 'A2',
    sentence: 'It parses each piece of an event stream alone.',
    faulty: class extends Handler {
      override readEvents(text: string): void {
        const lines = text.match(/^data: ?\{.*$/gm) ?? [];
        if (!lines.every((line) => isJson(line.slice(5)))) refuse(this);
        else super.readEvents(text);
      }
    },
    breaks: 'started',
    trace: 'RH · SH(200, sse) · SB(delta 1/2) · half-close',
  },
  {
    // field: A3, D1
    id: 'A3',
    sentence: 'It wants whole lines of a piece that says "usage".',
    faulty: class extends Handler {
      override readEvents(text: string): void {
        if (text.includes('"usage"') && !text.endsWith('\n')) refuse(this);
        else super.readEvents(text);
      }
    },
    breaks: 'started',
    trace: 'RH · SH(200, sse) · SB(usage, cut in its counts 1/2) · half-close',
  },
  {
    // field: A4
    id: 'A4',
    sentence: 'It records a cancel that comes after the end.',
    faulty: class extends Handler {
      override cancelled(): void {
        const wasRecorded = this.shown.isRecorded;
        super.cancelled();
        if (wasRecorded) this.record('cancelled');
      }
    },
    breaks: 'record',
    trace: 'SH(503, json, end) · cancel',
  },
  {
    // field: A5
    id: 'A5',
    sentence: 'It takes every message of a buffered body for all of it.',
    faulty: class extends Handler {
      override observe(body: HttpBody): void {
        if (this.isBuffered && !isJson(textOf(body))) refuse(this);
        else super.observe(body);
      }
    },
    breaks: 'started',
    trace: 'RH(buffered) · SH(200, json) · SB(json 1/2) · half-close',
  },
  {
    // field: A6
    id: 'A6',
    sentence: 'It decodes the response as the request asked for it.',
    faulty: class extends Handler {
      asksForStream = false;
      override requestBody(body: HttpBody): void {
        this.asksForStream ||= textOf(body).includes('"stream":true');
        super.requestBody(body);
      }
      override readsEvents(): boolean {
        return this.asksForStream;
      }
    },
    breaks: 'usage',
    trace: 'RH · SH(200, sse) · SB(usage) · half-close',
  },
  {
    // field: A7
    id: 'A7',
    sentence: 'It reads the body of an error as an answer of the model.',
    faulty: class extends Handler {
      override observe(body: HttpBody): void {
        const isError = (this.shown.status as number) >= 400;
        if (isError && !textOf(body).includes('"usage"')) refuse(this);
        else super.observe(body);
      }
    },
    breaks: 'started',
    trace: 'SH(503, json) · SB(error, end) · half-close',
  },
  {
    // field: A8
    id: 'A8',
    sentence: 'It forgets an exchange that is cancelled before its response.',
    faulty: class extends Handler {
      override cancelled(): void {
        if (this.shown.begun.response) super.cancelled();
      }
    },
    breaks: 'record',
    trace: 'RH · cancel',
  },
  {
    // field: A10. The close of the one exchange finishes the other, which got its object.
    id: 'A10',
    sentence: 'It gives its state back at the end, and finishes it again at the close.',
    faulty: class extends Handler {
      override shown = Object.assign(pool.pop() ?? new Shown(), new Shown());
      override endResponse(): void {
        super.endResponse();
        pool.push(this.shown);
      }
    },
    breaks: 'outcome',
    trace: 'a: RH · a: SH(204, end) · b: RH · a: half-close · b: SH(204, end) · b: half-close',
  },
  {
    // field: A11
    id: 'A11',
    sentence: 'It keeps bodies by id, and lets go of them at the end only.',
    faulty: class extends Handler {
      override pieces(): Buffer[] {
        if (!pieces.has(this.shown.id)) pieces.set(this.shown.id, []);
        return pieces.get(this.shown.id) as Buffer[];
      }
      override readBody(): void {
        const kept = this.shown.ended.response ? [] : [...this.pieces()];
        super.readBody();
        this.pieces().push(...kept);
      }
    },
    breaks: 'usage',
    trace:
      'a: RH · a: SH(200, json) · a: SB(json 1/2) · b: RH · b: SH(200, json) · ' +
      'b: SB(other json, end) · a: half-close · b: half-close',
  },
  {
    // field: A14
    id: 'A14',
    sentence: 'It wraps an error that is wrapped already.',
    faulty: class extends Handler {
      override answer(kind: Kind, content: object): void {
        const isError = kind === 'responseBody' && (this.shown.status as number) >= 400;
        const body = Buffer.from('{"error":{"error":{}}}');
        super.answer(kind, isError ? { response: { bodyMutation: { body } } } : content);
      }
    },
    breaks: 'bytes',
    trace: 'SH(503, json) · SB(error, end) · half-close',
  },
];
