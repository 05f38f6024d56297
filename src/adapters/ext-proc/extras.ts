/** What an answer can carry beyond its kind: an answer of our own, the usage, another body mode. Pure. */
import type { Usage } from '../../accounting/usage.js';
import type { OwnAnswer } from '../answers.js';
import { FRAMING } from '../settings.js';
import type { Extras, Modes } from './codec.js';
import { isStreamed } from './codec.js';
import { headerOf, setting } from './headers.js';
import type { HttpHeaders, ImmediateResponse, Struct, Value } from './wire.js';

/** An answer of our own. Envoy frames it; `details` is for its logs. */
export function immediateOf(answer: OwnAnswer, details: string): ImmediateResponse {
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < answer.headers.length; at += 2) {
    const name = answer.headers[at] as string;
    if (!FRAMING.test(name)) headers.push([name, answer.headers[at + 1] as string]);
  }
  return {
    status: { code: answer.status },
    headers: setting(headers),
    body: answer.body,
    details,
  };
}

/**
 * A usage as dynamic metadata: `kind`, `model` and `dialect` as texts, each count as a number under
 * its name in snake case (`input_tokens`), as Envoy's own metadata are.
 */
export function metadataOf(usage: Usage, namespace: string): Struct {
  const fields: Record<string, Value> = {};
  for (const [name, value] of Object.entries(usage)) {
    const key = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    fields[key] = typeof value === 'number' ? { numberValue: value } : { stringValue: value };
  }
  return { fields: { [namespace]: { structValue: { fields } } } };
}

/**
 * Asks for an SSE response as a stream where Envoy would gather it first. In an override unset body
 * modes mean NONE, so the request's is said again; in streamed modes none is obeyed. The length that
 * the upstream told would cut the stream to its first chunk (field: I6).
 */
export function streamingOf(headers: HttpHeaders, modes: Modes): Extras | undefined {
  const type = headerOf(headers.headers, 'content-type') ?? '';
  if (!/^text\/event-stream\b/i.test(type) || headers.endOfStream === true) return undefined;
  const { requestBody = 'BUFFERED', responseBody } = modes;
  if (isStreamed(requestBody) || isStreamed(responseBody) || responseBody === 'STREAMED') {
    return undefined;
  }
  const modeOverride = { requestBodyMode: requestBody, responseBodyMode: 'STREAMED' as const };
  if (headerOf(headers.headers, 'content-length') === undefined) return { modeOverride };
  return { modeOverride, response: { headerMutation: { removeHeaders: ['content-length'] } } };
}
