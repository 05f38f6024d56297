/** A server that answers by a script, and exchanges that Envoy plays against it, for a test. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import type {
  BodyMode,
  Kind,
  ProcessingRequest,
  ProcessingResponse,
} from '../../src/adapters/ext-proc/wire.js';
import { KINDS, service } from '../../src/adapters/ext-proc/wire.js';
import { frame } from '../../src/envoy/frames.js';
import type { Content, Modes, Plan, Play } from '../../src/envoy/plan.js';
import { isStreamed } from '../../src/envoy/plan.js';
import { playExchange } from '../../src/envoy/play.js';
import { EnvoyClient } from '../../src/envoy/stream.js';

export type Call = ServerDuplexStream<ProcessingRequest, ProcessingResponse>;
/** What a server answers to a message; `right` is what it should. */
export type Script = (
  kind: Kind,
  right: ProcessingResponse[],
  message: ProcessingRequest,
  call: Call,
) => ProcessingResponse[];

export const asItShould: Script = (_, right) => right;
/** A server that answers as it should, but for its script. Gives its port. */
export function serve(script: Script = asItShould): Promise<number> {
  const server = new Server({ 'grpc.max_receive_message_length': 1 << 20 });
  server.addService(service, { Process: (call: Call) => speak(call, script) });
  onTestFinished(() => server.forceShutdown());
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

export function connectTo(port: number): EnvoyClient {
  const client = new EnvoyClient(`127.0.0.1:${port}`);
  onTestFinished(() => client.close());
  return client;
}

export const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text));
export const REQUEST: Content = {
  headers: { ':method': 'POST', ':path': '/v1/chat/completions', 'content-length': '11' },
  chunks: bytes('{"model":', '1}'),
};
export const RESPONSE: Content = {
  headers: { ':status': '200', 'content-type': 'application/json' },
  chunks: bytes('{"usage"', ':', '{}}'),
};

export function modesOf(mode: BodyMode, trailers = isStreamed(mode)): Modes {
  return {
    requestBody: mode,
    responseBody: mode,
    requestTrailers: trailers,
    responseTrailers: trailers,
  };
}

/** Plays an exchange of two chunks and three; closes so that the server's last words are heard. */
export async function play(
  mode: BodyMode,
  script: Script,
  plan: Partial<Plan> = {},
): Promise<Play> {
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
export function grpc(content: Content): Content {
  const chunks = content.chunks as readonly Buffer[];
  return {
    ...content,
    chunks: chunks.map((chunk) => frame({ bytes: chunk, compressed: false })),
  };
}

export const wholeOf = (content: Content) =>
  Buffer.concat(content.chunks as readonly Buffer[]).toString();
export const REQUEST_BODY = wholeOf(REQUEST);
export const RESPONSE_BODY = wholeOf(RESPONSE);

/** What Envoy said, without the answers. */
export const said = ({ dialogue }: Play) => dialogue.filter((line) => !line.startsWith('<'));
export const trailers = { checksum: '1' };

export const header = (key: string, value = '1') => ({
  setHeaders: [{ header: { key, rawValue: Buffer.from(value) } }],
});
export const streamed = (text: string, endOfStream = false): ProcessingResponse => ({
  requestBody: {
    response: { bodyMutation: { streamedResponse: { body: Buffer.from(text), endOfStream } } },
  },
});
export const onKind =
  (kind: Kind, ...answers: ProcessingResponse[]): Script =>
  (now, right) =>
    now === kind ? answers : right;
export const reject: ProcessingResponse = {
  immediateResponse: {
    status: { code: 429 },
    headers: header('retry-after', '7'),
    body: Buffer.from('no'),
  },
};
