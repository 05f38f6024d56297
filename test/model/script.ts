/** What the upstream does in an ordering: a script with an act for each of its events, in its turn. */
import type { Event, Status } from '../../machines/events.js';
import type { Step as Act } from '../../src/upstream/index.js';
import { chunk, head, LAST_CHUNK, SSE_HEADERS, send } from '../../src/upstream/index.js';

export type Ordering = readonly Event[];

const STATUS: Record<Status, number> = { success: 200, refusal: 429, failure: 500 };

/**
 * Each act waits for the signal that is named by its event's place. Behind the door
 * nothing comes to the upstream.
 */
export function actsOf(ordering: Ordering, behindDoor: boolean): Act[] {
  const acts = ordering.flatMap((event, place): Act[] => {
    const act = actOf(ordering, event, place);
    if (act === undefined || behindDoor) return [];
    return [{ awaitSignal: `${place}` }, act];
  });
  // After a whole response the connection is there for the next one on this lane.
  const whole = ordering.some(({ type }) => /^response\.(end|trailers)$/.test(type));
  return whole ? acts : [...acts, { awaitSignal: 'over' }, { rst: true }];
}

function actOf(ordering: Ordering, event: Event, place: number): Act | undefined {
  switch (event.type) {
    case 'response.headers': {
      const framing = [
        ['transfer-encoding', 'chunked'],
        ['trailer', 'x-order'],
      ] as const;
      return send(head(STATUS[event.status], [...SSE_HEADERS, ...framing]));
    }
    case 'response.body':
      return send(chunk(contentOf(ordering, place)));
    case 'response.end':
      return send(LAST_CHUNK);
    case 'response.trailers':
      return send('0\r\nx-order: kept\r\n\r\n');
    case 'upstream.failed':
      return { rst: true };
    default:
      return undefined;
  }
}

/** A piece of a stream in which the accounting sees what the ordering says that it sees. */
function contentOf(ordering: Ordering, place: number): string {
  if (ordering[place + 1]?.type !== 'response.progress') return ': nothing to see\n\n';
  const after = ordering[place + 2];
  if (after?.type !== 'response.terminal') {
    return 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n';
  }
  const finish = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';
  if (after.verdict === 'succeeded') return `${finish}data: [DONE]\n\n`;
  return 'data: {"error":{"message":"out of order","type":"server_error"}}\n\n';
}
