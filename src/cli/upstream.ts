/** `interlock upstream`: the scripted upstream, by itself. */
import { Command, Option } from 'commander';
import { describeFaults, startUpstream } from '../upstream/index.js';
import type { Address } from './options.js';
import { address, count, listening } from './options.js';
import { untilStopped } from './signals.js';

interface Flags {
  readonly listen: Address;
  readonly seed: number;
  readonly tokenDelay: number;
}

export function upstreamCommand(): Command {
  return new Command('upstream')
    .description('Run the scripted OpenAI-compatible upstream: well-behaved, or faulty on request.')
    .addOption(
      new Option('--listen <host:port>', 'where to listen; port 0 takes a free one')
        .argParser(address)
        .default({ host: '127.0.0.1', port: 8090 }, '127.0.0.1:8090'),
    )
    .addOption(new Option('--seed <n>', 'makes the texts').argParser(count).default(1))
    .addOption(
      new Option('--token-delay <ms>', 'time between two tokens of a stream')
        .argParser(count)
        .default(20),
    )
    .addHelpText(
      'after',
      `
It serves POST /v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings, /v1/messages
and GET /v1/models. A model named "fault:ID" breaks in one way, for example:

  curl -N 127.0.0.1:8090/v1/chat/completions -d '{"model":"fault:F03","stream":true}'

${describeFaults()
  .map((line) => `  ${line}`)
  .join('\n')}`,
    )
    .action(run);
}

async function run({ listen, seed, tokenDelay }: Flags): Promise<void> {
  const upstream = await listening(listen, (at) =>
    startUpstream({ ...at, seed, tokenDelayMs: tokenDelay }),
  );
  console.log(`interlock upstream listens on ${upstream.url}`);
  await untilStopped();
  await upstream.close();
}
