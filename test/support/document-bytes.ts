import { createHash } from 'node:crypto';
import { FORMAT_KINDS, renderEInvoice } from '#e-invoice';
import { type DraftInvoice, type IssuedInvoice, LANGUAGES } from '#invoicing';
import {
  creditNote,
  dollarDraft,
  dollarInvoice,
  manySites,
  rupeeInvoice,
} from '../integration/invoice-pdf.fixtures.js';
import { layoutInvoice } from '../../libs/invoice-pdf/src/layout-invoice.js';
import { corrected, GERMAN_PARTIES, issued, partiesTo, taxed } from './electronic-invoices.js';
import { goldenStories, goldenStory } from './golden-story.js';

/**
 * Prints the fingerprints of the files of a hundred documents and more, one a line, in the order of their names: to be held
 * against those of another host, another Node, or another order of drawing.
 *
 *     node -C source --import ./test/support/run-source.mjs test/support/document-bytes.ts [--reversed]
 */
type Printed = readonly [name: string, document: IssuedInvoice | DraftInvoice];

const CATEGORIES = ['S', 'Z', 'E', 'AE', 'K', 'G', 'O'] as const;

async function documents(): Promise<Printed[]> {
  const printed: Printed[] = [
    ['dollars', dollarInvoice()],
    ['dollars, draft', dollarDraft()],
    ['dollars, credit note', creditNote()],
    ['rupees', rupeeInvoice()],
    ['many sites, in an annex', manySites(60)],
    ['dollars, with pictures', dollarInvoice({ charts: true })],
  ];
  const profile = { ...GERMAN_PARTIES.customer.e_invoice, profile: 'factur-x' };
  const hybrid = { ...GERMAN_PARTIES, customer: { ...GERMAN_PARTIES.customer, e_invoice: profile } };
  for (const story of (await goldenStories()).sort()) {
    const { draft } = await goldenStory(story);
    const document = issued(draft);
    const voided = corrected(document, 'nothing');
    printed.push(
      [`${story}, draft`, { ...draft, ...GERMAN_PARTIES, status: 'draft', inputs_hash: 'inputs' }],
      [story, document],
      [`${story}, hybrid`, issued(draft, hybrid)],
      ...(voided ? [[`${story}, void`, voided] as const] : []),
    );
  }
  const { draft } = await goldenStory('commit-and-burst');
  for (const category of CATEGORIES) {
    const tax = { name: 'VAT', category, rate: category === 'S' ? '19' : '0' };
    const parties = category === 'K' ? partiesTo('FR', 'FR12345678901') : GERMAN_PARTIES;
    printed.push([`category ${category}`, issued(taxed(draft, [tax]), parties)]);
  }
  for (const language of LANGUAGES) printed.push([`in ${language}`, { ...dollarInvoice(), language }]);
  return printed;
}

function filesOf([name, document]: Printed): string[] {
  const files = [`${name}: pdf ${layoutInvoice(document).sha256}`];
  if (document.status === 'draft') return files;
  for (const kind of FORMAT_KINDS) {
    const written = renderEInvoice(kind, document);
    const text = written.outcome === 'refused' ? written.message : written.text;
    files.push(`${name}: ${kind} ${createHash('sha256').update(text).digest('hex')}`);
  }
  return files;
}

const printed = await documents();
if (process.argv.includes('--reversed')) printed.reverse();
process.stdout.write(
  `${printed
    .flatMap(filesOf)
    .sort((one, other) => (one < other ? -1 : 1))
    .join('\n')}\n`,
);
