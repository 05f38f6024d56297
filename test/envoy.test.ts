/** The peer that plays Envoy, against servers that are right, and what it shows them. */
import { describe, expect, it } from 'vitest';
import type {
  BodyMode,
  ProcessingRequest,
  ProcessingResponse,
} from '../src/adapters/ext-proc/wire.js';
import { BODY_MODES } from '../src/adapters/ext-proc/wire.js';
import type { Content, Plan } from '../src/envoy/plan.js';
import { isStreamed } from '../src/envoy/plan.js';
import { playExchange } from '../src/envoy/play.js';
import type { Script } from './envoy/script.js';
import {
  asItShould,
  bytes,
  connectTo,
  grpc,
  modesOf,
  play,
  REQUEST,
  REQUEST_BODY,
  RESPONSE,
  RESPONSE_BODY,
  said,
  serve,
  trailers,
  wholeOf,
} from './envoy/script.js';

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
