import { z } from 'zod';
import type { Endpoint } from './endpoint.js';
import { random, seedFrom } from './random.js';
import { countTokens } from './text.js';

const REQUEST = z.looseObject({
  model: z.string(),
  input: z.union([
    z.string(),
    z.array(z.string()).min(1),
    z.array(z.number()).min(1),
    z.array(z.array(z.number())).min(1),
  ]),
  dimensions: z.number().int().min(1).max(8192).nullish(),
  encoding_format: z.enum(['float', 'base64']).nullish(),
});

/** `POST /v1/embeddings`: unit vectors from the seed and the text, 16 dimensions by default. */
export const embeddings: Endpoint = (body, { seed }) => {
  const { model, input, dimensions, encoding_format } = REQUEST.parse(body);
  const inputs = splitInput(input);
  const data = inputs.map((text, index) => {
    const vector = unitVector(seedFrom(seed, String(text)), dimensions ?? 16);
    const embedding =
      encoding_format === 'base64'
        ? Buffer.from(vector.buffer).toString('base64')
        : Array.from(vector);
    return { object: 'embedding', index, embedding };
  });
  const tokens = inputs
    .map((text) => (typeof text === 'string' ? countTokens(text) : text.length))
    .reduce((sum, count) => sum + count, 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { json: { object: 'list', data, model, usage } };
};

/** One input or many, each a text or a list of token numbers. */
function splitInput(input: z.infer<typeof REQUEST>['input']): (string | number[])[] {
  if (typeof input === 'string') return [input];
  const texts: (string | number[])[] = [];
  const tokens: number[] = [];
  for (const part of input) {
    if (typeof part === 'number') tokens.push(part);
    else texts.push(part);
  }
  return tokens.length > 0 ? [tokens] : texts;
}

function unitVector(seed: number, dimensions: number): Float32Array {
  const source = random(seed);
  const raw = Array.from({ length: dimensions }, () => source() * 2 - 1);
  const norm = Math.hypot(...raw) || 1;
  return Float32Array.from(raw, (component) => component / norm);
}
