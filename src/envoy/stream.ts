/**
 * One ext_proc stream from Envoy's side: messages go out, answers come in, and it ends somehow. It
 * judges nothing and remembers everything, so that whoever plays Envoy can.
 */
import type {
  ChannelCredentials,
  ChannelOptions,
  ClientDuplexStream,
  StatusObject,
} from '@grpc/grpc-js';
import { Client, credentials as makeCredentials } from '@grpc/grpc-js';
import type { ProcessingRequest, ProcessingResponse } from '../adapters/ext-proc/wire.js';
import { service } from '../adapters/ext-proc/wire.js';

/** How a stream ended: gRPC's status code and its words. */
export type StreamEnd = Pick<StatusObject, 'code' | 'details'>;

export class EnvoyStream {
  /** Every answer that came, in its order. */
  readonly answers: ProcessingResponse[] = [];
  /** Resolves, and never rejects, when the stream has ended. */
  readonly ended: Promise<StreamEnd>;
  readonly #call: ClientDuplexStream<ProcessingRequest, ProcessingResponse>;
  #taken = 0;
  #over = false;
  #waiting: (() => void)[] = [];

  constructor(call: ClientDuplexStream<ProcessingRequest, ProcessingResponse>) {
    this.#call = call;
    call.on('data', (answer: ProcessingResponse) => {
      this.answers.push(answer);
      this.#wake();
    });
    call.on('error', () => {});
    this.ended = new Promise((resolve) => {
      call.on('status', ({ code, details }: StatusObject) => {
        this.#over = true;
        resolve({ code, details });
        this.#wake();
      });
    });
  }

  /** Sends a message. Resolves when it was handed to HTTP/2, which may be never for a stream that is over. */
  send(message: ProcessingRequest): Promise<void> {
    return new Promise((resolve) => this.#call.write(message, () => resolve()));
  }

  /** The next answer that nobody has taken yet; undefined once the stream is over. */
  async next(): Promise<ProcessingResponse | undefined> {
    await this.until(() => this.#taken < this.answers.length);
    return this.answers[this.#taken++];
  }

  /** Resolves when `ready` is true, which is asked after each answer, or the stream is over. */
  async until(ready: () => boolean): Promise<void> {
    while (!ready() && !this.#over) await new Promise<void>((wake) => this.#waiting.push(wake));
  }

  /** No more messages come; answers still may. */
  halfClose(): void {
    this.#call.end();
  }

  /** Resets the stream, as Envoy does at the end of most exchanges, also of those that went well. */
  cancel(): void {
    this.#call.cancel();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A connection to an ext_proc server, on which streams are opened. */
export class EnvoyClient {
  readonly #client: Client;

  /** `target` is `host:port` or `unix:path`. Without credentials it is plaintext. */
  constructor(
    target: string,
    credentials: ChannelCredentials = makeCredentials.createInsecure(),
    options: ChannelOptions = {},
  ) {
    this.#client = new Client(target, credentials, {
      // Else every client of a process would share one connection.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      ...options,
    });
  }

  open(): EnvoyStream {
    const { path, requestSerialize, responseDeserialize } = service.Process!;
    return new EnvoyStream(
      this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize) as never,
    );
  }

  close(): void {
    this.#client.close();
  }
}
