/** What the gateway says in its own name: error answers, and the last words of a broken stream. Pure. */
import type { Deadline, Outcome } from '../../machines/events.js';

/** A request that is answered by the gateway itself. `code` is the error's, in the answer's body. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

export function tooLarge(bytesMax: number): Refusal {
  return {
    status: 413,
    code: 'request_too_large',
    message: `The request body is larger than ${bytesMax} bytes.`,
  };
}

/** Why an exchange turned out as it did: what an adapter gives with the event that told it. */
export interface Cause {
  /** A short stable name, such as `connect_refused`; it stands in the usage record. */
  readonly cause: string;
  /** For people; it never holds what a peer sent. */
  readonly message?: string;
  readonly deadline?: Deadline;
  readonly refusal?: Refusal;
}

const DEADLINE_MESSAGES: Partial<Record<Deadline, string>> = {
  connect: 'The upstream could not be reached in time.',
  responseHeaders: 'The upstream did not begin its response in time.',
  requestBody: 'The request body did not arrive in time.',
  firstByte: 'The upstream began its response but sent no body in time.',
  idle: 'The upstream stopped sending in the middle of its response.',
  progress: 'The upstream sent nothing but comments for too long.',
  stall: 'The client stopped reading its response.',
  total: 'The exchange took too long.',
  drain: 'The gateway is shutting down.',
};

const BY_OUTCOME: Record<Outcome, { status: number; type: string; message: string }> = {
  completed: { status: 500, type: 'api_error', message: 'The gateway failed.' },
  cancelled: { status: 499, type: 'api_error', message: 'The client has gone.' },
  rejected: { status: 400, type: 'invalid_request_error', message: 'The request was refused.' },
  upstreamFailed: { status: 502, type: 'api_error', message: 'The upstream failed.' },
  timedOut: { status: 504, type: 'api_error', message: 'The upstream took too long.' },
  drained: { status: 503, type: 'api_error', message: 'The gateway is shutting down.' },
  violated: { status: 502, type: 'api_error', message: 'A peer broke the protocol.' },
  unknown: { status: 500, type: 'api_error', message: 'The gateway failed.' },
};

export interface OwnAnswer {
  readonly status: number;
  readonly headers: string[];
  readonly body: Buffer;
}

/** The answer for an exchange whose response has not begun: OpenAI's shape of an error. */
export function ownAnswer(outcome: Outcome, cause: Cause | undefined): OwnAnswer {
  const { status, type, message, code } = errorOf(outcome, cause);
  const body = Buffer.from(JSON.stringify({ error: { message, type, param: null, code } }));
  const headers = ['content-type', 'application/json', 'content-length', String(body.length)];
  const wait = cause?.refusal?.retryAfterSeconds ?? (status === 503 ? 1 : undefined);
  if (wait !== undefined) headers.push('retry-after', String(wait));
  return { status, headers, body };
}

/** The event that tells a stream's reader, as its upstream would, that the stream is broken. */
export function errorEvent(outcome: Outcome, cause: Cause | undefined): string {
  const { type, message, code } = errorOf(outcome, cause);
  const data = JSON.stringify({ type: 'error', error: { message, type, param: null, code } });
  return `event: error\ndata: ${data}\n\n`;
}

function errorOf(outcome: Outcome, cause: Cause | undefined) {
  const known = BY_OUTCOME[outcome];
  const { refusal, deadline } = cause ?? {};
  if (refusal !== undefined) {
    const { status, message, code } = refusal;
    const type = status < 500 ? 'invalid_request_error' : 'api_error';
    return { status, type, message, code };
  }
  const status = deadline === 'requestBody' ? 408 : known.status;
  const message = (deadline && DEADLINE_MESSAGES[deadline]) ?? cause?.message ?? known.message;
  return { status, type: known.type, message, code: cause?.cause ?? outcome };
}
