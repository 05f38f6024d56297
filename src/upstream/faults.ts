// The catalogue of what can go wrong upstream. Each entry is one script; its name is the model name
// (or a part of the path) that asks for it: `{"model": "fault:F03"}`, `/v1/models/fault:F22-head`.

import { CONTENT } from './faults/content.js';
import { CUTS } from './faults/cuts.js';
import { PROTOCOL } from './faults/protocol.js';
import { STALLS } from './faults/stalls.js';
import { USAGE } from './faults/usage.js';
import type { RequestRecord } from './record.js';
import { json, type Script } from './script.js';

/** One way of going wrong. */
export interface Fault {
  /** The fault and its variant, such as 'F05-rst'. The plain variant has no suffix. */
  readonly id: string;
  /** What the upstream does, in one line. */
  readonly title: string;
  readonly script: Script;
}

/** Every scripted fault, in order of its id. */
export const FAULTS: readonly Fault[] = [
  ...CUTS,
  ...PROTOCOL,
  ...STALLS,
  ...CONTENT,
  ...USAGE,
].sort((a, b) => (a.id < b.id ? -1 : 1));

/** Faults of an upstream that no script can play, with the reason. */
export const NOT_SCRIPTED: readonly { id: string; title: string; reason: string }[] = [
  {
    id: 'F13',
    title: 'connection refused',
    reason: 'nobody is there to play a script: use refusedPort()',
  },
  {
    id: 'F19',
    title: 'HTTP/2 RST_STREAM in the middle of a body',
    reason: 'not applicable: upstreams are spoken to in HTTP/1.1',
  },
  {
    id: 'F20',
    title: 'HTTP/2 GOAWAY',
    reason: 'not applicable: upstreams are spoken to in HTTP/1.1',
  },
];

const BY_ID = new Map(FAULTS.map((fault) => [fault.id, fault]));

/** The fault with this id. Throws a RangeError when there is none. */
export function fault(id: string): Fault {
  const found = BY_ID.get(id);
  if (found === undefined) throw new RangeError(`No upstream fault is named ${id}.`);
  return found;
}

/** One line for each fault, with its id and title, for help texts. */
export function describeFaults(): string[] {
  const width = Math.max(...FAULTS.map(({ id }) => id.length));
  return FAULTS.map(({ id, title }) => `${id.padEnd(width)}  ${title}`);
}

const IN_TARGET = /fault(?::|%3A)([\w-]+)/i;
const IN_BODY = /"model"\s*:\s*"fault:([\w-]+)"/;
const BODY_BYTES_SEARCHED = 16 * 1024;

/**
 * The fault that a request asks for, known as soon as the bytes that name it have come: an answer
 * to an unfinished upload must not wait for the upload. Its script is undefined when the catalogue
 * has none by that name.
 */
export async function awaitFaultName(
  request: RequestRecord,
  gone: AbortSignal,
): Promise<{ name: string; script: Script | undefined } | undefined> {
  for (;;) {
    const searched = request.bodyBytes;
    const start = request.body.subarray(0, BODY_BYTES_SEARCHED).toString('latin1');
    const name = IN_TARGET.exec(request.target)?.[1] ?? IN_BODY.exec(start)?.[1];
    if (name !== undefined) return { name, script: BY_ID.get(name)?.script };
    if (request.complete || searched >= BODY_BYTES_SEARCHED) return undefined;
    await request.until(({ complete, bodyBytes }) => complete || bodyBytes > searched, gone);
  }
}

/** The answer to a request for a fault that is not in the catalogue. */
export function noSuchFault(name: string): Script {
  const message = `No upstream fault is named ${name}. There are: ${[...BY_ID.keys()].join(', ')}.`;
  const error = { message, type: 'invalid_request_error', param: 'model', code: 'model_not_found' };
  return json(404, [], { error });
}
