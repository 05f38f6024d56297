/**
 * One half of the exchange in Envoy's filter: what it shows, in the grammar of its mode, what it is
 * owed for that, and what it passes on once it was answered.
 */
import type { BodyMode, Kind, ProcessingResponse } from '../adapters/ext-proc/wire.js';
import { Changes } from './changes.js';
import type { Line } from './line.js';
import { Onward } from './onward.js';
import type { Piece } from './pieces.js';
import { piecesOf } from './pieces.js';
import type { Content, FaultName } from './plan.js';
import { isStreamed } from './plan.js';

export type Side = 'request' | 'response';
export type Part = 'Headers' | 'Body' | 'Trailers';

/** A message that wants one answer, with the bytes that go on if the answer changes nothing. */
interface Owed {
  readonly part: Part;
  readonly piece?: Piece;
}

/** Why an answer is refused: no message of ours wanted it. */
export type Refusal = readonly [FaultName, string];

export class Half {
  /** What an answer to headers may change while the half has not begun. */
  mode: BodyMode;
  showsHeaders: boolean;
  showsTrailers: boolean;
  readonly onward: Onward;
  readonly #line: Line;
  readonly #changes: Changes;
  #content: Content = { headers: {} };
  #owed: Owed[] = [];
  #timer: NodeJS.Timeout | undefined;
  #bodiless = false;
  /** The server has put a body of its own in place: the rest of the half is not shown. */
  #replaced = false;
  /** A streamed half is in the server's hands; and so are bytes of its body. */
  #opened = false;
  #bodyShown = false;
  #endShown = false;
  /** The server has said the end of a streamed half. */
  #ended = false;

  constructor(
    line: Line,
    readonly side: Side,
  ) {
    const { modes } = line.plan;
    this.mode = modes[`${side}Body`];
    this.showsHeaders = modes[`${side}Headers`] ?? true;
    this.showsTrailers = modes[`${side}Trailers`] ?? false;
    this.#line = line;
    this.onward = new Onward(() => line.wake());
    this.#changes = new Changes(side, (name, detail) => line.fault(name, `${side}: ${detail}`));
    line.detaching.push(() => this.#release());
  }

  get #streamed(): boolean {
    return isStreamed(this.mode) && !this.#bodiless;
  }

  /** Any number of answers may still come for what was shown. */
  get open(): boolean {
    return this.#opened && !this.#ended && !this.#replaced;
  }

  /** What an answer is owed for. */
  owes(part: Part): boolean {
    return this.#owed.some((owed) => owed.part === part) || (part === 'Body' && this.open);
  }

  get owedCount(): number {
    return this.#owed.length;
  }

  /** Plays the half to its end; it is complete then, unless all has stopped. */
  async run(content: Content): Promise<void> {
    this.#content = content;
    this.#changes.headers = content.headers;
    this.#changes.trailers = content.trailers;
    this.#bodiless =
      (content.chunks === undefined || isEmpty(content.chunks)) && content.trailers === undefined;
    if (this.showsHeaders) await this.#show({ part: 'Headers' });
    if (!this.#goesAhead) await this.#answered();
    if (!this.#held) this.#begin();
    if (!this.#bodiless) {
      if (this.mode === 'BUFFERED' || this.mode === 'BUFFERED_PARTIAL') await this.#runBuffered();
      else await this.#runChunks();
      await this.#runTrailers();
    }
    await this.#answered();
    await this.#line.until(() => !this.open || this.#line.standing !== 'attached');
    this.#complete();
  }

  #complete(): void {
    clearTimeout(this.#timer);
    if (this.#line.standing === 'stopped') return;
    if (this.open && this.#bodyShown) {
      this.#line.fault('lost body', `${this.side}: the server left with it`);
    }
    this.#begin();
    this.onward.trailers = this.#changes.trailers;
    this.onward.end();
  }

  /** Bodies do not wait until the headers are answered. */
  get #goesAhead(): boolean {
    const { sendBodyWithoutWaiting, observability } = this.#line.plan;
    if (observability) return true;
    if (this.#streamed) return sendBodyWithoutWaiting ?? true;
    return this.mode === 'STREAMED' && sendBodyWithoutWaiting === true;
  }

  /** Headers wait for a body that is buffered, and for their own answer. */
  get #held(): boolean {
    if (this.#line.standing === 'stopped') return true;
    if (this.#unasked) return false;
    const buffered = this.mode === 'BUFFERED' || this.mode === 'BUFFERED_PARTIAL';
    return this.owes('Headers') || (buffered && !this.#bodiless);
  }

  /** Nobody answers: what comes passes as it is. */
  get #unasked(): boolean {
    const { standing, plan } = this.#line;
    return standing === 'detached' || this.#replaced || plan.observability === true;
  }

  async #runChunks(): Promise<void> {
    const pieces = piecesOf(this.#content, this.side, this.mode, this.#line);
    for await (const piece of pieces) {
      if (this.mode === 'NONE') this.#pass(piece);
      else await this.#show({ part: 'Body', piece });
    }
  }

  async #runBuffered(): Promise<void> {
    const bytesMax = this.#line.plan.bufferBytesMax ?? 2 ** 20;
    const pieces: Piece[] = [];
    for await (const piece of piecesOf(this.#content, this.side, 'BUFFERED', this.#line)) {
      pieces.push(piece);
    }
    const late = pieces.filter((piece) => piece.late);
    const body = Buffer.concat(pieces.filter((piece) => !piece.late).map(({ bytes }) => bytes));
    const cut = this.mode === 'BUFFERED_PARTIAL' && body.length > bytesMax;
    const bytes = cut ? body.subarray(0, bytesMax) : body;
    const end = !cut && this.#content.trailers === undefined;
    if (pieces.length > 0) await this.#show({ part: 'Body', piece: { bytes, end } });
    await this.#answered();
    if (cut && !this.#replaced) this.#pass({ bytes: body.subarray(bytesMax), end: false });
    for (const piece of late) if (!cut) await this.#show({ part: 'Body', piece });
  }

  /** Trailers wait until all before them is answered, where each message has an answer. */
  async #runTrailers(): Promise<void> {
    if (this.#content.trailers === undefined || !this.showsTrailers) return;
    if (!this.#streamed && !this.#line.plan.observability) await this.#answered();
    this.#opened = this.#streamed && !this.#line.plan.observability;
    await this.#show({ part: 'Trailers' });
  }

  /** Shows a message, or lets its part pass where nobody is asked. */
  async #show({ part, piece }: Owed): Promise<void> {
    const { standing, plan } = this.#line;
    if (standing === 'stopped') return;
    if (standing === 'attached' && !this.#replaced) {
      if (!plan.observability && !(part === 'Body' && this.#streamed)) {
        this.#owed.push({ part, ...(piece && { piece }) });
        this.#arm();
      } else if (part === 'Body' && !plan.observability) {
        this.#opened = true;
        this.#bodyShown = true;
        this.#line.bodyGivenAway = true;
        this.#endShown ||= piece?.end === true;
      }
      const { payload, end } = this.#changes.shown(part, piece, this.#bodiless, this.mode);
      await this.#line.send(`${this.side}${part}` as Kind, payload, end);
      if (!plan.observability) return;
    }
    if (piece !== undefined) this.#pass(piece);
  }

  /** Passes bytes on, after the headers. Of a half that was replaced nothing of its own goes on. */
  #pass({ bytes, late, framed }: Piece): void {
    if (this.#replaced || this.#line.standing === 'stopped') return;
    this.#begin();
    if (!late) this.onward.body(framed ?? bytes);
  }

  #begin(): void {
    if (this.#line.standing === 'stopped' || this.onward.begun) return;
    const asked = this.#line.standing === 'attached' && !this.#line.plan.observability;
    const lengthless = asked && !['NONE', 'BUFFERED'].includes(this.mode) && !this.#bodiless;
    this.onward.begin(this.#changes.headersOnward(lengthless || this.#replaced));
  }

  async #answered(): Promise<void> {
    await this.#line.until(() => this.#owed.length === 0);
  }

  /** Takes an answer, or says why no message of ours wanted it. */
  take(part: Part, answer: ProcessingResponse): Refusal | undefined {
    if (part === 'Body' && this.#streamed) return this.#takeStreamed(answer);
    const owed = this.#owed[0];
    if (owed?.part !== part) {
      const nothing = this.#owed.length === 0 && !this.open;
      return [nothing ? 'extra answer' : 'wrong answer', `${this.side}${part}`];
    }
    if (part === 'Headers') this.#takeHeaders(answer);
    else if (part === 'Trailers') this.#takeTrailers(answer);
    else {
      const refusal = this.#takeBody(owed.piece as Piece, answer);
      if (refusal !== undefined) return refusal;
    }
    this.#owed.shift();
    if (this.#owed.length === 0) clearTimeout(this.#timer);
    else this.#arm();
    if (part === 'Headers' && !this.#held) this.#begin();
    this.#line.wake();
    return undefined;
  }

  #takeHeaders(answer: ProcessingResponse): void {
    const common = answer[`${this.side}Headers`]?.response;
    const body = this.#changes.headersAnswered(common, this.mode);
    if (body === undefined) return;
    this.#replaced = true;
    this.#begin();
    this.onward.body(body);
  }

  #takeBody(piece: Piece, answer: ProcessingResponse): Refusal | undefined {
    const common = answer[`${this.side}Body`]?.response;
    if (this.#replaced) return undefined;
    const bytes = this.#changes.bodyAnswered(common, piece, this.mode);
    if (!Buffer.isBuffer(bytes)) return bytes;
    this.#pass({ bytes, end: piece.end, late: piece.late ?? false });
    return undefined;
  }

  #takeTrailers(answer: ProcessingResponse): void {
    this.#changes.trailersAnswered(answer[`${this.side}Trailers`]?.headerMutation);
    this.#ended = true;
  }

  #takeStreamed(answer: ProcessingResponse): Refusal | undefined {
    if (this.owes('Headers')) return ['body before headers', `${this.side}Body`];
    if (this.#ended) return ['body after end', `${this.side}Body`];
    if (!this.#opened) return ['extra answer', `${this.side}Body`];
    // It was under way when the server replaced the body.
    if (this.#replaced) return undefined;
    const streamed = this.#changes.streamedAnswered(
      answer[`${this.side}Body`]?.response,
      this.mode,
    );
    if (!('bytes' in streamed)) return streamed;
    if (streamed.end && !this.#endShown) return ['early end', `${this.side}Body`];
    this.#ended = streamed.end;
    this.#pass(streamed);
    this.#line.wake();
    return undefined;
  }

  /** The server has gone: what waited for its answers passes as it was. */
  #release(): void {
    clearTimeout(this.#timer);
    for (const { piece } of this.#owed.splice(0)) if (piece !== undefined) this.#pass(piece);
  }

  /** Envoy's message timeout begins anew with each message; full duplex has none. */
  #arm(): void {
    const { plan } = this.#line;
    const timeoutMs = plan.messageTimeoutMs ?? 200;
    clearTimeout(this.#timer);
    if (timeoutMs === 0 || isStreamed(this.mode)) return;
    this.#timer = setTimeout(() => {
      if (this.#line.standing !== 'attached') return;
      const { part } = this.#owed[0] as Owed;
      this.#line.fault('message timeout', `${this.side}${part} after ${timeoutMs} ms`);
      this.#line.timedOut = true;
      this.#line.fail(504);
    }, timeoutMs);
  }
}

function isEmpty(chunks: readonly Buffer[] | AsyncIterable<Buffer>): boolean {
  return Array.isArray(chunks) && chunks.length === 0;
}
