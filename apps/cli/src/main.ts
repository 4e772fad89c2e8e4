#!/usr/bin/env node
import process from 'node:process';

/**
 * What a command does with the arguments after its name. Answers the exit code.
 */
type Run = (argv: readonly string[]) => Promise<number>;

/** Each command loads what it needs when it is called: an auditor's machine has no database to connect to. */
const COMMANDS: Readonly<Record<string, { summary: string; load: () => Promise<{ run: Run }> }>> = {
  close: { summary: 'close a month of a seller on a running service', load: () => import('./close.js') },
  export: { summary: 'fetch the archive of a close, and its evidence', load: () => import('./export.js') },
  'verify invoice': {
    summary: 'recompute a document off-line from its evidence',
    load: () => import('./verify-invoice.js'),
  },
  'verify certificate': {
    summary: 'check certificates of a close off-line, and its documents',
    load: () => import('./verify-certificate.js'),
  },
  probe: { summary: 'ask a report API what its documentation leaves open', load: () => import('./probe.js') },
  migrate: { summary: 'prepare the database as its owner', load: () => import('./migrate.js') },
  'rotate-key': {
    summary: 'replace the key that certificates are signed with',
    load: () => import('./rotate-key.js'),
  },
  simulate: { summary: 'serve a stand-in for the report API', load: () => import('./simulate.js') },
};

function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: meterline <command> [options]\n\nCommands:\n${lines.join('\n')}\n\nmeterline <command> --help tells the rest.\n`;
}

const given = process.argv.slice(2);
// `help close` is what `close --help` is.
const argv = given[0] === 'help' ? [...given.slice(1), '--help'] : given;
const words = [2, 1].find((count) => COMMANDS[argv.slice(0, count).join(' ')] !== undefined);
const command = words === undefined ? undefined : COMMANDS[argv.slice(0, words).join(' ')];

if (command) {
  const { run } = await command.load();
  process.exitCode = await run(argv.slice(words));
} else if (argv.length === 0 || argv[0] === '--help' || argv[0] === '-h') {
  process.stdout.write(usage());
  process.exitCode = argv.length === 0 ? 1 : 0;
} else {
  const longer = Object.keys(COMMANDS).filter((name) => name.startsWith(`${argv[0]} `));
  const fault =
    longer.length > 0
      ? `the command is one of: ${longer.map((name) => `meterline ${name}`).join(', ')}`
      : `there is no command ${JSON.stringify(argv[0])}`;
  process.stderr.write(`${fault}\n\n${usage()}`);
  process.exitCode = 1;
}
