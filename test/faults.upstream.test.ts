/** What a client, an upstream and the ledger see of an upstream that does each thing wrong. */
import { describe, expect, it } from 'vitest';
import type { Script } from '../src/upstream/index.js';
import { FAULTS, fault, promisedBytes } from '../src/upstream/index.js';
import type { Asked, Reply } from './faults.js';
import { ask, chat, gist, inWorld, replyOf } from './faults.js';
import type { World } from './harness.js';

/**
 * What the client sees. `whole`: all the upstream's bytes and a clean end. `cut`: its bytes as far
 * as they came, and a connection that ends before the body does. `told`: the same with an SSE error
 * event between. `answer`: an error of the gateway's own, in JSON.
 */
type Seen = 'whole' | 'cut' | 'told' | 'answer';

/**
 * Fault, status, what the client sees, the ledger's outcome, cause and usage, and whether the next
 * request goes over the same upstream connection or over a fresh one.
 */
type Row = readonly [
  id: string,
  status: number,
  seen: Seen,
  outcome: string,
  usage: string,
  connection: 'reused' | 'fresh',
];

const LOST = 'upstreamFailed connection_lost';
const BROKEN = 'upstreamFailed protocol_error';
const SAID = 'upstreamFailed error_in_stream';
const LINGERED = 'completed deadline_linger';

const ROWS: readonly Row[] = [
  ['F01', 200, 'cut', LOST, 'truncated', 'fresh'],
  ['F02', 200, 'cut', LOST, 'truncated', 'fresh'],
  ['F03', 200, 'told', LOST, 'truncated', 'fresh'],
  ['F03-done', 200, 'told', LOST, 'final', 'fresh'],
  ['F04', 200, 'told', LOST, 'final', 'fresh'],
  ['F05', 200, 'cut', LOST, 'truncated', 'fresh'],
  ['F05-rst', 200, 'cut', LOST, 'truncated', 'fresh'],
  ['F05-stream', 200, 'cut', LOST, 'truncated', 'fresh'],
  ['F06', 200, 'whole', 'completed', 'final', 'fresh'],
  ['F06-chunked', 200, 'whole', 'completed', 'final', 'fresh'],
  ['F06-late', 200, 'whole', 'completed', 'final', 'fresh'],
  ['F06-response', 200, 'whole', 'completed', 'final', 'fresh'],
  ['F07', 200, 'whole', 'completed', 'final', 'fresh'],
  ['F07-cut', 200, 'whole', 'completed', 'truncated', 'fresh'],
  ['F08', 200, 'told', LOST, 'truncated', 'fresh'],
  ['F08-now', 200, 'told', LOST, 'truncated', 'fresh'],
  ['F09', 200, 'told', BROKEN, 'truncated', 'fresh'],
  // Of the bad chunk, what came before its fault was valid and was passed on.
  ['F09-crlf', 200, 'cut', BROKEN, 'truncated', 'fresh'],
  ['F09-lf', 200, 'told', BROKEN, 'truncated', 'fresh'],
  ['F09-overflow', 200, 'told', BROKEN, 'truncated', 'fresh'],
  ['F10', 200, 'told', LOST, 'no_body', 'fresh'],
  ['F10-length', 200, 'cut', LOST, 'no_body', 'fresh'],
  ['F10-rst', 200, 'told', LOST, 'no_body', 'fresh'],
  ['F11', 502, 'answer', LOST, 'not_started', 'fresh'],
  ['F11-partial', 502, 'answer', LOST, 'not_started', 'fresh'],
  ['F11-rst', 502, 'answer', LOST, 'not_started', 'fresh'],
  ['F12', 502, 'answer', BROKEN, 'not_started', 'fresh'],
  ['F12-both', 502, 'answer', BROKEN, 'not_started', 'fresh'],
  ['F12-flood', 502, 'answer', BROKEN, 'not_started', 'fresh'],
  ['F12-header', 502, 'answer', BROKEN, 'not_started', 'fresh'],
  ['F12-inject', 502, 'answer', BROKEN, 'not_started', 'fresh'],
  ['F12-lengths', 502, 'answer', BROKEN, 'not_started', 'fresh'],
  ['F14', 504, 'answer', 'timedOut deadline_responseHeaders', 'not_started', 'fresh'],
  ['F14-headers', 504, 'answer', 'timedOut deadline_responseHeaders', 'not_started', 'fresh'],
  ['F15', 200, 'told', 'timedOut deadline_idle', 'truncated', 'fresh'],
  ['F15-event', 200, 'cut', 'timedOut deadline_idle', 'truncated', 'fresh'],
  ['F15-first', 200, 'told', 'timedOut deadline_firstByte', 'no_body', 'fresh'],
  ['F16', 200, 'told', 'timedOut deadline_progress', 'truncated', 'fresh'],
  ['F16-lines', 200, 'told', 'timedOut deadline_progress', 'truncated', 'fresh'],
  ['F17', 200, 'whole', LINGERED, 'final', 'fresh'],
  ['F17-finish', 200, 'whole', LINGERED, 'final', 'fresh'],
  ['F18', 200, 'whole', SAID, 'in_band_error', 'reused'],
  ['F18-event', 200, 'whole', SAID, 'in_band_error', 'reused'],
  ['F18-first', 200, 'whole', SAID, 'in_band_error', 'reused'],
  ['F18-json', 200, 'whole', SAID, 'error_body', 'reused'],
  ['F18-tgi', 200, 'whole', SAID, 'in_band_error', 'reused'],
  // undici lets go of a connection that sends a 100 Continue it has not asked for.
  ['F21', 502, 'answer', BROKEN, 'not_started', 'fresh'],
  ['F21-103', 200, 'whole', 'completed', 'final', 'reused'],
  ['F21-many', 502, 'answer', 'upstreamFailed too_many_informational', 'not_started', 'fresh'],
  ['F22', 204, 'whole', 'completed', 'no_body', 'fresh'],
  ['F22-204', 204, 'whole', 'completed', 'no_body', 'fresh'],
  ['F22-304', 304, 'whole', 'completed', 'no_body', 'fresh'],
  ['F22-304-body', 304, 'whole', 'completed', 'no_body', 'fresh'],
  ['F22-head', 200, 'whole', 'completed', 'no_body', 'fresh'],
  ['F22-head-body', 200, 'whole', 'completed', 'no_body', 'fresh'],
  ['F23', 200, 'whole', 'completed', 'final', 'reused'],
  // Framing in trailers is refused by the parser: the body came, its end did not.
  ['F23-forbidden', 200, 'told', BROKEN, 'final', 'fresh'],
  ['F23-undeclared', 200, 'whole', 'completed', 'final', 'reused'],
  ['F24', 502, 'answer', BROKEN, 'not_started', 'fresh'],
  ['F25', 200, 'whole', 'completed', 'final', 'reused'],
  ['F25-br', 200, 'whole', 'completed', 'final', 'reused'],
  ['F25-br-cut', 200, 'cut', LOST, 'truncated', 'fresh'],
  ['F25-cut', 200, 'cut', LOST, 'truncated', 'fresh'],
  ['F25-lie', 200, 'whole', 'completed', 'decode', 'reused'],
  ['F25-short', 200, 'whole', 'completed', 'decode', 'reused'],
  ['F25-tail', 200, 'whole', 'completed', 'decode', 'reused'],
  ['F26', 200, 'whole', 'completed', 'final', 'reused'],
  ['F26-empty', 200, 'whole', 'completed', 'no_body', 'reused'],
  ['F26-html', 200, 'whole', 'completed', 'not_recognised', 'reused'],
  ['F26-none', 200, 'whole', 'completed', 'final', 'reused'],
  ['F26-sse', 200, 'whole', 'completed', 'final', 'reused'],
  ['F27', 200, 'whole', 'completed', 'final', 'reused'],
  ['F27-double', 200, 'whole', 'completed', 'final', 'fresh'],
  ['F27-random', 200, 'whole', 'completed', 'final', 'reused'],
  ['F27-whole', 200, 'whole', 'completed', 'final', 'reused'],
  ['F34', 413, 'whole', 'rejected error_status', 'error_body', 'reused'],
  ['F34-close', 413, 'whole', 'rejected error_status', 'error_body', 'fresh'],
  ['F34-deaf', 413, 'whole', 'rejected error_status', 'error_body', 'fresh'],
  ['F34-rst', 413, 'whole', 'rejected error_status', 'error_body', 'fresh'],
  ['F34-stream', 200, 'whole', 'completed', 'final', 'reused'],
  ['F52', 200, 'whole', 'completed', 'final', 'reused'],
  ['F52-every', 200, 'whole', 'completed', 'final', 'reused'],
  ['F52-finish', 200, 'whole', 'completed', 'final', 'reused'],
  ['F52-first', 200, 'whole', 'completed', 'partial', 'reused'],
  // Nothing after [DONE] is read, as no SDK reads it.
  ['F52-late', 200, 'whole', 'completed', 'no_usage', 'reused'],
  ['F52-less', 200, 'whole', 'completed', 'final', 'reused'],
  ['F52-null', 200, 'whole', 'completed', 'no_usage', 'reused'],
  ['F52-twice', 200, 'whole', 'completed', 'final', 'reused'],
];

/** Only where a deadline is the claim is it short: this machine may be slow. */
const HASTE = { responseHeaders: 150, firstByte: 150, idle: 150, progress: 250, linger: 100 };

/** The request that asks for a fault; those about HEAD are asked for by HEAD. */
function askedFor(id: string): Asked {
  if (id.startsWith('F22-head')) return { method: 'HEAD', path: `/v1/models/fault:${id}` };
  return { body: chat(`fault:${id}`) };
}

/** The body that a script sends after its 1xx responses, without its framing. */
function sentBody(script: Script, asked: Asked): Buffer {
  let bytes = promisedBytes(script, 1_000);
  while (/^HTTP\/1.1 1/.test(bytes.toString('latin1', 0, 10))) {
    bytes = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
  }
  return replyOf(bytes, asked.method === 'HEAD')?.body ?? Buffer.alloc(0);
}

function expectSeen(row: Row, reply: Reply, cause: string | undefined): void {
  const [id, , seen] = row;
  const { script } = fault(id);
  const sent = sentBody(script, askedFor(id));
  const endless = JSON.stringify(script).includes('"forever"');
  expect(reply.whole).toBe(seen === 'whole' || seen === 'answer');
  expect(reply.ending).toBe(reply.whole ? 'open' : 'fin');
  if (seen === 'answer') {
    expect(reply.headers['content-type']).toBe('application/json');
    expect(JSON.parse(String(reply.body))).toEqual({
      error: { message: expect.any(String), type: 'api_error', param: null, code: cause },
    });
    return;
  }
  const told = reply.body.lastIndexOf('event: error\n');
  const passed = seen === 'told' ? reply.body.subarray(0, told) : reply.body;
  expect(passed).toEqual(sent.subarray(0, passed.length));
  if (!endless) expect(passed.length).toBe(sent.length);
  if (seen !== 'told') return;
  const words = String(reply.body.subarray(told));
  expect(words).toMatch(/^event: error\ndata: \{.*\}\n\n$/);
  expect(JSON.parse(words.slice(words.indexOf('{')))).toMatchObject({
    type: 'error',
    error: { type: 'api_error', code: cause },
  });
}

describe('an upstream that goes wrong', () => {
  it.each(ROWS)('%s', async (...row) => {
    const [id, status, , outcome, usage, connection] = row;
    const deadlines = /^F1[4-7]/.test(id) ? HASTE : {};
    await inWorld({ config: { deadlines } }, async (world) => {
      const reply = await ask(world.port, askedFor(id));
      const [record] = await world.recorded();
      expect(gist(record)).toEqual([outcome, usage]);
      expect(reply.status).toBe(status);
      expect(record?.status).toBe(status);
      expectSeen(row, reply, record?.cause);
      await expectNext(world, connection);
    });
  });

  it('is asked for every fault that there is', () => {
    expect(ROWS.map(([id]) => id).sort()).toEqual(FAULTS.map(({ id }) => id).sort());
  });
});

/** Nothing of the fault bleeds into the next exchange, and its connection is let go where it must. */
async function expectNext(world: World, connection: 'reused' | 'fresh'): Promise<void> {
  const [faulty] = world.upstream.requests;
  const next = await ask(world.port, { body: chat('interlock-small') });
  expect(next).toMatchObject({ status: 200, whole: true });
  expect(String(next.body)).toMatch(/data: \[DONE\]\n\n$/);
  expect(world.upstream.requests).toHaveLength(2);
  expect(world.upstream.connections).toHaveLength(connection === 'reused' ? 1 : 2);
  if (connection === 'fresh') await faulty?.closed;
  expect(gist((await world.recorded(2))[1])).toEqual(['completed', 'no_usage']);
}
