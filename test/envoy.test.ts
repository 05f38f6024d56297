/** The peer that plays Envoy, against servers that are right and that break one rule each. */
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type {
  BodyMode,
  Kind,
  ProcessingRequest,
  ProcessingResponse,
} from '../src/adapters/ext-proc/wire.js';
import { BODY_MODES, KINDS, service } from '../src/adapters/ext-proc/wire.js';
import { frame } from '../src/envoy/frames.js';
import type { Content, FaultName, Modes, Plan, Play } from '../src/envoy/plan.js';
import { isStreamed } from '../src/envoy/plan.js';
import { playExchange } from '../src/envoy/play.js';
import { EnvoyClient } from '../src/envoy/stream.js';
import { cut, framed, RawConnection } from './envoy/raw.js';

type Call = ServerDuplexStream<ProcessingRequest, ProcessingResponse>;
/** What a server answers to a message; `right` is what it should. */
type Script = (
  kind: Kind,
  right: ProcessingResponse[],
  message: ProcessingRequest,
  call: Call,
) => ProcessingResponse[];

const asItShould: Script = (_, right) => right;
const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A server that answers as it should, but for its script. Gives its port. */
function serve(script: Script = asItShould): Promise<number> {
  const server = new Server({ 'grpc.max_receive_message_length': 1 << 20 });
  server.addService(service, { Process: (call: Call) => speak(call, script) });
  open.push(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

function speak(call: Call, script: Script): void {
  let modes: ProcessingRequest['protocolConfig'];
  call.on('data', (message: ProcessingRequest) => {
    modes ??= message.protocolConfig;
    const kind = KINDS.find((name) => message[name] !== undefined) as Kind;
    const mode = kind === 'requestBody' ? modes?.requestBodyMode : modes?.responseBodyMode;
    const piece = message.requestBody ?? message.responseBody;
    const streamed = piece !== undefined && isStreamed(mode ?? 'NONE');
    const answer = streamed ? { response: { bodyMutation: { streamedResponse: piece } } } : {};
    const right = message.observabilityMode ? [] : [{ [kind]: answer }];
    for (const each of script(kind, right, message, call)) call.write(each);
  });
  call.on('end', () => call.end());
  call.on('error', () => {});
}

function connectTo(port: number): EnvoyClient {
  const client = new EnvoyClient(`127.0.0.1:${port}`);
  open.push(() => client.close());
  return client;
}

const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text));
const REQUEST: Content = {
  headers: { ':method': 'POST', ':path': '/v1/chat/completions', 'content-length': '11' },
  chunks: bytes('{"model":', '1}'),
};
const RESPONSE: Content = {
  headers: { ':status': '200', 'content-type': 'application/json' },
  chunks: bytes('{"usage"', ':', '{}}'),
};

function modesOf(mode: BodyMode, trailers = isStreamed(mode)): Modes {
  return {
    requestBody: mode,
    responseBody: mode,
    requestTrailers: trailers,
    responseTrailers: trailers,
  };
}

/** Plays an exchange of two chunks and three; closes so that the server's last words are heard. */
async function play(mode: BodyMode, script: Script, plan: Partial<Plan> = {}): Promise<Play> {
  return playExchange(connectTo(await serve(script)), {
    modes: modesOf(mode),
    request: mode === 'GRPC' ? grpc(REQUEST) : REQUEST,
    response: mode === 'GRPC' ? grpc(RESPONSE) : RESPONSE,
    protocolConfig: true,
    messageTimeoutMs: 5000,
    close: 'graceful',
    ...plan,
  });
}

/** The same with each chunk as a message of gRPC. */
function grpc(content: Content): Content {
  const chunks = content.chunks as readonly Buffer[];
  return {
    ...content,
    chunks: chunks.map((chunk) => frame({ bytes: chunk, compressed: false })),
  };
}

const wholeOf = (content: Content) => Buffer.concat(content.chunks as readonly Buffer[]).toString();
const REQUEST_BODY = wholeOf(REQUEST);
const RESPONSE_BODY = wholeOf(RESPONSE);

const SHAPES: Readonly<Record<string, Partial<Content>>> = {
  'no body': { chunks: [] },
  'an empty body': { chunks: bytes('') },
  'one chunk': { chunks: bytes('{}') },
  'many chunks': { chunks: bytes(...'a body of many small chunks') },
  'trailers and no body': { chunks: [], trailers: { checksum: '1' } },
  'a body and trailers': { chunks: bytes('{', '}'), trailers: { checksum: '1' } },
};

describe('a server that is right', () => {
  for (const mode of BODY_MODES) {
    for (const [shape, content] of Object.entries(SHAPES)) {
      for (const shown of isStreamed(mode) ? [true] : [false, true]) {
        const shownOrNot = shown ? 'shown' : 'skipped';
        it(`has no fault in ${mode} with ${shape}, trailers ${shownOrNot}`, async () => {
          const of = (half: Content) =>
            mode === 'GRPC' ? grpc({ ...half, ...content }) : { ...half, ...content };
          const { upstream, downstream, faults, messages, answers, end } = await play(
            mode,
            asItShould,
            { modes: modesOf(mode, shown), request: of(REQUEST), response: of(RESPONSE) },
          );
          expect(faults).toEqual([]);
          expect(answers).toBe(messages);
          expect(end?.code).toBe(0);
          expect(upstream).toMatchObject({ complete: true });
          expect(upstream.body.toString()).toBe(wholeOf(of(REQUEST)));
          expect(upstream.trailers).toEqual(content.trailers);
          expect(downstream).toMatchObject({ complete: true, status: 200 });
          expect(downstream.body.toString()).toBe(wholeOf(of(RESPONSE)));
          expect(downstream.trailers).toEqual(content.trailers);
        });
      }
    }
  }

  it.each(['STREAMED', 'FULL_DUPLEX_STREAMED'] as const)(
    'takes empty chunks, an end of its own and a late end in %s',
    async (mode) => {
      const late = { request: 'empty', response: 'repeated' } as const;
      // In full duplex only the first end is answered.
      let ends = 0;
      const script: Script = (_, right, { responseBody, requestBody }) => {
        if (requestBody?.endOfStream || responseBody?.endOfStream) ends += 1;
        const isLate = responseBody ? ends > 3 : ends > 1;
        const lateEnd = isLate && (requestBody ?? responseBody)?.endOfStream;
        return mode === 'FULL_DUPLEX_STREAMED' && lateEnd ? [] : right;
      };
      const quirks = { lateEnd: late, emptyChunks: true, bareEnd: true };
      const { faults, upstream, downstream } = await play(mode, script, { quirks });
      expect(faults).toEqual([]);
      expect(upstream.body.toString()).toBe(REQUEST_BODY);
      expect(downstream.body.toString()).toBe(RESPONSE_BODY);
    },
  );

  it('answers nothing in observability mode', async () => {
    const { faults, messages, answers, downstream } = await play('STREAMED', asItShould, {
      observability: true,
    });
    expect(faults).toEqual([]);
    expect([messages, answers]).toEqual([7, 0]);
    expect(downstream.body.toString()).toBe(RESPONSE_BODY);
  });

  it('may see a response half alone', async () => {
    const { faults, dialogue, downstream } = await playExchange(connectTo(await serve()), {
      modes: modesOf('BUFFERED'),
      response: RESPONSE,
    });
    expect(faults).toEqual([]);
    expect(dialogue[0]).toBe('responseHeaders');
    expect(downstream.complete).toBe(true);
  });

  it.each(['halfClose', 'cancel'] as const)('is closed by %s without a fault', async (close) => {
    const { faults, end, downstream } = await play('STREAMED', asItShould, { close });
    expect(faults).toEqual([]);
    expect(end?.code).toBeOneOf([0, 1]);
    expect(downstream.complete).toBe(true);
  });
});

/** What Envoy said, without the answers. */
const said = ({ dialogue }: Play) => dialogue.filter((line) => !line.startsWith('<'));
const trailers = { checksum: '1' };

describe('Envoy shows', () => {
  const half = (mode: BodyMode, content: Partial<Content>, shown: boolean, plan?: Partial<Plan>) =>
    play(mode, asItShould, {
      modes: { ...modesOf(mode), requestTrailers: shown, responseBody: 'NONE' },
      request: { ...REQUEST, ...content },
      response: { headers: { ':status': '204' } },
      ...plan,
    }).then((result) => said(result).slice(0, -1));

  it('no body in NONE', async () => {
    expect(await half('NONE', {}, false)).toEqual(['requestHeaders']);
    expect(await half('NONE', { trailers }, true)).toEqual(['requestHeaders', 'requestTrailers']);
  });

  it('each chunk in STREAMED, and nothing for an end by trailers that it skips', async () => {
    const chunks = ['requestHeaders', 'requestBody', 'requestBody'];
    expect(await half('STREAMED', {}, false)).toEqual([...chunks.slice(0, 2), 'requestBody.']);
    expect(await half('STREAMED', { trailers }, false)).toEqual(chunks);
    expect(await half('STREAMED', { trailers }, true)).toEqual([...chunks, 'requestTrailers']);
  });

  it('one body in BUFFERED, with the end on it only where no trailers exist', async () => {
    expect(await half('BUFFERED', {}, false)).toEqual(['requestHeaders', 'requestBody.']);
    expect(await half('BUFFERED', { trailers }, false)).toEqual(['requestHeaders', 'requestBody']);
  });

  it('the beginning of a body in BUFFERED_PARTIAL, and no end of it', async () => {
    const short = { bufferBytesMax: 4 };
    expect(await half('BUFFERED_PARTIAL', {}, false, short)).toEqual([
      'requestHeaders',
      'requestBody',
    ]);
    expect(await half('BUFFERED_PARTIAL', {}, false)).toEqual(['requestHeaders', 'requestBody.']);
  });

  it('a body before its headers are answered in FULL_DUPLEX_STREAMED', async () => {
    const kept: ProcessingResponse[] = [];
    const result = await play('FULL_DUPLEX_STREAMED', (_, right, message) => {
      kept.push(...right);
      return message.requestBody?.endOfStream || message.responseBody?.endOfStream
        ? kept.splice(0)
        : [];
    });
    expect(result.faults).toEqual([]);
    expect(result.dialogue.slice(0, 4)).toEqual([
      'requestHeaders',
      'requestBody',
      'requestBody.',
      '<requestHeaders',
    ]);
  });

  it('a streamed body before its headers are answered where it is told not to wait', async () => {
    const kept: ProcessingResponse[] = [];
    const keep: Script = (_, right, message) => {
      kept.push(...right);
      return (message.requestBody ?? message.responseBody)?.endOfStream ? kept.splice(0) : [];
    };
    const ahead = await play('STREAMED', keep, { sendBodyWithoutWaiting: true });
    expect(ahead.faults).toEqual([]);
    expect(ahead.dialogue.slice(0, 3)).toEqual(['requestHeaders', 'requestBody', 'requestBody.']);
    const waiting = { sendBodyWithoutWaiting: false };
    const { dialogue } = await play('FULL_DUPLEX_STREAMED', asItShould, waiting);
    expect(dialogue.slice(0, 3)).toEqual(['requestHeaders', '<requestHeaders', 'requestBody']);
  });

  it('the messages of gRPC without their prefix, and an end without a message', async () => {
    const seen: unknown[] = [];
    await play('GRPC', (_, right, { requestBody }) => {
      const { body, endOfStreamWithoutMessage: bare = false } = requestBody ?? {};
      if (requestBody) seen.push([body?.toString() ?? '', bare]);
      return right;
    });
    expect(seen).toEqual([
      ['{"model":', false],
      ['1}', false],
      ['', true],
    ]);
  });

  it('headers in raw_value, and its modes in the first message only', async () => {
    const seen: ProcessingRequest[] = [];
    await play('BUFFERED', (_, right, message) => {
      seen.push(message);
      return right;
    });
    const first = seen[0]?.requestHeaders?.headers?.headers?.[0];
    expect([first?.key, first?.value, first?.rawValue?.toString()]).toEqual([
      ':method',
      undefined,
      'POST',
    ]);
    expect(seen.map((message) => message.protocolConfig?.requestBodyMode)).toEqual([
      'BUFFERED',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('a response before the request is complete, where the upstream does so', async () => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    async function* chunks() {
      yield Buffer.from('{"model":');
      await finished;
      yield Buffer.from('1}');
    }
    const script: Script = (kind, right) => {
      if (kind === 'responseBody') finish();
      return right;
    };
    const { faults, dialogue, upstream } = await play('STREAMED', script, {
      request: { headers: REQUEST.headers, chunks: chunks() },
      respondAfter: 'requestHeaders',
    });
    expect(faults).toEqual([]);
    expect(upstream.body.toString()).toBe(REQUEST_BODY);
    expect(dialogue.indexOf('responseBody')).toBeLessThan(dialogue.indexOf('requestBody.'));
  });

  it('what the modes are after an override that it allows', async () => {
    const script: Script = (kind, right) =>
      kind === 'responseHeaders'
        ? [{ ...right[0], modeOverride: { responseBodyMode: 'STREAMED' } }]
        : right;
    const result = await play('BUFFERED', script, { allowModeOverride: true });
    expect(result.faults).toEqual([]);
    expect(said(result).slice(2)).toEqual([
      'responseHeaders',
      'responseBody',
      'responseBody',
      'responseBody.',
    ]);
  });
});

const header = (key: string, value = '1') => ({
  setHeaders: [{ header: { key, rawValue: Buffer.from(value) } }],
});
const streamed = (text: string, endOfStream = false): ProcessingResponse => ({
  requestBody: {
    response: { bodyMutation: { streamedResponse: { body: Buffer.from(text), endOfStream } } },
  },
});
const onKind =
  (kind: Kind, ...answers: ProcessingResponse[]): Script =>
  (now, right) =>
    now === kind ? answers : right;
const reject: ProcessingResponse = {
  immediateResponse: {
    status: { code: 429 },
    headers: header('retry-after', '7'),
    body: Buffer.from('no'),
  },
};

describe('what passes on', () => {
  it('has the header mutations of an answer to headers', async () => {
    const setHeaders = [
      { header: { key: 'a', rawValue: Buffer.from('1') } },
      { header: { key: 'A', rawValue: Buffer.from('2') } },
      {
        header: { key: 'a', rawValue: Buffer.from('3') },
        appendAction: 'ADD_IF_ABSENT' as const,
      },
      {
        header: { key: 'b', rawValue: Buffer.from('4') },
        appendAction: 'OVERWRITE_IF_EXISTS' as const,
      },
    ];
    const headerMutation = { setHeaders, removeHeaders: ['content-length'] };
    const answer = { requestHeaders: { response: { headerMutation } } };
    const { faults, upstream } = await play('NONE', onKind('requestHeaders', answer));
    expect(faults).toEqual([]);
    expect(upstream.headers).toEqual({
      ':method': 'POST',
      ':path': '/v1/chat/completions',
      a: '1,2',
    });
  });

  it('has the mutations of a body, and of its headers where it is buffered', async () => {
    const response = {
      headerMutation: {
        setHeaders: [
          ...header('model', 'a').setHeaders,
          {
            header: { key: 'content-length', rawValue: Buffer.from('2') },
            appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' as const,
          },
        ],
      },
      bodyMutation: { body: Buffer.from('{}') },
    };
    const script = onKind('requestBody', { requestBody: { response } });
    const { faults, upstream } = await play('BUFFERED', script);
    expect(faults).toEqual([]);
    expect(upstream.headers).toMatchObject({ model: 'a', 'content-length': '2' });
    expect(upstream.body.toString()).toBe('{}');
  });

  it('has no content-length where a body is streamed', async () => {
    for (const mode of ['STREAMED', 'BUFFERED_PARTIAL', 'FULL_DUPLEX_STREAMED'] as const) {
      const { upstream } = await play(mode, asItShould);
      expect(upstream.headers, mode).not.toHaveProperty('content-length');
    }
    const { upstream } = await play('BUFFERED', asItShould);
    expect(upstream.headers).toHaveProperty('content-length', '11');
  });

  it('is the rest of a body as it was, behind what BUFFERED_PARTIAL has shown', async () => {
    const response = { bodyMutation: { body: Buffer.from('<>') } };
    const script = onKind('requestBody', { requestBody: { response } });
    const { faults, upstream } = await play('BUFFERED_PARTIAL', script, { bufferBytesMax: 4 });
    expect(faults).toEqual([]);
    expect(upstream.body.toString()).toBe(`<>${REQUEST_BODY.slice(4)}`);
  });

  it('is the body of CONTINUE_AND_REPLACE, of which no more is shown', async () => {
    const response = {
      status: 'CONTINUE_AND_REPLACE' as const,
      bodyMutation: { body: Buffer.from('{}') },
    };
    const script = onKind('requestHeaders', { requestHeaders: { response } });
    const result = await play('STREAMED', script);
    expect(result.faults).toEqual([]);
    expect(said(result)).not.toContain('requestBody');
    expect(result.upstream.body.toString()).toBe('{}');
    expect(result.upstream.complete).toBe(true);
  });

  it('is as many streamed pieces as the server likes', async () => {
    const script: Script = (kind, right, { requestBody }) => {
      if (kind !== 'requestBody') return right;
      return requestBody?.endOfStream ? [streamed('a'), streamed('b'), streamed('', true)] : [];
    };
    const { faults, upstream } = await play('FULL_DUPLEX_STREAMED', script);
    expect(faults).toEqual([]);
    expect(upstream.body.toString()).toBe('ab');
  });

  it('is an ImmediateResponse in place of all, before the response has begun', async () => {
    for (const kind of ['requestHeaders', 'requestBody', 'responseHeaders'] as const) {
      const result = await play('BUFFERED', onKind(kind, reject));
      expect(result.faults).toEqual([]);
      expect(result.immediate?.status.code).toBe(429);
      expect(result.downstream).toMatchObject({ status: 429, complete: true });
      expect(result.downstream.headers).toMatchObject({ 'retry-after': '7' });
      expect(result.downstream.body.toString()).toBe('no');
      expect(said(result).at(-1)?.replace('.', '')).toBe(kind);
    }
  });

  it('is what the upstream makes of what it got', async () => {
    const { downstream } = await play('BUFFERED', asItShould, {
      response: async ({ body }) => ({ headers: { ':status': '201' }, chunks: [body] }),
    });
    expect([downstream.status, downstream.body.toString()]).toEqual([201, REQUEST_BODY]);
  });

  it('tells metadata by its namespaces, merged', async () => {
    const fields = (name: string) => ({
      fields: {
        llm: { structValue: { fields: { [name]: { numberValue: 1 } } } },
      },
    });
    const script: Script = (kind, right) =>
      right.map((a) => ({ ...a, dynamicMetadata: fields(kind) }));
    const { faults, dynamicMetadata } = await play('NONE', script);
    expect(faults).toEqual([]);
    expect(dynamicMetadata).toEqual({ llm: { requestHeaders: 1, responseHeaders: 1 } });
  });
});

type Wrong = readonly [FaultName, string, BodyMode, Script, Partial<Plan>?];
const twice: Script = (_, right) => [...right, ...right];
const common = (kind: Kind, response: object) => onKind(kind, { [kind]: { response } });
const bodyOf = (text: string) => ({ bodyMutation: { body: Buffer.from(text) } });
const withTrailers = (mode: BodyMode) => ({
  modes: modesOf(mode, true),
  request: { ...REQUEST, trailers },
});

const WRONG: readonly Wrong[] = [
  ['empty answer', 'to headers', 'NONE', onKind('requestHeaders', {})],
  [
    'extra answer',
    'to headers',
    'NONE',
    onKind('responseHeaders', ...Array(2).fill({ responseHeaders: {} })),
  ],
  [
    'extra answer',
    'to the last body',
    'STREAMED',
    (kind, right, { responseBody }) =>
      kind === 'responseBody' && responseBody?.endOfStream
        ? twice(kind, right, {}, {} as Call)
        : right,
  ],
  ['wrong direction', 'to headers', 'NONE', onKind('requestHeaders', { responseHeaders: {} })],
  ['wrong direction', 'to a body', 'BUFFERED', onKind('responseBody', { requestBody: {} })],
  ['wrong answer', 'a body to headers', 'BUFFERED', onKind('requestHeaders', { requestBody: {} })],
  [
    'wrong answer',
    'headers to trailers',
    'NONE',
    onKind('requestTrailers', { requestHeaders: {} }),
    withTrailers('NONE'),
  ],
  ['message timeout', 'for headers', 'NONE', onKind('requestHeaders'), { messageTimeoutMs: 20 }],
  [
    'message timeout',
    'for one chunk of three',
    'STREAMED',
    (_, right, message) => (message.responseBody?.body?.toString() === ':' ? [] : right),
    { messageTimeoutMs: 20 },
  ],
  [
    'missing answer',
    'for an end',
    'FULL_DUPLEX_STREAMED',
    (_, right, message) => (message.requestBody?.endOfStream ? [streamed('')] : right),
    { idleTimeoutMs: 20 },
  ],
  ['streamed answer', 'in STREAMED', 'STREAMED', onKind('requestBody', streamed(''))],
  ['streamed answer', 'in BUFFERED', 'BUFFERED', onKind('requestBody', streamed('', true))],
  [
    'unstreamed answer',
    'in full duplex',
    'FULL_DUPLEX_STREAMED',
    onKind('requestBody', { requestBody: {} }),
  ],
  ['unstreamed answer', 'in gRPC', 'GRPC', common('requestBody', bodyOf(''))],
  [
    'early end',
    'of a body',
    'FULL_DUPLEX_STREAMED',
    onKind('requestBody', streamed('', true)),
    withTrailers('FULL_DUPLEX_STREAMED'),
  ],
  [
    'body after end',
    'of the same body',
    'FULL_DUPLEX_STREAMED',
    (_, right, message) =>
      message.requestBody?.endOfStream ? [streamed('', true), streamed('')] : right,
  ],
  ['body before headers', 'of the same half', 'FULL_DUPLEX_STREAMED', onKind('requestHeaders')],
  ['late immediate response', 'to a second chunk', 'STREAMED', onKind('responseBody', reject)],
  [
    'late immediate response',
    'to a second end',
    'BUFFERED',
    (_, right, { responseBody }) => (responseBody?.body?.length === 0 ? [reject] : right),
    { quirks: { lateEnd: { response: 'empty' } } },
  ],
  [
    'immediate response to trailers',
    'of the request',
    'NONE',
    onKind('requestTrailers', reject),
    withTrailers('NONE'),
  ],
  [
    'malformed immediate response',
    'without a status',
    'NONE',
    onKind('requestHeaders', { immediateResponse: {} as never }),
  ],
  ['extra answer', 'after an ImmediateResponse', 'NONE', onKind('requestHeaders', reject, reject)],
  ['body mutation in headers', 'that continue', 'STREAMED', common('requestHeaders', bodyOf('{}'))],
  [
    'header mutation in body',
    'that is streamed',
    'STREAMED',
    common('requestBody', { headerMutation: header('a') }),
  ],
  [
    'replace in body',
    'that is buffered',
    'BUFFERED',
    common('requestBody', { status: 'CONTINUE_AND_REPLACE' }),
  ],
  [
    'content-length mismatch',
    'with a buffered body',
    'BUFFERED',
    common('requestBody', bodyOf('{}')),
  ],
  [
    'body after end',
    'to a second end',
    'BUFFERED',
    (kind, right, { requestBody }) =>
      requestBody?.body?.length === 0
        ? common('requestBody', bodyOf('x'))(kind, right, {}, {} as Call)
        : right,
    { quirks: { lateEnd: { request: 'empty' } } },
  ],
  [
    'framing header',
    'content-length',
    'STREAMED',
    common('requestHeaders', { headerMutation: header('content-length') }),
  ],
  [
    'hop-by-hop header',
    'connection',
    'NONE',
    common('requestHeaders', { headerMutation: header('Connection') }),
  ],
  [
    'hop-by-hop header',
    'transfer-encoding',
    'NONE',
    common('responseHeaders', { headerMutation: header('transfer-encoding', 'chunked') }),
  ],
  [
    'pseudo-header',
    ':authority',
    'NONE',
    common('requestHeaders', { headerMutation: header(':authority') }),
  ],
  [
    'pseudo-header',
    ':status removed',
    'NONE',
    common('responseHeaders', { headerMutation: { removeHeaders: [':status'] } }),
  ],
  [
    'protected header',
    'host',
    'NONE',
    common('requestHeaders', { headerMutation: header('host') }),
  ],
  [
    'malformed header',
    'with a line break',
    'NONE',
    common('requestHeaders', { headerMutation: header('a', 'b\r\nc: d') }),
  ],
  [
    'mode override',
    'that is not allowed',
    'NONE',
    (_, right) => right.map((a) => ({ ...a, modeOverride: {} })),
  ],
  [
    'mode override',
    'in an answer to a body',
    'BUFFERED',
    onKind('requestBody', { requestBody: {}, modeOverride: {} }),
    { allowModeOverride: true },
  ],
  [
    'mode override',
    'in full duplex',
    'FULL_DUPLEX_STREAMED',
    onKind('requestHeaders', { requestHeaders: {}, modeOverride: {} }),
    { allowModeOverride: true },
  ],
  [
    'timeout override',
    'in an answer',
    'NONE',
    onKind('requestHeaders', {
      requestHeaders: {},
      overrideMessageTimeout: { seconds: 1 },
    } as never),
  ],
  [
    'metadata without namespace',
    'in an answer',
    'NONE',
    onKind('requestHeaders', {
      requestHeaders: {},
      dynamicMetadata: { fields: { a: { numberValue: 1 } } },
    }),
  ],
  [
    'trailers in answer',
    'to headers',
    'NONE',
    common('requestHeaders', { trailers: { headers: [{ key: 'a', value: '' }] } }),
  ],
  [
    'answer in observability mode',
    'to headers',
    'NONE',
    onKind('requestHeaders', { requestHeaders: {} }),
    { observability: true },
  ],
  [
    'error end',
    'to headers',
    'NONE',
    (_, __, ___, call) => {
      call.emit('error', { code: 13, details: 'broken' });
      return [];
    },
  ],
  [
    'lost body',
    'by a clean close',
    'FULL_DUPLEX_STREAMED',
    (kind, right, _, call) => {
      if (kind !== 'requestBody') return right;
      call.end();
      return [];
    },
  ],
];

describe('a server is told its fault', () => {
  for (const [name, where, mode, script, plan] of WRONG) {
    it(`${name}: ${where}, in ${mode}`, async () => {
      const { faults } = await play(mode, script, plan);
      const names = faults.map((fault) => fault.slice(0, fault.indexOf(':')));
      expect([...new Set(names)]).toEqual([name]);
    });
  }

  it('an end that does not come after a half-close', async () => {
    const script: Script = (_, right, __, call) => {
      call.removeAllListeners('end');
      return right;
    };
    const { faults, downstream } = await play('NONE', script, { closeTimeoutMs: 20 });
    expect(faults).toEqual(['stream left open: 20 ms after the half-close']);
    expect(downstream.complete).toBe(true);
  });
});

describe('what a failing server does to the exchange', () => {
  const breakAt: (kind: Kind) => Script = (at) => (kind, right, _, call) => {
    if (kind !== at) return right;
    call.emit('error', { code: 14, details: 'gone' });
    return [];
  };

  it('is a 500 before the response has begun, and a 504 for a timeout', async () => {
    const broken = await play('STREAMED', breakAt('responseHeaders'));
    expect(broken.downstream).toMatchObject({ status: 500, complete: true });
    const slow = await play('STREAMED', onKind('requestHeaders'), { messageTimeoutMs: 20 });
    expect(slow.downstream).toMatchObject({ status: 504, complete: true });
    expect(slow.timedOut).toBe(true);
  });

  it('is a reset afterwards', async () => {
    const { downstream } = await play('STREAMED', breakAt('responseBody'));
    expect(downstream).toMatchObject({ status: 200, complete: false });
  });

  it('is nothing with failure_mode_allow', async () => {
    for (const script of [breakAt('requestBody'), onKind('requestBody', { responseBody: {} })]) {
      const { downstream, upstream } = await play('STREAMED', script, { failureModeAllow: true });
      expect(upstream.body.toString()).toBe(REQUEST_BODY);
      expect(downstream.body.toString()).toBe(RESPONSE_BODY);
      expect(downstream.complete).toBe(true);
    }
  });

  it('is a 500 all the same once a full duplex body was given away', async () => {
    const plan = { failureModeAllow: true };
    const { downstream } = await play('FULL_DUPLEX_STREAMED', breakAt('requestBody'), plan);
    expect(downstream.status).toBe(500);
  });

  it('is nothing when it closes cleanly: Envoy goes on without it', async () => {
    for (const mode of ['NONE', 'STREAMED', 'BUFFERED', 'BUFFERED_PARTIAL'] as const) {
      const script: Script = (_, __, ___, call) => {
        call.end();
        return [];
      };
      const { faults, left, upstream, downstream, end } = await play(mode, script);
      expect([faults, left, end?.code]).toEqual([[], true, 0]);
      expect(upstream.body.toString()).toBe(REQUEST_BODY);
      expect(downstream.body.toString()).toBe(RESPONSE_BODY);
    }
  });
});

describe('a client that leaves', () => {
  it('has the stream reset, and nothing of what it was owed completes', async () => {
    const leaving = new AbortController();
    let cancelled: Promise<unknown> | undefined;
    const script: Script = (kind, right, _, call) => {
      if (kind !== 'responseBody') return right;
      cancelled = new Promise((resolve) => call.once('cancelled', resolve));
      leaving.abort();
      return [];
    };
    const { faults, end, downstream } = await play('STREAMED', script, { signal: leaving.signal });
    expect(faults).toEqual([]);
    expect(end?.code).toBe(1);
    expect(downstream).toMatchObject({ status: 200, complete: false });
    await cancelled;
  });
});

describe('a plan that Envoy refuses', () => {
  it('is a full duplex body whose trailers are skipped', async () => {
    const plan = { modes: modesOf('FULL_DUPLEX_STREAMED', false) };
    await expect(play('NONE', asItShould, plan)).rejects.toThrow(/trailers/);
  });
});

describe('the raw client', () => {
  const headers: ProcessingRequest = { requestHeaders: { endOfStream: true } };

  async function connectRaw(script?: Script): Promise<RawConnection> {
    const connection = new RawConnection(await serve(script));
    open.push(() => connection.close());
    return connection;
  }

  it('has a message answered at whichever byte it is cut', async () => {
    const connection = await connectRaw();
    const whole = framed(headers);
    for (let at = 1; at < whole.length; at += 1) {
      const stream = connection.open();
      for (const piece of cut(whole, at)) await stream.write(piece);
      stream.halfClose();
      expect(await stream.ended).toMatchObject({ how: 'status', code: 0 });
      expect(stream.answers).toEqual([{ requestHeaders: {} }]);
    }
  });

  it('has two messages of one frame answered', async () => {
    const stream = (await connectRaw()).open();
    await stream.write(Buffer.concat([framed(headers), framed({ responseHeaders: {} })]));
    expect(await stream.answered(2)).toEqual([{ requestHeaders: {} }, { responseHeaders: {} }]);
    stream.halfClose();
    expect((await stream.ended).code).toBe(0);
  });

  it('may compress a message', async () => {
    const stream = (await connectRaw()).open({ 'grpc-encoding': 'gzip' });
    await stream.write(framed(headers, { compressed: 'gzip' }));
    expect(await stream.answered(1)).toHaveLength(1);
    stream.halfClose();
    expect((await stream.ended).code).toBe(0);
  });

  it('is told what is wrong with garbage, and with too long a message', async () => {
    const connection = await connectRaw();
    const garbage = connection.open();
    await garbage.write(framed(Buffer.from('no protobuf')));
    expect(await garbage.ended).toMatchObject({ how: 'status', code: 13 });
    const long = connection.open();
    await long.write(framed(headers, { length: 1 << 24 }));
    expect(await long.ended).toMatchObject({ how: 'status', code: 8 });
  });

  it('is told when the server resets, and when the connection is lost', async () => {
    const server = createServer();
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.on('data', (data: Buffer) =>
        data.length > 1 ? stream.session?.destroy() : stream.close(11),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push(() => new Promise((resolve) => server.close(resolve)));
    const connection = new RawConnection((server.address() as AddressInfo).port);
    open.push(() => connection.close());
    const reset = connection.open();
    await reset.write(Buffer.from('a'));
    expect(await reset.ended).toMatchObject({ how: 'reset', resetCode: 11 });
    const lost = connection.open();
    await lost.write(Buffer.from('ab'));
    expect(await lost.ended).toMatchObject({ how: 'lost' });
  });

  it('writes a DATA frame for each write', async () => {
    const server = createServer();
    const frames: string[] = [];
    const ended = new Promise<void>((resolve) => {
      server.on('stream', (stream) => {
        stream.on('data', (data: Buffer) => frames.push(data.toString()));
        stream.on('end', () => {
          stream.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true });
          resolve();
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push(() => new Promise((resolve) => server.close(resolve)));
    const connection = new RawConnection((server.address() as AddressInfo).port);
    open.push(() => connection.close());
    const stream = connection.open();
    for (const letter of 'abc') await stream.write(Buffer.from(letter));
    stream.halfClose();
    await ended;
    expect(frames).toEqual(['a', 'b', 'c']);
    expect(await stream.ended).toMatchObject({ how: 'status', code: 0 });
  });

  it('may reset with a code of its choice', async () => {
    const codes: Promise<unknown>[] = [];
    const connection = await connectRaw((_, right, __, call) => {
      codes.push(new Promise((resolve) => call.once('cancelled', resolve)));
      return right;
    });
    for (const code of [8, 2, 7]) {
      const stream = connection.open();
      await stream.send(headers);
      await stream.answered(1);
      stream.reset(code);
      expect(await stream.ended).toMatchObject({ how: 'left', resetCode: code });
    }
    expect(await Promise.all(codes)).toHaveLength(3);
  });
});
