import { readFile } from 'node:fs/promises';
import Table from 'cli-table3';
import { Command, CommanderError } from 'commander';
import { type CheckedCertificate, type DocumentsVerdict, verifyCertificates, verifyDocuments } from '#proof';
import { openArchive } from './archive-files.js';

const [HOLDS, DIFFERS, UNCHECKED] = [0, 1, 2];

/** Checks certificates of closes off-line, and on request the documents that they count. */
export async function run(argv: readonly string[]): Promise<number> {
  const command = new Command('meterline verify certificate')
    .description(
      'Checks certificates of closes off-line: their sums, their signature and, of several, that they cite each other; and ' +
        'with --documents that every document that the latest of them counts is there as it was counted, and nothing else.',
    )
    .argument('<file.json...>', 'certificates of one close, in any order')
    .option(
      '--key <key.pem>',
      'a public key as the service published it (GET /v1/certificate-keys), repeatable; without, the key in the file is used',
      (file: string, others: string[]) => [...others, file],
      [],
    )
    .option(
      '--documents <zip|folder|url>',
      'the archive of the close (GET /v1/closes/{id}/invoices.zip), a folder with its files, or the address of the close ' +
        '(https://…/v1/closes/{id}), asked with the key in METERLINE_KEY',
    )
    .addHelpText(
      'after',
      '\nEnds with 0 when everything holds, with 1 when something is wrong, which it names, with 2 when it could not be checked.',
    )
    .exitOverride();

  try {
    command.parse(argv, { from: 'user' });
    const { key, documents } = command.opts<{ key: string[]; documents?: string }>();
    return await verify(command.args, key, documents);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? HOLDS : UNCHECKED;
    process.stderr.write(`${(error as Error).message}\n`);
    return UNCHECKED;
  }
}

async function verify(
  files: readonly string[],
  keys: readonly string[],
  documents: string | undefined,
): Promise<number> {
  const certificates = await Promise.all(files.map(async (name) => ({ name, text: await readFile(name, 'utf8') })));
  const verdict = verifyCertificates(certificates, await Promise.all(keys.map((key) => readFile(key, 'utf8'))));
  if (verdict.outcome === 'invalid') {
    process.stderr.write(`${verdict.name}: ${verdict.pointer || 'the file'}: ${verdict.message}\n`);
    return DIFFERS;
  }
  for (const certificate of verdict.certificates) process.stdout.write(`${told(certificate)}\n`);
  if (keys.length === 0) {
    process.stdout.write(
      'Compare the key with GET /v1/certificate-keys, or give it with --key: a file can name any key.\n',
    );
  }
  const [first] = verdict.certificates;
  if (first && first.certificate.revision > 1) {
    process.stdout.write(`Revisions before ${first.certificate.revision} were not given, so they were not checked.\n`);
  }
  return documents === undefined ? HOLDS : compare(verdict.certificates, documents);
}

async function compare(certificates: readonly CheckedCertificate[], source: string): Promise<number> {
  const archive = await openArchive(source, process.env.METERLINE_KEY).catch((error: unknown) => {
    throw new Error(`${source}: ${reasonOf(error)}`, { cause: error });
  });
  const { createInvoiceRenderer } = await import('#invoice-pdf');
  const renderer = createInvoiceRenderer();
  try {
    const verdict = await verifyDocuments(certificates, archive.files, renderer);
    process.stdout.write(`${sumsOf(verdict)}\n${pdfsOf(verdict)}\n${formsOf(verdict)}`);
    const { differences, unnamed } = verdict;
    if (differences.length === 0) {
      process.stdout.write(`${source}: every document is there as it was certified, and nothing else\n`);
      return HOLDS;
    }
    for (const { what, name, message } of differences) process.stderr.write(`${what}: ${name} ${message}\n`);
    const more = unnamed > 0 ? `, of which ${unnamed} are not named` : '';
    process.stderr.write(`${source}: ${differences.length + unnamed} differences${more}\n`);
    return DIFFERS;
  } finally {
    await renderer.close();
    await archive.close();
  }
}

/** `fetch` says why it failed one error further down. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

function sumsOf({ sums }: DocumentsVerdict): string {
  const table = new Table({
    head: ['', 'currency', 'documents', 'net', 'tax', 'payable'],
    style: { head: [], border: [] },
  });
  for (const { group, currency, certified, found, agrees } of sums) {
    const row = (name: string, sum: typeof found) =>
      table.push([name, currency, String(sum?.documents ?? 0), sum?.net ?? '–', sum?.tax ?? '–', sum?.payable ?? '–']);
    row(`${group} certified`, certified);
    row(`${group} found${agrees ? '' : ', DIFFERENT'}`, found);
  }
  return table.toString();
}

function pdfsOf({ pdfs: { found, redrawn, otherLayout } }: DocumentsVerdict): string {
  const other = otherLayout === 0 ? '' : `; ${otherLayout} of another layout are held against the manifest alone`;
  return `${found} PDFs: ${redrawn} drawn again from the certified document, byte for byte${other}`;
}

/** Nothing where no customer wanted an electronic form. */
function formsOf({ xmls: { found, rewritten, otherLayout } }: DocumentsVerdict): string {
  if (found === 0) return '';
  const other =
    otherLayout === 0 ? '' : `; ${otherLayout} in another version of the form are held against the manifest alone`;
  return `${found} electronic invoices: ${rewritten} written again from the certified document, byte for byte${other}\n`;
}

function told({ name, certificate, sha256, signature }: CheckedCertificate): string {
  const { close, revision, accounts, documents, totals, notes, voids = [] } = certificate;
  const { held, failed, empty } = accounts.by_state;
  return [
    `${name}: valid, revision ${revision} of the close of ${close.seller} ${close.period.label} (${close.kind})`,
    `  ${accounts.total} accounts: ${documents.count} documents, ${empty} empty, ${held} held, ${failed} failed`,
    ...documents.ranges.map(({ kind, first, last, count }) => `  ${kind} ${first} to ${last}: ${count}`),
    ...totals.map(({ currency, net, tax, gross }) => `  ${currency} net ${net}, tax ${tax}, gross ${gross}`),
    ...(notes?.ranges ?? []).map(({ kind, first, last, count }) => `  beside it ${kind} ${first} to ${last}: ${count}`),
    ...(notes?.totals ?? []).map(({ currency, net, gross }) => `  ${currency} of these net ${net}, gross ${gross}`),
    ...voids.map(({ document, note }) => `  ${document} taken back ${note === null ? 'at nothing' : `by ${note}`}`),
    `  sha256 ${sha256}`,
    `  signed with key ${signature.key_id}`,
  ].join('\n');
}
