/** An exchange that a test keeps in flight for as long as it wants. */
import type { ProcessingRequest } from '../../src/adapters/ext-proc/wire.js';
import type { EnvoyClient, EnvoyStream } from '../../src/envoy/stream.js';
import { JSON_BODY, SB, SH } from './messages.js';

/** Begins one: each message is answered before the next is sent. */
export async function begin(
  client: EnvoyClient,
  ...messages: readonly ProcessingRequest[]
): Promise<EnvoyStream> {
  const stream = client.open();
  await tell(stream, messages);
  return stream;
}

/** Its response comes, whole, and the stream ends. */
export async function finish(stream: EnvoyStream): Promise<void> {
  await tell(stream, [SH(), SB(JSON_BODY, true)]);
  stream.halfClose();
  await stream.ended;
}

async function tell(stream: EnvoyStream, messages: readonly ProcessingRequest[]): Promise<void> {
  for (const message of messages) {
    void stream.send(message);
    await stream.next();
  }
}
