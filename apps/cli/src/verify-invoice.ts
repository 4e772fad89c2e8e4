import { verifyInvoice } from '#proof';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';

/** Recomputes a document off-line from its evidence. */
export async function run(argv: readonly string[]): Promise<number> {
  const command = new Command('meterline verify invoice')
    .description(
      'Recomputes a document off-line from its evidence (GET /v1/invoices/{id}/evidence): measured, rated, totalled.',
    )
    .argument('<evidence.json>')
    .addHelpText('after', '\nEnds with 0 when every member follows, with 1 at the first that differs, which it names.')
    .parse(argv, { from: 'user' });
  const [file = ''] = command.args;
  try {
    const verdict = verifyInvoice(await readFile(file, 'utf8'));
    if (verdict.outcome === 'invalid') {
      process.stderr.write(`${file}: ${verdict.path || 'the file'}: ${verdict.message}\n`);
      return 1;
    }
    const { number, recomputed_from: from, document_sha256: sha256, renditions } = verdict;
    process.stdout.write(`${file}: ${number} follows from its ${from}\n  sha256 ${sha256}\n`);
    for (const { kind, sha256: hash, rewritten } of renditions) {
      const verb = rewritten ? 'follows' : 'was written in another version of the form and was not checked';
      process.stdout.write(`  ${kind} ${verb}\n  sha256 ${hash}\n`);
    }
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}
