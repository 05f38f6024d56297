/** What a collector answers to what it has taken: who is told, of what, and how often. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import protobuf from 'protobufjs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { events } from '../machines/events.js';
import { Exchange } from '../src/exchange.js';
import type { Protocol } from '../src/observe/endpoints.js';
import { endpointsOf, PROTOCOLS } from '../src/observe/endpoints.js';
import { Collector } from './collector.js';
import type { Observed } from './observing.js';
import { observed } from './observing.js';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** opentelemetry-proto's trace_service.proto, which metrics_service.proto is like, but for a name. */
const ANSWER = protobuf
  .parse(`syntax = "proto3";
    message Answer { PartialSuccess partial_success = 1; }
    message PartialSuccess { int64 rejected = 1; string error_message = 2; }`)
  .root.lookupType('Answer');

/** A collector that has taken all but so many, as it says in this encoding. */
const partly = (protocol: Protocol, rejected: number, errorMessage: string) => {
  const type = protocol === 'http/json' ? 'application/json' : 'application/x-protobuf';
  return (response: ServerResponse) => {
    const name = response.req.url === '/v1/traces' ? 'rejectedSpans' : 'rejectedDataPoints';
    const partialSuccess = { [name]: `${rejected}`, errorMessage };
    const body =
      protocol === 'http/json'
        ? JSON.stringify({ partialSuccess })
        : ANSWER.encode({ partialSuccess: { rejected, errorMessage } }).finish();
    response.writeHead(200, { 'content-type': type }).end(body);
  };
};

async function watched(
  answer: (response: ServerResponse) => void,
): Promise<{ collector: Collector; seen: Observed }> {
  const collector = await Collector.start(answer);
  onTestFinished(() => collector.close());
  const endpoints = endpointsOf(collector.url);
  return { collector, seen: await observed({ metrics: undefined, endpoints }) };
}

function exchange({ telemetry }: Observed): void {
  const made = new Exchange({ id: 'a', observer: telemetry.begin('a', () => undefined) });
  for (const event of [events.requestHeaders, events.requestRefused, events.usageRecorded]) {
    made.receive(event);
  }
  telemetry.flush();
}

/** What people are told of one exchange, and of every metric, without where it was sent. */
async function toldBy(answer: (response: ServerResponse) => void): Promise<string[]> {
  const { collector, seen } = await watched(answer);
  exchange(seen);
  await seen.close();
  const { url } = collector;
  return seen.warnings.map((line) => line.replace(`OTLP ${url}/v1/`, '')).sort();
}

describe.each(PROTOCOLS)('a collector, over %s,', (protocol) => {
  beforeEach(() => vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', protocol));

  it('that takes a part is told of, with how many it refuses and what it says', async () => {
    expect(await toldBy(partly(protocol, 5, 'too \u001b[2J old, api_key=hunter2'))).toEqual([
      'metrics: 5 data points not taken: too \\u001b[2J old, api_key=[redacted]; exchanges go on',
      'traces: 5 spans not taken: too \\u001b[2J old, api_key=[redacted]; exchanges go on',
    ]);
  });

  it('that says no reason is told of, and one that says too much is not repeated', async () => {
    expect((await toldBy(partly(protocol, 1, '')))[1]).toBe(
      'traces: 1 span not taken: no reason is given; exchanges go on',
    );
    const [line = ''] = await toldBy(partly(protocol, 1, 'x'.repeat(10_000)));
    expect(line.length).toBeLessThan(400);
  });

  it('that takes all and has something to say is told of', async () => {
    expect((await toldBy(partly(protocol, 0, 'soon gone')))[1]).toBe(
      'traces: taken, with a warning: soon gone; exchanges go on',
    );
  });

  it('that takes a part of all that it is sent is told of once a minute', async () => {
    vi.stubEnv('OTEL_METRICS_EXPORTER', 'none');
    vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '1');
    const now = performance.now.bind(performance);
    let later = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now() + later);
    const answer = partly(protocol, 2, 'too many');
    let asked = 0;
    const { collector, seen } = await watched((response) => {
      // Spans are sent when those before are answered: three times within a minute, once after it.
      if (++asked === 4) later = 60_000;
      answer(response);
    });
    for (const times of [1, 2, 3, 4]) {
      exchange(seen);
      await collector.sent('/v1/traces', times);
    }
    await seen.close();
    const lineOf = (many: string) =>
      `OTLP ${collector.url}/v1/traces: ${many} not taken: too many; exchanges go on`;
    expect(seen.warnings).toEqual([lineOf('2 spans'), lineOf('6 spans')]);
  });

  it.each([
    ['nothing', (response: ServerResponse) => response.end()],
    ['that it refuses nothing', partly(protocol, 0, '')],
    ['in JSON that it is well', (response: ServerResponse) => response.end('{}')],
    [
      'what it does not end',
      (response: ServerResponse) => response.writeHead(200, { 'content-length': 9 }).write('o'),
    ],
  ])('that answers %s has taken all, and nobody is told', async (_, answer) => {
    expect(await toldBy(answer)).toEqual([]);
  });

  const page = (body: string) => (response: ServerResponse) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(body);
  it.each([
    ['a page', page('<!doctype html><title>Welcome</title>')],
    ['a page that begins with a blank line', page('\n<!doctype html><title>Welcome</title>')],
    ['a page that is long', page(`<!doctype html>${'<p>Welcome</p>'.repeat(10_000)}`)],
    [
      'a page without end',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-type': 'text/html' });
        Readable.from(endless()).pipe(response);
      },
    ],
    ['a word', (response: ServerResponse) => response.end('ok')],
    ['half of a document', (response: ServerResponse) => response.end('{"partialSuccess":')],
  ])('that answers %s may be none, and people are told', async (_, answer) => {
    const line = 'taken, but the answer is no OTLP: it may be no collector; exchanges go on';
    expect(await toldBy(answer)).toEqual([`metrics: ${line}`, `traces: ${line}`]);
  });
});

function* endless() {
  for (;;) yield '<p>Welcome</p>'.repeat(1_000);
}

it.each(['[]', 'null', '"ok"', '7'])(
  '%s is no answer of a collector over http/json',
  async (text) => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json');
    const lines = await toldBy((response) => response.end(text));
    expect(lines.join('\n')).toMatch(/^metrics: .*no OTLP.*\ntraces: .*no OTLP/);
  },
);

it.each([
  ['null', ''],
  ['"x"', ''],
  ['{"rejectedSpans":"many","errorMessage":7}', ''],
  ['{"rejectedSpans":-1}', ''],
  ['{"rejectedSpans":7}', 'traces: 7 spans not taken: no reason is given; exchanges go on'],
])('of {"partialSuccess":%s} what makes sense is told', async (text, told) => {
  vi.stubEnv('OTEL_METRICS_EXPORTER', 'none');
  const lines = await toldBy((response) => response.end(`{"partialSuccess":${text}}`));
  expect(lines.join('\n')).toBe(told);
});
