/**
 * `npm run soak`: random exchanges of every mode and quirk over real gRPC, by the million messages.
 * No message may stay without its answer or get two, no exchange without exactly one record, and
 * the server's heap must be flat at the end. All is drawn from a seed; `npm run soak -- --help`.
 */
import { createReadStream, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { UsageRecord } from '../src/accounting/ledger.js';
import { EnvoyClient } from '../src/envoy/stream.js';
import type { Child } from './bench/children.js';
import { start } from './bench/children.js';
import { median } from './bench/numbers.js';
import { drive } from './soak/drive.js';
import { Tally } from './soak/judge.js';
import { planOf } from './soak/plans.js';
import type { Hello, Sample } from './soak/server.js';

const HELP = `npm run soak -- [options]
  --seed N      of the random exchanges (default: drawn)
  --messages N  to send at least (default: 1000000)
  --minutes N   after which it stops, whatever is left (default: 20)
  --from N      the first exchange; with --messages 1 that one alone
`;

/** Exchanges that run at once, each on a connection of its own. */
const AT_ONCE = 32;
const SAMPLES = 30;
/** How far the heap's median of the last third may lie above that of the second. */
const GROWTH_MAX = 2 * 1024 * 1024;
const FAULTS_SHOWN = 10;

const options = { seed: { type: 'string' }, messages: { type: 'string', default: '1000000' } };
const { values } = parseArgs({
  options: {
    ...(options as { seed: { type: 'string' }; messages: { type: 'string'; default: string } }),
    minutes: { type: 'string', default: '20' },
    from: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const messagesWanted = Number(values.messages);
const from = Number(values.from);
const startedAt = performance.now();
const stopAt = startedAt + Number(values.minutes) * 60_000;

const tally = new Tally();
const faults: string[] = [];
/** The exchanges whose request was answered: each must be recorded. */
const began = new Set<number>();
const samples: number[] = [];
let index = from;

/** The first are told at once: who waits for a long run wants to know why it will fail. */
function fault(text: string): void {
  faults.push(text);
  if (faults.length <= FAULTS_SHOWN) process.stdout.write(`FAULT ${text}\n`);
}

/** Runs exchanges, some at once, until so many messages were sent. */
async function runUntil(messages: number, address: string): Promise<void> {
  const work = async (client: EnvoyClient) => {
    while (tally.messages < messages && performance.now() < stopAt) {
      const plan = planOf(seed, index++);
      const driven = await drive(client, plan, tally);
      if (driven.began) began.add(plan.index);
      for (const one of driven.faults) fault(`exchange ${plan.index}: ${one}`);
    }
  };
  // Node's HTTP/2 ends a connection that resets more than 1000 streams, and 33 a second beyond.
  const width = Math.min(AT_ONCE, Math.ceil(messages / 20));
  const clients = Array.from({ length: width }, () => new EnvoyClient(address));
  await Promise.all(clients.map(work));
  for (const client of clients) client.close();
}

async function sample(child: Child<Hello>): Promise<void> {
  const { bytes, inFlight, warnings } = await child.ask<Sample>('sample');
  samples.push(bytes);
  if (inFlight > 0) fault(`${inFlight} exchanges are not processed though all were left`);
  for (const warning of warnings.slice(0, 3)) fault(`the server warned: ${warning}`);
  const perSecond = tally.messages / ((performance.now() - startedAt) / 1000);
  process.stdout.write(
    `${tally.messages} messages, ${tally.exchanges} exchanges, ${perSecond.toFixed(0)} a second, ` +
      `${mib(bytes)} held, ${faults.length} faults\n`,
  );
}

/**
 * An exchange's id ends in its number, which is given in turn: without a gap, and each once, up to
 * the last, which is known, is one record for each.
 */
async function checkRecords(file: string): Promise<number> {
  const counts: number[] = [];
  const byPath = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const { exchange, path } = JSON.parse(line) as UsageRecord;
    const number = Number(exchange.slice(exchange.lastIndexOf('-') + 1));
    counts[number] = (counts[number] ?? 0) + 1;
    if (path !== undefined) byPath.set(path, (byPath.get(path) ?? 0) + 1);
  }
  for (let number = 0; number < counts.length; number++) {
    if (counts[number] !== 1) fault(`record: ${counts[number] ?? 0} of number ${number}`);
  }
  for (const one of began) {
    const told = (byPath.get(`/by-model/${one}`) ?? 0) + (byPath.get(pathOf(one)) ?? 0);
    if (told !== 1) fault(`exchange ${one}: ${told} records`);
  }
  return counts.length;
}

const pathOf = (one: number) => `/v1/chat/completions/${one}`;
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

/** The first third is the warming up of a process, and says nothing of what grows. */
function checkHeap(): string {
  const third = Math.floor(samples.length / 3);
  if (third < 3) return 'too few samples to tell';
  const [middle, last] = [samples.slice(third, 2 * third), samples.slice(-third)].map(median) as [
    number,
    number,
  ];
  const flat = last - middle <= GROWTH_MAX;
  if (!flat) fault(`heap: grew from ${mib(middle)} to ${mib(last)}`);
  return `${flat ? 'flat' : 'GREW'}: medians of the second and the last third ${mib(middle)}, ${mib(last)}`;
}

function report(records: number, heap: string): void {
  const seconds = (performance.now() - startedAt) / 1000;
  const early =
    tally.messages < messagesWanted ? `, STOPPED EARLY after ${values.minutes} min` : '';
  const rows: [string, string][] = [
    [
      'messages',
      `${tally.messages} in ${tally.exchanges} exchanges, ${seconds.toFixed(0)} s${early}`,
    ],
    ['owed one answer', `${tally.owed}, answered ${tally.answered}, waived ${tally.waived}`],
    [
      'streamed',
      `${tally.streamedMessages} messages; bytes ${tally.bytesIn} in, ${tally.bytesOut} out`,
    ],
    ['  their ends', `${tally.endsIn} in, ${tally.endsOut} out`],
    ['observed', `${tally.observed} messages, none answered`],
    [
      'refused',
      `${tally.immediate} exchanges by an immediate response, ${tally.closed} by a clean end`,
    ],
    ['left early', `${tally.left} exchanges`],
    ['unanswered', `${tally.unanswered}`],
    ['doubly answered', `${tally.doubled}`],
    [
      'records',
      `${records}, numbers 0 to ${records - 1}; ${began.size} exchanges known to have begun`,
    ],
    ['heap', `${heap}; samples ${samples.map((bytes) => (bytes / 2 ** 20).toFixed(1)).join(' ')}`],
  ];
  for (const [name, text] of rows) process.stdout.write(`${name.padEnd(17)}${text}\n`);
  const [first] = faults;
  if (first === undefined) return;
  const at = /^exchange (\d+)/.exec(first)?.[1];
  const again = at === undefined ? `--messages ${messagesWanted}` : `--from ${at} --messages 1`;
  process.stdout.write(`${faults.length} faults; again: npm run soak -- --seed ${seed} ${again}\n`);
}

process.stdout.write(`seed ${seed}, at least ${messagesWanted} messages\n`);
const child = await start<Hello>('../soak/server.ts');
for (let part = 1; part <= SAMPLES; part++) {
  if (tally.messages >= messagesWanted || performance.now() > stopAt) break;
  await runUntil((messagesWanted * part) / SAMPLES, child.hello.address);
  await sample(child);
}
await child.ask('close');
const records = await checkRecords(child.hello.ledger);
report(records, checkHeap());
child.stop();
rmSync(dirname(child.hello.ledger), { recursive: true, force: true });
process.exit(faults.length === 0 ? 0 : 1);
