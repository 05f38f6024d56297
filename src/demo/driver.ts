/**
 * The traffic of the demo: exchanges with an ext_proc server, by a client that behaves like Envoy.
 *
 * What an exchange is follows from the seed and its number alone, so that two servers get the same
 * traffic however fast they are. Bodies are split at random; now and then a second end follows the
 * end of a response, as Envoys have sent it: empty (field: E2), or with the last bytes again
 * (field: E1).
 */
import type { Plan, Play } from '../envoy/plan.js';
import { playExchange } from '../envoy/play.js';
import { EnvoyClient } from '../envoy/stream.js';
import type { Random } from '../upstream/random.js';
import { draw, random, seedFrom } from '../upstream/random.js';
import { compose, countTokens } from '../upstream/text.js';
import type { Traffic } from './traffic.js';

export type LateEnd = 'empty' | 'repeated';

/** One exchange of the traffic, as its two ends know it. */
export interface Planned {
  /** Names it in the usage records too. */
  readonly path: string;
  readonly lateEnd: LateEnd | undefined;
  readonly body: Buffer;
  readonly usage: { inputTokens: number; outputTokens: number; totalTokens: number };
  readonly plan: Plan;
}

/** Of the late ends one in so many is repeated, and the others are empty: the shape of the bug. */
const REPEATED_IN = 5;
const PIECES_MAX = 6;
/** A machine that is busy with itself is not a server that is slow; 200 ms is Envoy's own. */
const MESSAGE_TIMEOUT_MS = 30_000;

/** The exchange with this number. */
export function plannedOf(number: number, { seed, lateEnds }: Traffic): Planned {
  const chance = random(seedFrom(seed, `exchange ${number}`));
  const late = chance() < lateEnds;
  const repeated = draw(chance, REPEATED_IN) === 0;
  const lateEnd = late ? (repeated ? 'repeated' : 'empty') : undefined;
  const path = `/${number}/v1/chat/completions`;
  const question = compose(seed, `question ${number}`).text;
  const answer = compose(seed, `answer ${number}`).text;
  const usage = usageOf(countTokens(question), countTokens(answer));
  const model = 'interlock-small';
  const request = json({ model, messages: [{ role: 'user', content: question }] });
  const body = json({
    id: `chatcmpl-${number}`,
    object: 'chat.completion',
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: answer }, finish_reason: 'stop' }],
    usage: {
      prompt_tokens: usage.inputTokens,
      completion_tokens: usage.outputTokens,
      total_tokens: usage.totalTokens,
    },
  });
  const plan: Plan = {
    modes: { requestBody: 'BUFFERED', responseBody: 'STREAMED' },
    protocolConfig: true,
    request: {
      headers: { ':method': 'POST', ':path': path, 'content-type': 'application/json' },
      chunks: split(request, chance),
    },
    response: {
      headers: { ':status': '200', 'content-type': 'application/json' },
      chunks: split(body, chance),
    },
    quirks: {
      bareEnd: draw(chance, 3) === 0,
      emptyChunks: draw(chance, 10) === 0,
      ...(lateEnd && { lateEnd: { response: lateEnd } }),
    },
    close: draw(chance, 2) === 0 ? 'halfClose' : 'cancel',
    messageTimeoutMs: MESSAGE_TIMEOUT_MS,
  };
  return { path, lateEnd, body, usage, plan };
}

/**
 * Plays all exchanges with the server at `target`, and tells each. Rejects with the signal's reason
 * once that is aborted.
 */
export async function drive(
  target: string,
  traffic: Traffic,
  told: (planned: Planned, play: Play) => void,
  signal?: AbortSignal,
): Promise<void> {
  const client = new EnvoyClient(target);
  let number = 0;
  const play = async () => {
    while (number < traffic.exchanges) {
      signal?.throwIfAborted();
      const planned = plannedOf(number++, traffic);
      told(planned, await playExchange(client, planned.plan));
    }
  };
  try {
    await Promise.all(Array.from({ length: traffic.concurrency }, play));
    signal?.throwIfAborted();
  } finally {
    client.close();
  }
}

function usageOf(inputTokens: number, outputTokens: number) {
  return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** The bytes in one to several pieces, cut anywhere. */
function split(bytes: Buffer, chance: Random): Buffer[] {
  const cuts = Array.from(
    { length: draw(chance, PIECES_MAX) },
    () => 1 + draw(chance, bytes.length - 1),
  );
  const places = [0, ...new Set(cuts.sort((one, other) => one - other)), bytes.length];
  return places.slice(1).map((end, at) => bytes.subarray(places[at], end));
}
