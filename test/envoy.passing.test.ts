/** What the peer that plays Envoy passes on of a server’s answers. */
import { describe, expect, it } from 'vitest';
import type { Script } from './envoy/script.js';
import {
  asItShould,
  header,
  onKind,
  play,
  REQUEST_BODY,
  reject,
  said,
  streamed,
} from './envoy/script.js';

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
