import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { type CheckedCertificate, verifyCertificates } from '#close';

const command = new Command('verify-certificate')
  .description(
    'Checks certificates of closes off-line: their sums, their signature and, of several, that they cite each other.',
  )
  .argument('<file.json...>', 'certificates of one close, in any order')
  .option(
    '--key <key.pem>',
    'a public key as the service published it (GET /v1/certificate-keys), repeatable; without, the key in the file is used',
    (file: string, others: string[]) => [...others, file],
    [],
  )
  .addHelpText('after', '\nEnds with 0 when everything holds, with 1 at the first thing that is wrong, which it names.')
  .parse();

try {
  process.exitCode = await run(command.args, command.opts<{ key: string[] }>().key);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function run(files: readonly string[], keys: readonly string[]): Promise<number> {
  const certificates = await Promise.all(files.map(async (name) => ({ name, text: await readFile(name, 'utf8') })));
  const verdict = verifyCertificates(certificates, await Promise.all(keys.map((key) => readFile(key, 'utf8'))));
  if (verdict.outcome === 'invalid') {
    process.stderr.write(`${verdict.name}: ${verdict.pointer || 'the file'}: ${verdict.message}\n`);
    return 1;
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
  return 0;
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
