/** `interlock demo`: the bug, live, and a server that does not have it. */
import { constants } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { acquits, headOf, textOf } from '../demo/report.js';
import { trafficOf } from '../demo/traffic.js';
import { count } from './options.js';
import { untilStopped } from './signals.js';

interface Flags {
  readonly exchanges: number;
  readonly lateEnds: number;
  readonly seed: number;
  readonly json?: true;
}

const HELP = `
Two servers of Envoy's ext_proc protocol get the same traffic, one after the other, over real gRPC
on 127.0.0.1: one with the handler of the bug (machines/legacy.ts), and Interlock's. The client
behaves like Envoy; an exchange is a request and a response in JSON. All that is printed was
measured, by the answers that came and by the usage records that each server wrote.

A late end is a second end_of_stream after the end of a response: 4 in 5 are empty, and 1 in 5 has
the last bytes again. The same seed gives the same traffic and the same counts.

  --late-ends 0    none: both servers do well, which is how the bug came to be shipped
  --late-ends 1    after every response

The exit code is 0, or 1 if Interlock failed on an exchange. It takes seconds, and leaves nothing
behind; Ctrl-C ends it.`;

export function demoCommand(): Command {
  const { exchanges, lateEnds, seed } = trafficOf({});
  return new Command('demo')
    .description(
      'Show the bug live: the gateway that had it, and this one, under the same traffic.',
    )
    .addOption(
      new Option('--exchanges <n>', 'how many, with each server')
        .argParser(atLeastOne)
        .default(exchanges),
    )
    .addOption(
      new Option('--late-ends <0..1>', 'how many of the responses get a late end')
        .argParser(share)
        .default(lateEnds),
    )
    .addOption(new Option('--seed <n>', 'makes the traffic').argParser(count).default(seed))
    .option('--json', 'print the measurements as one JSON object')
    .addHelpText('after', HELP)
    .action(run);
}

async function run({ exchanges, lateEnds, seed, json }: Flags): Promise<void> {
  const options = { exchanges, lateEnds, seed };
  const stopping = new AbortController();
  void untilStopped().then((signal) => {
    // As a shell has it for a process that a signal has ended.
    process.exitCode = 128 + constants.signals[signal];
    stopping.abort();
  });
  // From the first line on it can be stopped.
  if (!json) console.log(headOf(trafficOf(options)));
  try {
    // Loaded here, so that no other command waits for gRPC.
    const { runDemo } = await import('../demo/demo.js');
    const report = await runDemo({ ...options, signal: stopping.signal });
    console.log(json ? JSON.stringify(report, null, 2) : textOf(report).trimEnd());
    if (!acquits(report.servers.interlock)) process.exitCode = 1;
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    console.error('interlock: stopped before the end, so there is nothing to tell');
  }
}

function atLeastOne(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) {
    throw new InvalidArgumentError('Accepted: a count from 1 to 9999999.');
  }
  return Number(text);
}

function share(text: string): number {
  if (!/^(0|1|0?\.\d+|[01]\.0*)$/.test(text)) {
    throw new InvalidArgumentError('Accepted: a share from 0 (none) to 1 (each), such as 0.15.');
  }
  return Number(text);
}
