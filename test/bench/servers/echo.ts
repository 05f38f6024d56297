/** The least that an ext_proc server can do: each message gets its plain answer, and is forgotten. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ProcessingRequest, ProcessingResponse } from '../../../src/adapters/ext-proc/wire.js';
import { KINDS, service } from '../../../src/adapters/ext-proc/wire.js';
import { serve } from './serve.js';

const CONTINUE = {};

const server = new Server();
server.addService(service, {
  Process(call: ServerDuplexStream<ProcessingRequest, ProcessingResponse>) {
    let streamed = false;
    call.on('data', (message: ProcessingRequest) => {
      if (message.protocolConfig?.responseBodyMode === 'FULL_DUPLEX_STREAMED') streamed = true;
      if (!call.write(answerTo(message, streamed))) {
        call.pause();
        call.once('drain', () => call.resume());
      }
    });
    call.on('end', () => call.end());
    call.on('error', () => {});
  },
});

function answerTo(message: ProcessingRequest, streamed: boolean): ProcessingResponse {
  if (message.responseBody != null) {
    return { responseBody: { response: streamed ? back(message.responseBody) : CONTINUE } };
  }
  if (message.requestBody != null) {
    return { requestBody: { response: streamed ? back(message.requestBody) : CONTINUE } };
  }
  const kind = KINDS.find((one) => message[one] != null);
  return kind?.endsWith('Trailers') ? { [kind]: {} } : { [kind as string]: { response: CONTINUE } };
}

const back = (body: NonNullable<ProcessingRequest['responseBody']>) => ({
  bodyMutation: { streamedResponse: body },
});

server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  serve(port);
});
