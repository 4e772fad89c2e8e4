import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { openArchive } from './archive-files.js';
import { patiently, type RestClient, RestProblem } from './rest-client.js';
import { connect, keyHelp, type ServiceAddress, withAddress, wordsOf } from './service.js';

interface Options extends ServiceAddress {
  close: string;
  to: string;
  evidence: boolean;
}

/** What the last file of an archive says it holds. */
interface Manifest {
  documents: { number: string }[];
  missing: { number: string; part: string; code: string }[];
}

/** Fetches what proves a close: its archive, its latest certificate and, on request, the evidence of each document. */
export async function run(argv: readonly string[]): Promise<number> {
  const command = withAddress(
    new Command('meterline export')
      .description('Fetches what proves a close into a folder: the archive of its documents and its certificate.')
      .requiredOption('--close <id>', 'which close', id)
      .requiredOption('--to <folder>', 'where the files go; those of an earlier export are replaced')
      .option('--evidence', 'also what each document is computed from; holds the usage of subscribers', false),
  ).addHelpText(
    'after',
    `
${keyHelp('METERLINE_KEY')}; it needs the scope read.
Writes invoices.zip, certificate.json once the close has one, and NUMBER-evidence.json. Ends with 0 when all documents are
there, else with 1.`,
  );
  try {
    const options = command.parse(argv, { from: 'user' }).opts<Options>();
    await mkdir(options.to, { recursive: true });
    const rest = await connect(options, 'METERLINE_KEY');
    return await fetchClose(rest, options);
  } catch (error) {
    process.stderr.write(`${wordsOf(error)}\n`);
    return 1;
  }
}

/** @returns the exit code */
async function fetchClose(rest: RestClient, { close, to, evidence }: Options): Promise<number> {
  const path = `/v1/closes/${close}`;
  const { seller, state } = await rest.get<{ seller: string; state: string }>(path);
  const certificate = join(to, 'certificate.json');
  const isCertified = await patiently(() => rest.save(`${path}/certificate`, certificate)).then(
    () => true,
    (error: unknown) => {
      if (error instanceof RestProblem && error.status === 404) return false;
      throw error;
    },
  );
  print(isCertified ? certificate : `there is no certificate: the close is ${state}, or a dry run`);
  const archive = join(to, 'invoices.zip');
  await patiently(() => rest.save(`${path}/invoices.zip`, archive));
  const { documents, missing } = await manifestOf(archive);
  print(`${archive}: ${documents.length} documents`);
  for (const { number, part, code } of missing) process.stderr.write(`${number}: its ${part} is missing (${code})\n`);
  if (evidence) {
    for (const { number } of documents) await saveEvidence(rest, seller, number, to);
    print(`${documents.length} files of evidence`);
  }
  return missing.length === 0 ? 0 : 1;
}

async function manifestOf(zip: string): Promise<Manifest> {
  const archive = await openArchive(zip, undefined);
  try {
    const pieces: Uint8Array[] = [];
    const manifest = archive.files.find(({ name }) => name === 'manifest.json');
    if (!manifest) throw new Error(`${zip} has no manifest`);
    for await (const piece of manifest.read()) pieces.push(piece);
    return JSON.parse(Buffer.concat(pieces).toString('utf8')) as Manifest;
  } finally {
    await archive.close();
  }
}

/** Notes among the documents belong to no close, so each is asked for by its number. */
async function saveEvidence(rest: RestClient, seller: string, number: string, to: string): Promise<void> {
  const query = new URLSearchParams({ seller, number });
  const { data } = await patiently(() => rest.get<{ data: { id: string }[] }>(`/v1/invoices?${query}`));
  const [invoice] = data;
  if (!invoice) throw new Error(`the service no longer has ${number}`);
  const file = join(to, `${number.replaceAll('/', '-')}-evidence.json`);
  await patiently(() => rest.save(`/v1/invoices/${invoice.id}/evidence`, file));
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function id(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new InvalidArgumentError('the id of a close');
  return text;
}
