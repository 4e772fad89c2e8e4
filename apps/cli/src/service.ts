import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { RestClient, RestProblem } from './rest-client.js';

/** Where a running service is, as a command is told. */
export interface ServiceAddress {
  readonly url: string;
  readonly data: string;
}

/** Where a command takes its key from: what may close a month is not what may read it. */
export type KeyVariable = 'METERLINE_ADMIN_KEY' | 'METERLINE_KEY';

/** What a command says of the key, for its help. */
export function keyHelp(variable: KeyVariable): string {
  return `The key comes from ${variable}, else from the admin-key in the data folder`;
}

/** Adds the options that say where the service is. */
export function withAddress(command: Command): Command {
  return command
    .option('--url <address>', 'where the service answers', process.env.METERLINE_URL ?? 'http://127.0.0.1:3000')
    .option('--data <folder>', 'the folder of a standalone, for its admin key', '.meterline');
}

/** @throws Error when no key is given anywhere */
export async function connect({ url, data }: ServiceAddress, variable: KeyVariable): Promise<RestClient> {
  return new RestClient(url.replace(/\/+$/, ''), await keyFrom(variable, data));
}

async function keyFrom(variable: KeyVariable, folder: string): Promise<string> {
  const key = process.env[variable];
  if (key) return key;
  const file = join(folder, 'admin-key');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept === undefined) throw new Error(`set ${variable}, or --data to the folder of a standalone: no ${file}`);
  return kept.trim();
}

/** What went wrong in the service's own words, with the code, or as the error says it. */
export function wordsOf(error: unknown): string {
  const problem = error instanceof RestProblem ? error.problem : undefined;
  return problem ? `${problem.detail} (${problem.code})` : (error as Error).message;
}
