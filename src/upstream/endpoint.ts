import type { SseEvent } from './script.js';

/** How the well-behaved upstream talks. */
export interface Speech {
  readonly seed: number;
  readonly tokenDelayMs: number;
  readonly models: readonly string[];
}

/** What one endpoint says: one JSON value, or a list of events. */
export type Reply = { json: unknown } | { events: SseEvent[] };

/** Answers a parsed JSON body; `id` is 24 hexadecimal digits that stand for this request. */
export type Endpoint = (body: unknown, speech: Speech, id: string) => Reply;

/** An error that the API reports in its own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
    readonly param: string | null = null,
  ) {
    super(message);
  }
}

/** Seconds since 1970 that every object carries: a clock would make the bytes differ. */
export const CREATED = 1_767_225_600;
