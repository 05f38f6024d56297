#!/usr/bin/env node
/** The command line. Each command is a file of its own; what they say of bad input is said here. */
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { InterlockError } from '../errors.js';
import { checkCommand } from './check.js';
import { demoCommand } from './demo.js';
import { extProcCommand } from './ext-proc.js';
import { gatewayCommand } from './gateway.js';
import { simulateCommand } from './simulate.js';
import { suiteCommand } from './suite.js';
import { upstreamCommand } from './upstream.js';
import { validateCommand } from './validate.js';
import { viewCommand } from './view.js';

const EXIT_BAD_INPUT = 2;

function versionOf(): string {
  const require = createRequire(import.meta.url);
  // From the sources and from the build the manifest lies at different heights.
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      return (require(place) as { version: string }).version;
    } catch {}
  }
  return 'unknown';
}

/** What the library says of an option, said of its flag. */
function withFlags(message: string): string {
  return message.replace(/option "(\w+)"/g, (_, name: string) => {
    return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  });
}

const program = new Command('interlock')
  .description(
    'The life of one request through a streaming LLM gateway, as one state machine that drives real proxies.',
  )
  .version(versionOf())
  .addCommand(gatewayCommand())
  .addCommand(extProcCommand())
  .addCommand(upstreamCommand())
  .addCommand(demoCommand())
  .addCommand(validateCommand())
  .addCommand(checkCommand())
  .addCommand(suiteCommand())
  .addCommand(simulateCommand())
  .addCommand(viewCommand())
  .exitOverride();
const names = program.commands.map((command) => command.name()).join(', ');
program.showHelpAfterError(`(accepted: ${names}; add --help for more)`);
for (const command of program.commands) {
  command.exitOverride().showHelpAfterError('(add --help for what is accepted)');
}

// Who reads what is printed may stop where it likes.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_BAD_INPUT;
  } else if (error instanceof InterlockError || (error as NodeJS.ErrnoException).code) {
    process.stderr.write(`interlock: ${withFlags((error as Error).message)}\n`);
    process.exitCode = EXIT_BAD_INPUT;
  } else throw error;
}
