// Usage that comes early, often, twice, late or backwards.

import type { Fault } from '../faults.js';
import { type SseEvent, sse } from '../script.js';
import {
  COMPLETION_TOKENS,
  DONE,
  finish,
  piece,
  SPOKEN,
  usage,
  usageOnly,
  word,
} from './stream.js';

const COUNTED: readonly SseEvent[] = ['Every', ' door', ' is', ' locked', ' now.'].map(
  (content, index) => word(content, { usage: usage(index + 1) }),
);

function stream(id: string, title: string, events: readonly SseEvent[]): Fault {
  return { id, title, script: sse(events) };
}

export const USAGE: readonly Fault[] = [
  stream('F52', 'sends usage before any content, and the right usage at the end', [
    piece([], { usage: { completion_tokens: 1 } }),
    ...SPOKEN,
    finish(),
    usageOnly(),
    DONE,
  ]),
  stream('F52-first', 'sends usage before any content, and never again', [
    usageOnly(),
    ...SPOKEN,
    finish(),
    DONE,
  ]),
  stream('F52-every', 'sends usage so far in every chunk', [
    ...COUNTED,
    finish({ usage: usage(COMPLETION_TOKENS) }),
    usageOnly(),
    DONE,
  ]),
  stream('F52-twice', 'sends the same usage twice at the end', [
    ...SPOKEN,
    finish(),
    usageOnly(),
    usageOnly(),
    DONE,
  ]),
  stream('F52-late', 'sends usage after [DONE]', [...SPOKEN, finish(), DONE, usageOnly()]),
  stream('F52-less', 'sends usage that decreases', [
    ...SPOKEN,
    finish({ usage: usage(COMPLETION_TOKENS) }),
    usageOnly(2),
    DONE,
  ]),
  stream('F52-null', 'sends usage as null in every chunk, and never more', [
    ...SPOKEN.map((event) => withNullUsage(event)),
    finish({ usage: null }),
    DONE,
  ]),
  stream('F52-finish', 'sends usage with the finish_reason, as Ollama does', [
    ...SPOKEN,
    finish({ usage: usage(COMPLETION_TOKENS) }),
    DONE,
  ]),
];

function withNullUsage(event: SseEvent): SseEvent {
  if (typeof event === 'string' || !('data' in event)) return event;
  return { ...event, data: { ...(event.data as object), usage: null } };
}
