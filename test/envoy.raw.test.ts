/** The raw client, which sends what no Envoy would. */
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ProcessingRequest } from '../src/adapters/ext-proc/wire.js';
import { cut, framed, RawConnection } from './envoy/raw.js';
import type { Script } from './envoy/script.js';
import { serve } from './envoy/script.js';

describe('the raw client', () => {
  const headers: ProcessingRequest = { requestHeaders: { endOfStream: true } };

  async function connectRaw(script?: Script): Promise<RawConnection> {
    const connection = new RawConnection(await serve(script));
    onTestFinished(() => connection.close());
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
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const connection = new RawConnection((server.address() as AddressInfo).port);
    onTestFinished(() => connection.close());
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
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const connection = new RawConnection((server.address() as AddressInfo).port);
    onTestFinished(() => connection.close());
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
