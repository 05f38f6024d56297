/** `interlock view`: traces, counterexamples and the machine itself, in a browser. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Lines } from '../check/validate/lines.js';
import { InterlockError } from '../errors.js';
import { table } from '../step.js';
import { Table } from '../table.js';
import type { TraceRecord } from '../trace.js';
import { decode } from '../trace.js';
import type { Address } from './options.js';
import { address, listening } from './options.js';
import { untilStopped } from './signals.js';

const LOOPBACK = ['127.0.0.1', '::1'];
/** Longer than any record is. */
const LINE_BYTES_MAX = 1 << 16;

const HELP = `
TRACE is a file of records as \`encode\` writes them, one JSON object a line: what the trace sink of
an Exchange was told, a file of \`interlock check --out\`, or one of test/traces. Any number may be
given; more can be dropped on the page, which reads them in the browser and sends them nowhere.

The page shows the diagram of the machine with the state of each step lit in it, a timeline to step
through (arrow keys, Home, End), every counterexample of the gateway of the bug, and either machine
by hand: choose who may speak and a seed and play a run, or press an event and see what is ordered.
An address such as …#exchange=late-end&step=11 leads back to a step, as long as this runs.

--stately replays the TRACEs into Stately's inspector instead, an actor for each exchange. The
browser loads that from https://stately.ai; what it is told are names of events, states and
commands, and no header or body, which no trace has.

The page asks for nothing from anywhere else, so it works without a network. Either server listens
on this machine only; the address holds a token, and who has none is refused, as is any other
site's page. Ctrl-C ends it. Exit code: 0; 2 for a file that cannot be read or is no trace.`;

export function viewCommand(): Command {
  return new Command('view')
    .description('Step through traces, counterexamples and the machine, in a browser.')
    .argument('[trace...]', 'files to open at once')
    .option('--stately', "replay them into Stately's inspector, which is online")
    .addOption(
      new Option('--listen <host:port>', 'a loopback address; port 0 takes a free one')
        .argParser(loopback)
        .default({ host: '127.0.0.1', port: 0 }, '127.0.0.1:0'),
    )
    .addHelpText('after', HELP)
    .action(run);
}

function loopback(text: string): Address {
  const found = address(text);
  const host = found.host === 'localhost' ? '127.0.0.1' : found.host;
  if (LOOPBACK.includes(host)) return { host, port: found.port };
  throw new InvalidArgumentError('Accepted: 127.0.0.1, localhost or [::1], and a port.');
}

interface Flags {
  readonly listen: Address;
  readonly stately?: true;
}

async function run(traces: readonly string[], { listen, stately }: Flags): Promise<void> {
  for (const trace of traces) await expectTrace(trace);
  if (stately) await replayed(traces, listen);
  else await shown(traces, listen);
}

/** In Stately's inspector. */
async function replayed(traces: readonly string[], listen: Address): Promise<void> {
  if (traces.length === 0) {
    const message =
      '--stately replays a record, and no TRACE is given. Accepted: files of records.';
    throw new InterlockError('INTERLOCK_BAD_OPTION', message);
  }
  const { startReplay } = await import('../observe/replay.js');
  const { rows } = await import('../legacy.generated.js');
  const stopped = untilStopped();
  const warn = (message: string) => process.stderr.write(`interlock: ${message}\n`);
  const records = () => recordsIn(traces, warn);
  const tables = [table, new Table(rows)];
  const replay = await listening(listen, () => startReplay({ ...listen, records, tables, warn }));
  console.log(`interlock: Stately's inspector on ${replay.url}`);
  await stopped;
  await replay.close();
}

/** The records of files, one after the other. A line that is none is told, and left out. */
async function* recordsIn(
  paths: readonly string[],
  warn: (message: string) => void,
): AsyncGenerator<TraceRecord> {
  for (const path of paths) {
    let found: TraceRecord[] = [];
    let faults = 0;
    const fault = (number: number, why: string) => {
      if (faults++ === 0) warn(`${path}:${number}: left out: ${why}`);
    };
    const line = (text: string, number: number) => {
      try {
        if (text !== '') found.push(decode(text));
      } catch (error) {
        fault(number, (error as Error).message);
      }
    };
    const tooLong = (number: number) => fault(number, 'longer than any record is');
    const lines = new Lines({ line, tooLong, last: line }, LINE_BYTES_MAX);
    for await (const block of createReadStream(path)) {
      lines.feed(block as Buffer);
      yield* found;
      found = [];
    }
    lines.end();
    yield* found;
    if (faults > 1) warn(`${path}: ${faults - 1} more lines were left out`);
  }
}

/** In the page of our own. */
async function shown(traces: readonly string[], listen: Address): Promise<void> {
  const { policyOf, viewerFiles } = await import('../../visualizations/viewer/site.js');
  const { Viewing } = await import('../observe/viewing.js');
  const files = await viewerFiles();
  const find = (path: string) => {
    if (path === 'traces') {
      return { type: 'application/json', body: JSON.stringify(traces.map((one) => basename(one))) };
    }
    const [, place] = /^traces\/(\d{1,6})$/.exec(path) ?? [];
    const trace = place === undefined ? undefined : traces[Number(place)];
    if (trace !== undefined) return { type: 'text/plain', body: createReadStream(trace) };
    // Whether there is something live beside the page, which is for a server to say.
    if (path === 'live') return { type: 'application/json', body: 'null' };
    return files.get(path);
  };
  const stopped = untilStopped();
  const viewing = new Viewing({ ...listen, policy: () => policyOf(), find });
  await listening(listen, () => viewing.listen());
  console.log(`interlock viewer on ${viewing.url}`);
  await stopped;
  await viewing.close();
}

/** Whether it begins as a trace does. What is wrong further down is for the page to tell. */
async function expectTrace(path: string): Promise<void> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new InterlockError('INTERLOCK_BAD_OPTION', `TRACE ${path}: ${why}`, { cause });
  };
  const head = Buffer.alloc(LINE_BYTES_MAX);
  const bytes = await open(path)
    .then(async (file) => {
      const { bytesRead } = await file.read(head, 0, head.length, 0).finally(() => file.close());
      return bytesRead;
    })
    .catch((cause: Error) => refuse(cause.message, cause));
  const [line = ''] = head.toString('utf8', 0, bytes).split('\n');
  if (bytes === 0) refuse('it is empty, and so no trace');
  try {
    decode(line);
  } catch (cause) {
    const why = (cause as Error).message.slice(0, 200);
    refuse(`no trace: line 1: ${why}`, cause);
  }
}
