/** Defects of the rows G and I: pickers of endpoints, and a gateway for models. */
import { status as grpc } from '@grpc/grpc-js';
import type { HttpBody, HttpHeaders, Kind, Struct } from '../../src/adapters/ext-proc/wire.js';
import type { Defect } from './defect.js';
import { refuse } from './defect.js';
import { Handler } from './handler.js';
import type { Half } from './messages.js';

export const rowsG: readonly Defect[] = [
  {
    // field: G1
    id: 'G1',
    sentence: 'It finishes at the last piece, and once more behind it.',
    faulty: class extends Handler {
      override endResponse(): void {
        super.endResponse();
        this.shown.isRecorded = false;
        super.endResponse();
      }
    },
    breaks: 'record',
    trace: 'SH(503, json, end) · half-close',
  },
  {
    // field: G2, E1
    id: 'G2',
    sentence: 'In full duplex it parses the request again at a second end.',
    faulty: class extends Handler {
      override late(half: Half, body: HttpBody): void {
        if (this.isDuplex && half === 'request') refuse(this, 400);
        else super.late(half, body);
      }
    },
    breaks: 'immediate',
    trace: 'RH(full_duplex_streamed) · RB(json, end) · RB(json 2/2, end) · half-close',
  },
  {
    // field: G3
    id: 'G3',
    sentence: 'In full duplex it answers a body with an empty answer.',
    faulty: class extends Handler {
      override answerBody(kind: 'requestBody' | 'responseBody'): void {
        this.answer(kind, {});
      }
    },
    breaks: 'duplex',
    trace: 'RH(full_duplex_streamed) · RB(json 1/2) · half-close',
  },
  {
    // field: G5
    id: 'G5',
    sentence: 'It has no answer to the trailers of a request.',
    faulty: class extends Handler {
      override requestTrailers(): void {}
    },
    breaks: 'answer',
    trace: 'RH · RT · half-close',
  },
  {
    // field: G6
    id: 'G6',
    sentence: 'It closes with an error at the trailers of a response.',
    faulty: class extends Handler {
      override responseTrailers(): void {
        this.fail(grpc.UNIMPLEMENTED, 'There is no handler for this message.');
      }
    },
    breaks: 'answer',
    trace: 'RH · SH(200, json) · ST · half-close',
  },
  {
    // field: G7
    id: 'G7',
    sentence: 'It does not take trailers for an end.',
    faulty: class extends Handler {
      override responseTrailers(): void {
        this.answer('responseTrailers', {});
      }
    },
    breaks: 'outcome',
    trace: 'RH · SH(200, json) · ST · half-close',
  },
  {
    // field: G8
    id: 'G8',
    sentence: 'In full duplex it says the end with the first piece.',
    faulty: class extends Handler {
      override answerBody(kind: 'requestBody' | 'responseBody', body: HttpBody): void {
        super.answerBody(kind, { ...body, endOfStream: true });
      }
    },
    breaks: 'duplex',
    trace: 'RH(full_duplex_streamed) · RB(json 1/2) · half-close',
  },
  {
    // field: G10
    id: 'G10',
    sentence: 'It sees no end in an empty body.',
    faulty: class extends Handler {
      override isEnd(message: HttpHeaders & HttpBody): boolean {
        return super.isEnd(message) && message.body?.length !== 0;
      }
    },
    breaks: 'outcome',
    trace: 'RH · SH(200, json) · SB("", end) · half-close',
  },
  {
    // field: G13, E17
    id: 'G13',
    sentence: "It takes a cancel for the client's.",
    faulty: class extends Handler {
      override cancelled(): void {
        this.tell('cancelled');
        super.cancelled();
      }
    },
    breaks: 'outcome',
    trace: 'RH · cancel',
  },
  {
    // field: G13, E17. Nearly every Envoy closes so, also after all went well.
    id: 'G13, told',
    sentence: 'It calls a close before the end an error.',
    faulty: class extends Handler {
      override halfClosed(): void {
        if (this.shown.begun.response && !this.shown.ended.response) {
          this.fail(grpc.CANCELLED, 'The stream is closed.');
        }
        super.halfClosed();
      }
    },
    breaks: 'status',
    trace: 'SH(503, json) · half-close',
  },
];

export const rowsI: readonly Defect[] = [
  {
    // field: I1
    id: 'I1',
    sentence: 'It records a success with each piece.',
    faulty: class extends Handler {
      override observe(body: HttpBody): void {
        super.observe(body);
        this.record('completed');
      }
    },
    breaks: 'record',
    trace: 'SH(503, json) · SB(error, end) · half-close',
  },
  {
    // field: I2
    id: 'I2',
    sentence: 'It keeps the first usage.',
    faulty: class extends Handler {
      override take(usage: Record<string, number | undefined>): void {
        if (this.shown.counts.inputTokens === undefined) super.take(usage);
      }
    },
    breaks: 'usage',
    trace: 'RH · SH(200, sse) · SB(delta and usage) · SB(usage) · half-close',
  },
  {
    // field: I3
    id: 'I3',
    sentence: 'It drops an event whose blank line comes in the next piece.',
    faulty: class extends Handler {
      override readEvents(text: string): void {
        super.readEvents(text);
        if (this.carry.endsWith('\n')) this.carry = '';
      }
    },
    breaks: 'outcome',
    trace:
      'RH · SH(200, sse) · SB(response.completed 1/2) · SB(response.completed 2/2) · ' +
      'half-close',
  },
  {
    // field: I4
    id: 'I4',
    sentence: 'It bills what it has seen only if the end comes.',
    faulty: class extends Handler {
      override closed(): void {
        if (!this.shown.ended.response) this.shown.counts = {};
        super.closed();
      }
    },
    breaks: 'usage',
    trace: 'RH · SH(200, sse) · SB(usage) · half-close',
  },
  {
    // field: I4
    id: 'I4, told',
    sentence: 'It tells what it has seen only at the end.',
    faulty: class extends Handler {
      override metadata(): Struct | undefined {
        return this.shown.ended.response ? super.metadata() : undefined;
      }
    },
    breaks: 'told',
    trace: 'RH · SH(200, sse) · SB(usage) · half-close',
  },
  {
    // field: I8
    id: 'I8',
    sentence: 'It answers nothing any more once it could not parse something.',
    faulty: class extends Handler {
      isStuck = false;
      override read(text: string): boolean {
        this.isStuck ||= !super.read(text);
        return !this.isStuck;
      }
      override answer(kind: Kind, content: object): void {
        if (!this.isStuck) super.answer(kind, content);
      }
    },
    breaks: 'answer',
    trace: 'RH · SH(200, sse) · SB(malformed) · half-close',
  },
];
