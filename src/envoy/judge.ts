/**
 * Judges every answer of the server: does with it what Envoy does, and writes a fault for what the
 * server should not have said.
 */
import type {
  ImmediateResponse,
  Kind,
  ProcessingMode,
  ProcessingResponse,
} from '../adapters/ext-proc/wire.js';
import { KINDS } from '../adapters/ext-proc/wire.js';
import type { Half, Part, Side } from './half.js';
import { mutate } from './headers.js';
import type { Line, Reply } from './line.js';
import { mergeMetadata } from './metadata.js';
import type { FaultName } from './plan.js';
import { isStreamed } from './plan.js';

export class Judge {
  /** By namespace, as plain values. */
  readonly metadata: Record<string, unknown> = {};
  readonly #line: Line;
  readonly #request: Half;
  readonly #response: Half;
  #immediate: ImmediateResponse | undefined;
  #answers = 0;
  /** Answers that were under way when the server answered for good: not held against it. */
  #ignored = 0;

  constructor(line: Line, request: Half, response: Half) {
    this.#line = line;
    this.#request = request;
    this.#response = response;
  }

  get answers(): number {
    return this.#answers;
  }

  get immediate(): ImmediateResponse | undefined {
    return this.#immediate;
  }

  /** Carries out an answer, or refuses it. */
  take(answer: ProcessingResponse): void {
    this.#answers += 1;
    const line = this.#line;
    const kinds = KINDS.filter((kind) => answer[kind] !== undefined);
    const { immediateResponse: immediate } = answer;
    line.dialogue.push(`<${labelOf(answer, kinds)}`);
    if (this.#line.plan.observability) {
      line.fault('answer in observability mode', labelOf(answer, kinds));
    } else if (line.standing !== 'attached') {
      this.#takeIgnored(labelOf(answer, kinds));
    } else {
      this.#takeAsides(answer, kinds[0]);
      if (kinds.length + (immediate === undefined ? 0 : 1) > 1) {
        this.#refuse('two answers in one', labelOf(answer, kinds));
      } else if (immediate !== undefined) this.#takeImmediate(immediate);
      else if (kinds[0] !== undefined) this.#takeAnswer(kinds[0], answer);
      // What changes the timeout answers no message.
      else if (!('overrideMessageTimeout' in answer)) this.#refuse('empty answer', 'no field');
    }
  }

  #takeAnswer(kind: Kind, answer: ProcessingResponse): void {
    const [side, part] = partsOf(kind);
    const [half, other] =
      side === 'request' ? [this.#request, this.#response] : [this.#response, this.#request];
    const refusal = half.take(part, answer);
    if (refusal === undefined) return;
    const [name, detail] = refusal;
    const turned = name === 'extra answer' && other.owes(part);
    this.#refuse(turned ? 'wrong direction' : name, detail);
  }

  /** Nothing of ours wanted it. Newer Envoys fail the exchange then, and older ones go on alone. */
  #refuse(name: FaultName, detail: string): void {
    this.#line.fault(name, detail);
    this.#line.fail(500);
  }

  /** What an answer says beside itself. */
  #takeAsides(answer: ProcessingResponse, kind: Kind | undefined): void {
    const { dynamicMetadata, modeOverride } = answer;
    if (dynamicMetadata !== undefined) {
      for (const name of mergeMetadata(this.metadata, dynamicMetadata)) {
        this.#line.fault('metadata without namespace', name);
      }
    }
    if (modeOverride !== undefined) this.#override(modeOverride, kind);
    // Envoy takes it only up to a bound of its own, which is 0 unless it is configured.
    if ('overrideMessageTimeout' in answer) this.#line.fault('timeout override', 'is not allowed');
  }

  #override(mode: ProcessingMode, kind: Kind | undefined): void {
    const { allowModeOverride, sendBodyWithoutWaiting } = this.#line.plan;
    const duplex = [this.#request.mode, this.#response.mode].includes('FULL_DUPLEX_STREAMED');
    const refused =
      (!allowModeOverride && 'not allowed') ||
      ((kind === undefined || partsOf(kind)[1] !== 'Headers') && 'not in an answer to headers') ||
      (duplex && 'in FULL_DUPLEX_STREAMED') ||
      (sendBodyWithoutWaiting && 'where bodies do not wait');
    if (refused) {
      this.#line.fault('mode override', refused);
      return;
    }
    // An answer to response headers finds the request half on its way: there only the other counts.
    const halves = kind === 'requestHeaders' ? [this.#request, this.#response] : [this.#response];
    for (const half of halves) {
      half.mode = mode[`${half.side}BodyMode`] ?? 'NONE';
      half.showsHeaders = mode[`${half.side}HeaderMode`] !== 'SKIP';
      half.showsTrailers = mode[`${half.side}TrailerMode`] === 'SEND';
      if (isStreamed(half.mode) && !half.showsTrailers) {
        this.#line.fault('mode override', `${half.mode} without trailers`);
        half.showsTrailers = true;
      }
    }
  }

  #takeImmediate(immediate: ImmediateResponse): void {
    const halves = [this.#request, this.#response];
    const owed = halves.reduce((sum, half) => sum + half.owedCount, 0);
    const open = halves.some((half) => half.open);
    if (owed === 0 && !open) this.#line.fault('extra answer', 'immediateResponse');
    else if (!open && !halves.some((half) => half.owes('Headers') || half.owes('Body'))) {
      this.#line.fault('immediate response to trailers', 'closing is all that is left then');
    }
    if (this.#response.onward.begun) {
      this.#line.fault('late immediate response', 'the response headers were passed on');
    }
    this.#immediate = immediate;
    this.#ignored = open ? Number.POSITIVE_INFINITY : Math.max(0, owed - 1);
    this.#line.stop(this.#replyOf(immediate));
  }

  /** Envoy's own defaults stand where the server has not set them. */
  #replyOf({ status, headers: mutation, body }: ImmediateResponse): Reply {
    const bytes = Buffer.from(body ?? []);
    const code = status?.code ?? 0;
    if (code < 200 || code > 599) {
      this.#line.fault('malformed immediate response', `status ${code}`);
    }
    const place = { of: 'reply', lengthAllowed: false } as const;
    const mutated = mutate({}, mutation, place, (name, detail) =>
      this.#line.fault(name, `reply: ${detail}`),
    );
    const own = { 'content-length': String(bytes.length), 'content-type': 'text/plain' };
    return {
      status: code < 200 || code > 599 ? 200 : code,
      headers: bytes.length > 0 ? { ...own, ...mutated } : mutated,
      body: bytes,
    };
  }

  /** Envoy ignores what comes after the last answer; more than it had asked for is a fault. */
  #takeIgnored(label: string): void {
    if (this.#immediate === undefined) return;
    if (this.#ignored === 0) this.#line.fault('extra answer', `${label} after immediateResponse`);
    else this.#ignored -= 1;
  }
}

function partsOf(kind: Kind): [Side, Part] {
  const side = kind.startsWith('request') ? 'request' : 'response';
  return [side, kind.slice(side.length) as Part];
}

/** What an answer is, for the dialogue; `.` marks a streamed end. */
function labelOf(answer: ProcessingResponse, kinds: readonly Kind[]): string {
  const end = [answer.requestBody, answer.responseBody].some(
    (body) => body?.response?.bodyMutation?.streamedResponse?.endOfStream,
  );
  const names: string[] = [...kinds];
  if (answer.immediateResponse !== undefined) names.push('immediateResponse');
  return (names.join('+') || 'nothing') + (end ? '.' : '');
}
