/** The port of `/metrics`: who gets what there, and what becomes of it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Observed, observed } from './observing.js';

describe('the port of /metrics', () => {
  const statusOf = (url: string, init: RequestInit = {}) =>
    fetch(url, init).then(({ status }) => status);

  it('answers GET and HEAD of one path, and nothing else', async () => {
    const { url } = await observed();
    expect(await statusOf(url, { method: 'HEAD' })).toBe(200);
    expect(await statusOf(url, { method: 'POST' })).toBe(405);
    expect(await statusOf(url.replace('/metrics', '/'))).toBe(404);
  });

  it('on this machine is not what a page of elsewhere calls by another name', async () => {
    const { url } = await observed();
    const { port } = new URL(url);
    const reply = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.end('GET /metrics HTTP/1.1\r\nhost: evil.test\r\nconnection: close\r\n\r\n');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
    });
    expect(reply).toMatch(/^HTTP\/1\.1 403 /);
    expect(reply).not.toContain('interlock_');
  });

  it('that is taken is an error, and leaves nothing open', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    const opening = Observed.open({ metrics: (listen) => listen({ host: '127.0.0.1', port }) });
    await expect(opening).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('is not held by one who never ends asking', async () => {
    const { url } = await observed();
    const asking = connect(Number(new URL(url).port), '127.0.0.1');
    onTestFinished(() => void asking.destroy());
    asking.write('GET /metrics HTTP/1.1\r\n');
    let reply = '';
    for await (const chunk of asking) reply += chunk;
    expect(reply).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('is let go of at the end, whoever still asks', async () => {
    const seen = await Observed.open();
    const { port } = new URL(seen.url);
    const asking = connect(Number(port), '127.0.0.1');
    asking.write('GET /metrics HTTP/1.1\r\n');
    await new Promise((resolve) => asking.once('connect', resolve));
    asking.on('error', () => {});
    const gone = new Promise((resolve) => asking.once('close', resolve));
    await seen.close();
    await gone;
    await expect(fetch(seen.url)).rejects.toThrow();
  });
});
