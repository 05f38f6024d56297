/** What a chaos test does to a server that is under load, and what it must be like afterwards. */
import { expect } from 'vitest';
import type { Ledger } from '../src/accounting/ledger.js';
import type { Choice } from '../src/adapters/fleet.js';
import type { Sizers } from '../src/adapters/routes.js';
import type { TraceRecord } from '../src/trace.js';

/** One thing that goes wrong. It resolves once it has been mended. */
export type Injection<World> = (world: World) => Promise<void>;

/** Every injection alone, and every pair of two. */
export function aloneAndInPairs<World>(
  injections: Readonly<Record<string, Injection<World>>>,
): (readonly [name: string, inject: readonly Injection<World>[]])[] {
  const all = Object.entries(injections);
  const pairs = all.flatMap(([one, first], place) =>
    all
      .slice(place + 1)
      .map(([other, second]) => [`${one} and ${other}`, [first, second]] as const),
  );
  return [...all.map(([name, inject]) => [name, [inject]] as const), ...pairs];
}

/** Keeps asking, `lanes` at once, until `work` is done; each answer must be right. */
export async function underLoad(
  ask: () => Promise<void>,
  work: Promise<unknown>,
  lanes = 3,
): Promise<void> {
  let busy = true;
  const lane = async () => {
    do await ask();
    while (busy);
  };
  const asking = Promise.all(Array.from({ length: lanes }, lane));
  const done = () => {
    busy = false;
  };
  await Promise.all([asking, work.finally(done)]);
}

/** A sink that hangs once: the next record is not written before the wait for it is over. */
export async function hangOnce(ledger: Ledger, over: () => Promise<void>): Promise<void> {
  const write = ledger.write.bind(ledger);
  const hung = new Promise<void>((resolve) => {
    ledger.write = async (record) => {
      ledger.write = write;
      await over();
      await write(record);
      resolve();
    };
  });
  await hung;
}

/** The counts that drift in the tests: exchanges in flight, and bytes in buffers. */
export async function drift(
  upstream: Choice,
  { budget }: Sizers,
  until: (ready: () => boolean) => Promise<void>,
  warnings: readonly string[],
): Promise<void> {
  upstream.inFlight += 7;
  budget.heldBytes += 4096;
  const told = (what: string) => warnings.some((warning) => warning.includes(what));
  await until(
    () => told('in flight at') && told('bytes in buffers had drifted by 4096, and was set right'),
  );
}

/** Whether a deadline did more than be counted: some exchange went on to another state by it. */
export function healedBy(traces: readonly TraceRecord[], deadline: string): boolean {
  return traces.some(
    ({ event, commands }) =>
      event === `deadline.expired(${deadline})` &&
      commands.some((text) => !/^countAnomaly/.test(text)),
  );
}

/** Nothing is left: no exchange, no load on anybody, no byte; and each has its one record. */
export function expectRest(
  server: { readonly inFlight: number; readonly sizers: Sizers },
  upstreams: readonly Choice[],
  traces: readonly TraceRecord[],
  records: readonly { readonly exchange: string }[],
): void {
  expect(server.inFlight).toBe(0);
  expect(upstreams.map(({ inFlight }) => inFlight)).toEqual(upstreams.map(() => 0));
  const { heldBytes, recounted, open } = server.sizers.budget;
  expect({ heldBytes, recounted, open }).toEqual({ heldBytes: 0, recounted: 0, open: 0 });
  const exchanges = [...new Set(traces.map(({ exchange }) => exchange))].sort();
  expect(records.map(({ exchange }) => exchange).sort()).toEqual(exchanges);
}
