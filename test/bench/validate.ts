/**
 * Validation beside JSON.parse of the same lines: whole validation from bytes, and for the other side
 * nothing but the parsing of lines that are already text.
 */
import { pathToFileURL } from 'node:url';
import { mappingOf } from '../../src/check/validate/mapping.js';
import type { Report } from '../../src/check/validate/report.js';
import { Validator } from '../../src/check/validate/validate.js';
import { interleaved, traceOf, textOf as written } from '../logs.js';
import { STREAMED } from './engine.js';
import { median } from './numbers.js';

export interface ValidateResult {
  readonly events: number;
  readonly parseMs: number;
  /** Our own traces. */
  readonly ownMs: number;
  /** The same log as if it were foreign, through a mapping. */
  readonly mappedMs: number;
}

const BLOCK = 1 << 18;
const MAPPING = `
format: ndjson
id: { field: exchange }
environment: anyone
events: [{ event: { field: event } }]
unseen: []
`;

export function benchValidate(rounds = 7, exchanges = 400): ValidateResult {
  const traces = Array.from({ length: exchanges }, (_, at) =>
    traceOf(STREAMED, `71fde6264f00-${at}`),
  );
  let turn = 0;
  const log = written(interleaved(traces, (below) => turn++ % Math.min(below, 32)));
  const lines = log.trimEnd().split('\n');
  const bytes = Buffer.from(log);
  const mapping = mappingOf(MAPPING, 'bench');
  const [parse, own, mapped]: number[][] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    parse?.push(timed(() => lines.filter((line) => JSON.parse(line).v !== 1).length === 0));
    own?.push(timed(() => fine(run(new Validator(), bytes))));
    mapped?.push(timed(() => fine(run(new Validator({ mapping }), bytes))));
  }
  const [parseMs, ownMs, mappedMs] = [parse, own, mapped].map((times) => median(times as number[]));
  return { events: lines.length, parseMs: parseMs!, ownMs: ownMs!, mappedMs: mappedMs! };
}

function run(validator: Validator, bytes: Buffer): Report {
  for (let at = 0; at < bytes.length; at += BLOCK) validator.feed(bytes.subarray(at, at + BLOCK));
  return validator.end();
}

function fine({ diverging, unreadable }: Report): boolean {
  return diverging === 0 && unreadable === 0;
}

function timed(work: () => boolean): number {
  const from = performance.now();
  if (!work()) throw new Error('the log of the benchmark is not valid');
  return performance.now() - from;
}

if (import.meta.url === pathToFileURL(process.argv[1] as string).href) {
  const { events, parseMs, ownMs, mappedMs } = benchValidate();
  const ns = (ms: number) => `${((ms * 1e6) / events).toFixed(0)} ns per event`;
  console.log(`JSON.parse alone         ${ns(parseMs)}`);
  console.log(`our trace, validated     ${ns(ownMs)}, ${(ownMs / parseMs).toFixed(2)} times`);
  console.log(`through a mapping        ${ns(mappedMs)}, ${(mappedMs / parseMs).toFixed(2)} times`);
}
