/** The model that a request asks for, read from its whole JSON body. */
import { JsonScanner } from '../accounting/json.js';
import { Keys, type Slot, slot, TEXT } from '../accounting/vocabulary.js';

/** The model, or why there is none. */
export type FoundModel =
  | { readonly model: string }
  | {
      readonly fault: 'invalid_json' | 'too_deep' | 'model_missing' | 'model_twice';
      readonly message: string;
    };

const REQUEST: Slot = {
  ...slot('object', 0, new Keys({ model: slot('text', TEXT.model) })),
  bit: 0,
};
const scanner = new JsonScanner(REQUEST);

/** Reads the model from the chunks of a body. A body of several GB is the caller's to refuse. */
export function modelOf(chunks: readonly Buffer[]): FoundModel {
  const result = scanner.scan(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
  if (result === 'invalid_json') return { fault: result, message: 'The body is not valid JSON.' };
  if (result === 'too_deep') return { fault: result, message: 'The body is nested too deep.' };
  const { facts } = scanner;
  const model = facts.text(TEXT.model);
  const { duplicate } = facts;
  facts.forget();
  // Whoever reads it next may take the other one (SEC-17).
  if (duplicate) return { fault: 'model_twice', message: 'The body names two models.' };
  if (model !== undefined) return { model };
  return { fault: 'model_missing', message: 'The body names no model.' };
}
