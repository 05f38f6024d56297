import { z } from 'zod';
import { completions } from './completions.js';
import { embeddings } from './embeddings.js';
import { ApiError, CREATED, type Endpoint, type Reply, type Speech } from './endpoint.js';
import { messages } from './messages.js';
import { digest } from './random.js';
import type { RequestRecord } from './record.js';
import { responses } from './responses.js';
import { json, type Script, sse } from './script.js';

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  '/v1/chat/completions': completions('chat'),
  '/v1/completions': completions('text'),
  '/v1/responses': responses,
  '/v1/embeddings': embeddings,
  '/v1/messages': messages,
};

/** The answer of a well-behaved API to a request whose body has come whole. */
export function answer(request: RequestRecord, speech: Speech): Script {
  const path = request.target.replace(/\?.*$/s, '');
  const id = digest(speech.seed, `${request.method} ${request.target}\n${request.body}`);
  const headers = [['x-request-id', `req_${id}`]] as const;
  try {
    const reply = route(request, path, speech, id);
    if ('json' in reply) return withoutBody(request, json(200, headers, reply.json));
    return sse(reply.events, {
      delayMs: speech.tokenDelayMs,
      headers: [
        ['content-type', 'text/event-stream; charset=utf-8'],
        ['cache-control', 'no-cache'],
        ...headers,
      ],
    });
  } catch (error) {
    const known = toApiError(error);
    const body = path === '/v1/messages' ? anthropicError(known, id) : openaiError(known);
    return withoutBody(request, json(known.status, headers, body));
  }
}

function route(request: RequestRecord, path: string, speech: Speech, id: string): Reply {
  const endpoint = ENDPOINTS[path];
  if (endpoint !== undefined) {
    if (request.method !== 'POST') throw wrongMethod(request);
    return endpoint(parse(request.body), speech, id);
  }
  const models = /^\/v1\/models(?:\/(.+))?$/.exec(path);
  if (models === null) {
    throw new ApiError(404, `Unknown request URL: ${request.method} ${path}`, 'unknown_url');
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') throw wrongMethod(request);
  const list = speech.models.map(model);
  if (models[1] === undefined) return { json: { object: 'list', data: list } };
  const named = list.find((entry) => entry.id === decode(models[1] ?? ''));
  if (named === undefined) {
    throw new ApiError(404, `The model '${models[1]}' does not exist`, 'model_not_found', 'model');
  }
  return { json: named };
}

function model(id: string) {
  return { id, object: 'model', created: CREATED, owned_by: 'interlock' };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new ApiError(400, 'We could not parse the JSON body of your request.');
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function wrongMethod(request: RequestRecord): ApiError {
  return new ApiError(405, `Not allowed to ${request.method} on ${request.target}`);
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof z.ZodError) {
    const issue = error.issues[0];
    const param = issue?.path.join('.') || null;
    return new ApiError(400, `Invalid request: ${issue?.message} at '${param}'`, null, param);
  }
  throw error;
}

function openaiError({ status, message, param, code }: ApiError): unknown {
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  return { error: { message, type, param, code } };
}

function anthropicError({ status, message }: ApiError, id: string): unknown {
  const type = status === 404 ? 'not_found_error' : 'invalid_request_error';
  return { type: 'error', error: { type, message }, request_id: `req_${id}` };
}

/** HEAD gets the headers of GET and no body. RFC 9110 section 9.3.2. */
function withoutBody(request: RequestRecord, script: Script): Script {
  if (request.method !== 'HEAD') return script;
  const steps = script.steps.map((step) => {
    if (!('send' in step) || typeof step.send !== 'string') return step;
    return { send: step.send.slice(0, step.send.indexOf('\r\n\r\n') + 4) };
  });
  return { steps };
}
