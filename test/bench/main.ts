/**
 * `npm run bench`: the figures of the design, as ratios of two sides measured in one run. Absolute
 * numbers are this machine's. `npm run bench -- quick` takes fewer rounds.
 */
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { benchBuffers, compared, linesOf } from './buffers.js';
import { benchChecker } from './checker.js';
import { benchCost } from './cost.js';
import { benchEngine, sameWork } from './engine.js';
import { benchExtProc } from './extproc.js';
import type { Measured } from './gateway.js';
import { benchGateway, OBSERVED, OTHERS } from './gateway.js';
import { benchSpin } from './spin.js';
import { benchValidate } from './validate.js';

interface Row {
  readonly what: string;
  readonly beside: string;
  readonly ratio: number;
  readonly reach: string;
  /** Undefined where there is nothing to reach. */
  readonly reached: boolean | undefined;
  readonly both: string;
}

const rows: Row[] = [];

function atLeast(what: string, beside: string, ratio: number, bound: number, both: string): void {
  rows.push({ what, beside, ratio, reach: `>= ${bound}`, reached: ratio >= bound, both });
}

function atMost(what: string, beside: string, ratio: number, bound: number, both: string): void {
  rows.push({ what, beside, ratio, reach: `<= ${bound}`, reached: ratio <= bound, both });
}

function told(what: string, beside: string, ratio: number, both: string): void {
  rows.push({ what, beside, ratio, reach: '', reached: undefined, both });
}

function engine(): void {
  if (!sameWork())
    throw new Error('the table and the hand-written switch order different commands');
  const [table, written, actor] = benchEngine().map(({ nsPerEvent }) => nsPerEvent) as [
    number,
    number,
    number,
  ];
  const ns = (side: number) => `${table.toFixed(1)} and ${side.toFixed(1)} ns per event`;
  atLeast('engine, speed', 'XState actor', actor / table, 100, ns(actor));
  atMost('engine, time', 'hand-written switch', table / written, 2, ns(written));
}

type Pair = [number, number];

function checker(): void {
  const [ours, theirs] = benchChecker().map(({ statesPerSecond }) => statesPerSecond) as Pair;
  const both = `${ours.toFixed(0)} and ${theirs.toFixed(0)} states/s`;
  atLeast('checker, states/s', 'xstate/graph', ours / theirs, 100, both);
  const spin = benchSpin();
  if (spin === undefined) return void console.log('checker beside SPIN: skipped, no spin or no cc');
  const [found, spins] = spin.statesPerSecond;
  const rates = `${found.toFixed(0)} and ${spins.toFixed(0)} states/s, of ${spin.states}`;
  atLeast('checker, states/s', 'SPIN', found / spins, 0.5, rates);
}

function validation(): void {
  const { events, parseMs, ownMs, mappedMs } = benchValidate();
  const ns = (ms: number) => `${((ms * 1e6) / events).toFixed(0)}`;
  const both = (ms: number) => `${ns(ms)} and ${ns(parseMs)} ns per event`;
  atMost('validation, our traces', 'JSON.parse alone', ownMs / parseMs, 2, both(ownMs));
  atMost('validation, by a mapping', 'JSON.parse alone', mappedMs / parseMs, 2, both(mappedMs));
}

/** Ours beside the best of fixed sizes and of plain doubling; what is missed is said. */
function buffers(): void {
  const all = benchBuffers();
  for (const line of linesOf(all)) console.log(line);
  for (const { distribution, rule, figure, ours, best, bestRule } of compared(all)) {
    const shown = (cost: number) => (figure === 'copies' ? cost : cost / 2 ** 20).toFixed(2);
    const both = `${shown(ours)} and ${shown(best)}${figure === 'memory' ? ' MiB' : ''}`;
    atMost(`buffer ${rule}, ${distribution}: ${figure}`, bestRule, ours / best, 1.1, both);
  }
}

async function gateway(quick: boolean): Promise<void> {
  const size = quick ? { sets: 1, turns: 6 } : { sets: 3, turns: 30 };
  const all = await benchGateway(['interlock', ...OTHERS], size);
  const { interlock: ours, bare } = all;
  const bounds = {
    bare: 0.85,
    fastify: 1.4,
    'http-proxy-3': 1.4,
    httpxy: 1.4,
    portkey: 10,
  } as const;
  for (const [proxy, bound] of Object.entries(bounds)) {
    const other = all[proxy as keyof typeof bounds];
    const rate = `${ours.requestsPerSecond.toFixed(0)} and ${other.requestsPerSecond.toFixed(0)} requests/s`;
    const cpu = `${ours.microsPerRequest.toFixed(0)} and ${other.microsPerRequest.toFixed(0)} us CPU each`;
    const ratio = ours.requestsPerSecond / other.requestsPerSecond;
    atLeast('gateway, JSON requests/s', proxy, ratio, bound, `${rate}; ${cpu}`);
  }
  const micros = `${ours.microsPerEvent.toFixed(1)} and ${bare.microsPerEvent.toFixed(1)} us`;
  const chunk = ours.microsPerEvent / bare.microsPerEvent;
  atMost('gateway, CPU per SSE chunk', 'bare', chunk, 1.25, micros);
  const kib = (of: Measured) => (of.bytesPerIdleStream / 1024).toFixed(1);
  const memory = ours.bytesPerIdleStream / bare.bytesPerIdleStream;
  const held = `${kib(ours)} and ${kib(bare)} KiB`;
  atMost('gateway, memory per idle SSE', 'bare', memory, 1.3, held);
}

/** What it costs to observe; healing is always on, so it is on both sides. */
async function observing(quick: boolean): Promise<void> {
  const size = quick ? { sets: 1, turns: 6 } : { sets: 12, turns: 20 };
  const all = await benchGateway(['interlock', ...OBSERVED], size);
  beside('metrics and healing', all.metered, all.interlock, 0.9);
  beside('metrics, tracing and healing', all.observed, all.interlock, 0.9);
  beside('watching', all.watched, all.interlock, 0.95);
}

function beside(what: string, on: Measured, off: Measured, bound: number): void {
  const rates = `${on.requestsPerSecond.toFixed(0)} and ${off.requestsPerSecond.toFixed(0)} requests/s`;
  const rate = on.requestsPerSecond / off.requestsPerSecond;
  atLeast(`${what}, JSON requests/s`, 'without', rate, bound, rates);
  const each = `${on.microsPerRequest.toFixed(0)} and ${off.microsPerRequest.toFixed(0)} us`;
  const cpu = on.microsPerRequest / off.microsPerRequest;
  atMost(`${what}, CPU per request`, 'without', cpu, 2 - bound, each);
  const micros = `${on.microsPerEvent.toFixed(1)} and ${off.microsPerEvent.toFixed(1)} us`;
  const chunk = on.microsPerEvent / off.microsPerEvent;
  atMost(`${what}, CPU per SSE chunk`, 'without', chunk, 2 - bound, micros);
}

/** The same within one process, which tells less than a tenth apart. */
async function cost(quick: boolean): Promise<void> {
  const { without, ...observed } = await benchCost(quick ? 20_000 : 150_000);
  for (const [mode, on] of Object.entries(observed)) {
    const what = `${mode}, in one process`;
    const rates = `${on.requestsPerSecond.toFixed(0)} and ${without.requestsPerSecond.toFixed(0)} requests/s`;
    const rate = on.requestsPerSecond / without.requestsPerSecond;
    atLeast(`${what}, JSON requests/s`, 'without', rate, 0.9, rates);
    const micros = `${on.microsPerRequest.toFixed(0)} and ${without.microsPerRequest.toFixed(0)} us`;
    const cpu = on.microsPerRequest / without.microsPerRequest;
    atMost(`${what}, CPU per request`, 'without', cpu, 1.1, micros);
  }
}

async function extProc(quick: boolean): Promise<void> {
  const { modes, bytesPerIdleStream } = await benchExtProc(quick ? 10 : 40, 500);
  for (const { mode, perSecond, microsPerMessage, rateRatio, microsRatio } of modes) {
    const [rate, echoRate] = perSecond.map((each) => each.toFixed(0));
    const [cpu, echoCpu] = microsPerMessage.map((each) => each.toFixed(1));
    const name = mode === 'STREAMED' ? 'streamed' : 'full duplex';
    const rates = `${rate} and ${echoRate} messages/s`;
    atLeast(`ext_proc ${name}, messages/s`, 'grpc-js echo', rateRatio, 0.85, rates);
    told(`ext_proc ${name}, CPU each`, 'grpc-js echo', microsRatio, `${cpu} and ${echoCpu} us`);
  }
  const [idle, echoIdle] = bytesPerIdleStream;
  const bytes = `${(idle / 1024).toFixed(1)} and ${(echoIdle / 1024).toFixed(1)} KiB`;
  told('ext_proc, memory per idle stream', 'grpc-js echo', idle / echoIdle, bytes);
}

function print(): void {
  const [cpu] = cpus();
  console.log(
    `${cpus().length} x ${cpu?.model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ` +
      `node ${process.version}, ${process.platform} ${process.arch}, ${revision()}`,
  );
  const table = [
    ['what', 'beside', 'ratio', 'to reach', '', 'both sides'],
    ...rows.map((row) => [
      row.what,
      row.beside,
      row.ratio.toFixed(2),
      row.reach,
      row.reached === undefined ? '' : row.reached ? 'reached' : 'MISSED',
      row.both,
    ]),
  ];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((line) => (line[column] as string).length)),
  ) as number[];
  for (const line of table) {
    console.log(
      line
        .map((text, column) => text.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd(),
    );
  }
}

function revision(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'no revision';
  }
}

engine();
checker();
validation();
buffers();
const quick = process.argv.includes('quick');
await gateway(quick);
await observing(quick);
await cost(quick);
await extProc(quick);
print();
process.exit(0);
