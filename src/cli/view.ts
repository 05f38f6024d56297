/** `interlock view`: traces, counterexamples and the machine itself, in a browser. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { InterlockError } from '../errors.js';
import { decode } from '../trace.js';
import type { Address } from './options.js';
import { address, listening } from './options.js';
import { untilStopped } from './signals.js';

const LOOPBACK = ['127.0.0.1', '::1'];
/** Longer than any record is. */
const FIRST_LINE_BYTES_MAX = 1 << 16;

const HELP = `
TRACE is a file of records as \`encode\` writes them, one JSON object a line: what the trace sink of
an Exchange was told, a file of \`interlock check --out\`, or one of test/traces. Any number may be
given; more can be dropped on the page, which reads them in the browser and sends them nowhere.

The page shows the diagram of the machine with the state of each step lit in it, a timeline to step
through (arrow keys, Home, End), every counterexample of the gateway of the bug, and the machine by
hand: press an event, see what is answered. An address such as …#exchange=late-end&step=11 leads
back to a step, as long as this runs.

It asks for nothing from anywhere else, so it works without a network. The server listens on this
machine only; the address holds a token, and who has none is refused, as is any other site's page.
Ctrl-C ends it. Exit code: 0; 2 for a file that cannot be read or is no trace.`;

export function viewCommand(): Command {
  return new Command('view')
    .description('Step through traces, counterexamples and the machine, in a browser.')
    .argument('[trace...]', 'files to open at once')
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

async function run(traces: readonly string[], { listen }: { listen: Address }): Promise<void> {
  for (const trace of traces) await expectTrace(trace);
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
  const head = Buffer.alloc(FIRST_LINE_BYTES_MAX);
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
