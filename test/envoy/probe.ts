/** Asks a server for its health, as Kubernetes and Envoy do. */
import { Client, credentials } from '@grpc/grpc-js';
import { service as health } from 'grpc-health-check';
import { HEALTH_NAMES } from '../../src/adapters/ext-proc/endpoint.js';
import { SERVICE_NAME } from '../../src/adapters/ext-proc/wire.js';

export const SERVING = {
  '': 'SERVING',
  liveness: 'SERVING',
  readiness: 'SERVING',
  [SERVICE_NAME]: 'SERVING',
};
export const DRAINING = {
  '': 'NOT_SERVING',
  liveness: 'SERVING',
  readiness: 'NOT_SERVING',
  [SERVICE_NAME]: 'NOT_SERVING',
};

export class Probe {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  check(name: string): Promise<string> {
    const { path, requestSerialize, responseDeserialize } = health.Check!;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize as never,
        { service: name },
        (error, reply?: { status: string }) => (error ? reject(error) : resolve(reply!.status)),
      );
    });
  }

  async all(): Promise<Record<string, string>> {
    const told = await Promise.all(HEALTH_NAMES.map((name) => this.check(name)));
    return Object.fromEntries(HEALTH_NAMES.map((name, at) => [name, told[at] as string]));
  }

  /** What a watcher is told, one after the other. */
  async *watch(name: string): AsyncGenerator<string, void> {
    const { path, requestSerialize, responseDeserialize } = health.Watch!;
    const asked = { service: name };
    const call = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => { status: string },
      asked,
    );
    call.on('error', () => {});
    for await (const { status } of call) yield status;
  }

  close(): void {
    this.#client.close();
  }
}
