import { connect } from 'node:net';

/** What came back on a plain socket. */
export interface RawReply {
  readonly bytes: Buffer;
  /** How many pieces the bytes came in. */
  readonly pieces: number;
  /** 'fin' for a clean end, 'rst' for a reset, 'open' when `until` was reached first. */
  readonly ending: 'fin' | 'rst' | 'open';
}

/**
 * Sends bytes to 127.0.0.1 and reads every byte of the reply, with no HTTP client in between.
 *
 * @param until leaves when it holds for the bytes so far, for replies that leave the socket open.
 */
export function rawExchange(
  port: number,
  request: string | Buffer,
  until: (bytes: Buffer) => boolean = () => false,
): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const leave = (ending: RawReply['ending']) => {
      resolve({ bytes: Buffer.concat(parts), pieces: parts.length, ending });
      socket.destroy();
    };
    socket.setNoDelay(true);
    socket.write(request);
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      if (until(Buffer.concat(parts))) leave('open');
    });
    // libuv shows a reset that it sees together with bytes as an end of file. The kernel has then
    // forgotten the peer's address, which Node asks for when it is first read.
    socket.on('end', () => leave(socket.remoteAddress === undefined ? 'rst' : 'fin'));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') leave('rst');
      else reject(error);
    });
  });
}

/** A request in bytes, with a content-length where there is a body. */
export function rawRequest(method: string, target: string, body = ''): string {
  const length = body === '' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`;
  return `${method} ${target} HTTP/1.1\r\nhost: upstream\r\n${length}\r\n${body}`;
}
