/** A small ext_proc server: a handler for each stream, and its records in memory. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { status as grpc, Server, ServerCredentials } from '@grpc/grpc-js';
import type { ProcessingRequest, ProcessingResponse } from '../../src/adapters/ext-proc/wire.js';
import { service } from '../../src/adapters/ext-proc/wire.js';
import type { Handler } from './handler.js';
import type { Judged } from './judge.js';
import type { Billed } from './oracle.js';

/** Serves with a handler of its own for each stream. */
export async function serve(Served: typeof Handler): Promise<Judged> {
  const records: Billed[] = [];
  const server = new Server();
  server.addService(service, {
    Process: (call: ServerDuplexStream<ProcessingRequest, ProcessingResponse>) => {
      const end = (code = grpc.OK, details = '') => {
        if (code === grpc.OK) call.end();
        else call.emit('error', { code, details });
      };
      const handler = new Served({
        send: (answer) => call.write(answer),
        end,
        record: (billed) => records.push(billed),
      });
      const guarded = (act: () => void) => {
        try {
          act();
        } catch (error) {
          end(grpc.INTERNAL, String(error));
        }
      };
      call.on('data', (message: ProcessingRequest) => guarded(() => handler.receive(message)));
      let isClosed = false;
      const closed = () => {
        if (isClosed) return;
        isClosed = true;
        const isCancel = call.cancelled && !handler.isOver;
        guarded(() => (isCancel ? handler.cancelled() : handler.halfClosed()));
      };
      // A cancel is sent as an end and a reset. Whether an end was one shows a few turns later.
      call.on('end', () => after(TURNS, closed));
      call.on('cancelled', closed);
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const done = (error: Error | null, bound: number) => (error ? reject(error) : resolve(bound));
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), done);
  });
  return {
    target: `127.0.0.1:${port}`,
    records: async () => records,
    close: async () => server.forceShutdown(),
  };
}

const TURNS = 8;

function after(turns: number, act: () => void): void {
  if (turns === 0) act();
  else setImmediate(after, turns - 1, act);
}
