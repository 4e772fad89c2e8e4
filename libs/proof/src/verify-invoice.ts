import { fromStamp } from '#calendar';
import { canonicalJson } from '#canonical-json';
import {
  answerFault,
  FORMAT_KINDS,
  irnTextOf,
  isRefusal,
  layoutVersionOf,
  renderEInvoice,
  wantedForm,
} from '#e-invoice';
import {
  adjustmentNoteOf,
  assertConserved,
  correctionOf,
  creditOf,
  issueInvoice,
  DEFAULT_LANGUAGE,
  LANGUAGES,
  type IssuedInvoice,
  rebilled,
  totalsOf,
} from '#invoicing';
import { formatAmount, decimal, minus } from '#money';
import {
  type BillingTerms,
  accountTotals,
  billingTask,
  draftAccount,
  type Held,
  Plans,
  rateAccount,
  reversalOf,
  taxingOf,
} from '#billing';
import { adjustmentLine, recompute } from '#rating';
import { wordingIn } from '#wording';
import { sha256 } from './crypto.js';
import { EVIDENCE_FORMAT, type InvoiceEvidence, type invoiceEvidence } from './evidence.js';

export type InvoiceVerdict =
  | {
      readonly outcome: 'valid';
      readonly number: string;
      readonly document_sha256: string;
      /** `derivations` when the single values are no longer kept: lines and totals follow from the derivations alone. */
      readonly recomputed_from: 'usage' | 'derivations';
      /** Electronic forms that are kept of the document; not `rewritten`: in another version of the form than this one's. */
      readonly renditions: readonly { readonly kind: string; readonly sha256: string; readonly rewritten: boolean }[];
    }
  /** The first member that is not what follows from the rest, as a path into the file. */
  | { readonly outcome: 'invalid'; readonly path: string; readonly message: string };

interface Fault {
  readonly path: string;
  readonly message: string;
}

/**
 * Recomputes a document from its evidence and nothing else: measures, rates and totals again by the pure rooms, and
 * compares every member, and the hash of each electronic form with that of the document written again. Never throws for what a file says.
 *
 * @param text a file as `GET /v1/invoices/{id}/evidence` answers it
 */
export function verifyInvoice(text: string): InvoiceVerdict {
  const invalid = (fault: Fault): InvoiceVerdict => ({ outcome: 'invalid', ...fault });
  let evidence: ReturnType<typeof invoiceEvidence>;
  try {
    evidence = JSON.parse(text) as typeof evidence;
  } catch {
    return invalid({ path: '', message: 'the file is not JSON' });
  }
  if (evidence?.format !== EVIDENCE_FORMAT) return invalid({ path: 'format', message: `must be ${EVIDENCE_FORMAT}` });
  try {
    const complete = evidence.usage.every(({ series }) => series !== null);
    const fault =
      inputsFault(evidence) ??
      (complete ? recomputedFault(evidence) : derivationFault(evidence)) ??
      hashFault('document.inputs_hash', evidence.document.inputs_hash, canonicalJson(evidence.inputs)) ??
      hashFault('document_sha256', evidence.document_sha256, canonicalJson(evidence.document));
    if (fault) return invalid(fault);
    const registered = registrationFault(evidence);
    if (registered) return invalid(registered);
    const renditions = rewritten(evidence);
    if ('path' in renditions) return invalid(renditions);
    const { document, document_sha256 } = evidence;
    const recomputed_from = complete ? 'usage' : 'derivations';
    return { outcome: 'valid', number: document.number, document_sha256, recomputed_from, renditions };
  } catch (error) {
    return invalid({ path: '', message: `the document cannot be recomputed: ${(error as Error).message}` });
  }
}

/** What the document was computed from must be what its inputs name, by hash. */
function inputsFault({ document, facts, usage, earlier, inputs }: InvoiceEvidence): Fault | undefined {
  for (const [position, version] of facts.versions.entries()) {
    const plan = canonicalJson(version.document);
    const fault = hashFault(`facts.versions[${position}].document`, version.sha256, plan);
    if (fault) return fault;
  }
  for (const [position, { series, values_sha256: hash }] of usage.entries()) {
    const values = series?.values.map((value) => value ?? '').join('\n');
    const content = series && `${series.grid} ${series.firstStart}\n${values}`;
    const fault = content === null ? undefined : hashFault(`usage[${position}].series.values`, hash, content);
    if (fault) return fault;
  }
  // A note is rated by the facts of the document it corrects.
  const own = document.corrects === null;
  return firstDifference(
    {
      usage: usage.map(({ entity, metric, revision, values_sha256 }) => ({ entity, metric, revision, values_sha256 })),
      ...(own && { facts: withoutDocuments(facts) }),
      earlier: earlier.map((each) => sha256(canonicalJson(each))),
    },
    {
      usage: inputs.usage ?? [],
      ...(own && { facts: factsIn(inputs) }),
      earlier: hashesOf(inputs),
    },
    '',
  );
}

function withoutDocuments(facts: BillingTerms): object {
  return { ...facts, versions: facts.versions.map((version) => ({ ...version, document: null })) };
}

function factsIn(inputs: InvoiceEvidence['inputs']): object {
  return Object.fromEntries(Object.entries(inputs).filter(([member]) => member !== 'usage' && member !== 'documents'));
}

function hashesOf(inputs: InvoiceEvidence['inputs']): string[] {
  const { documents = [] } = inputs as { documents?: { document_sha256: string }[] };
  return documents.map((document) => document.document_sha256);
}

function recomputedFault({
  document,
  earlier,
  facts: kept,
  waived,
  usage,
  inputs,
}: InvoiceEvidence): Fault | undefined {
  const { language = null } = document;
  if (language !== null && !LANGUAGES.includes(language)) {
    return { path: 'document.language', message: `is ${shown(language)}, which no document is written in` };
  }
  // Nothing that is billed follows from the language, so it is no input but the document's own.
  const facts = { ...kept, account: { ...kept.account, language } };
  const { layout_version: layoutVersion, dialect_sha256: dialectSha256, period } = document;
  const task = billingTask(facts, period.label, new Plans(hashOf), waived);
  const series = usage.flatMap((each) => (each.series ? [{ ...each.series, rawSha256: each.raw_sha256 }] : []));
  const cannot = ({ reason }: Held): Fault => ({ path: 'usage', message: `would be held: ${reason.message}` });
  const original = earlier.find(({ id }) => id === document.corrects?.id);
  if (document.corrects && !original)
    return { path: 'document.corrects', message: 'is not among the earlier documents' };
  let draft: Omit<Parameters<typeof issueInvoice>[0], 'inputs_hash'> | null;
  if (!original) {
    const drafted = draftAccount(task, series, { dialectSha256, layoutVersion, revision: 1, zero: 'issue' });
    if (drafted.outcome === 'held') return cannot(drafted);
    draft = drafted.outcome === 'drafted' ? drafted.draft : null;
    if (draft && earlier.length > 0) draft = rebilled(draft, earlier);
  } else if (inputs.credit !== undefined) {
    const credited = creditOf({
      original,
      issued: earlier,
      request: inputs.credit,
      taxing: taxingOf(facts),
      layoutVersion,
    });
    if ('outcome' in credited) return { path: 'inputs.credit', message: `would be refused: ${credited.message}` };
    draft = credited;
  } else if (inputs.adjustments?.[0] !== undefined && inputs.usage === undefined) {
    const line = adjustmentLine(inputs.adjustments[0], task.period, document.currency);
    const noted = adjustmentNoteOf({ original, issued: earlier, line, taxing: taxingOf(facts), layoutVersion });
    if ('outcome' in noted) return { path: 'inputs.adjustments', message: `would be refused: ${noted.message}` };
    draft = noted;
  } else if (inputs.usage === undefined) {
    draft = reversalOf(earlier, layoutVersion);
  } else {
    const rated = rateAccount(task, series);
    if (rated.outcome === 'held') return cannot(rated);
    const rerated = { lines: rated.lines, totals: accountTotals(task, rated.lines) };
    const taxing = taxingOf(facts);
    draft = correctionOf({ original, issued: earlier, rerated, taxing, dialectSha256, layoutVersion });
  }
  if (!draft) return { path: 'document', message: 'there is nothing to bill' };
  const { id, number, issued_at, corrects, inputs_hash } = document;
  const again = issueInvoice(
    { ...draft, inputs_hash },
    {
      id,
      number,
      issuedAt: fromStamp(issued_at),
      sellerTimeZone: facts.seller.timeZone,
      corrects: original ? { id: original.id, number: original.number } : (corrects ?? undefined),
    },
  );
  // Lines first: a sum that differs says less than the line it comes from.
  const compared = ({ lines, taxes, ...rest }: IssuedInvoice) => withoutAnswers({ lines, taxes, ...rest });
  return firstDifference(compared(document), compared(document.language ? again : withoutLanguage(again)), 'document');
}

/** As a document was before there was a choice of languages. */
function withoutLanguage({ language: _, notes, lines, ...document }: IssuedInvoice): IssuedInvoice {
  const { note: words } = wordingIn(DEFAULT_LANGUAGE);
  return {
    ...document,
    lines: lines.map(({ title: _, ...line }) => line),
    // Dates stood in them as they stand in the document.
    notes: notes.map((note) => {
      if (typeof note === 'string') return note;
      return note.code === 'corrects' || note.code === 'replaces'
        ? words[note.code](note.number, note.date)
        : words[note.code];
    }),
  };
}

/** Without the values: each line from its derivation, the totals from the lines. */
function derivationFault({ document, facts }: InvoiceEvidence): Fault | undefined {
  const { currency, lines } = document;
  for (const [position, { amount, derivation, correction }] of lines.entries()) {
    const again = recompute(derivation);
    const path = `document.lines[${position}]`;
    const rerated = correction ? correction.rerated : amount;
    const gone = correction !== undefined && decimal(correction.rerated).isZero();
    if (!gone && again.amount !== rerated) {
      return { path: `${path}.amount`, message: `is ${rerated} but follows as ${again.amount}` };
    }
    const delta = correction && formatAmount(minus(decimal(correction.rerated), decimal(correction.billed)), currency);
    if (delta !== undefined && delta !== amount) {
      return { path: `${path}.amount`, message: `is ${amount} but rerated − billed is ${delta}` };
    }
  }
  assertConserved(document);
  if (document.corrects) return undefined;
  const { taxes, net, tax, gross, rounding, payable } = document;
  const totals = { taxes, net, tax, gross, rounding, payable };
  return firstDifference(totals, totalsOf(lines, taxingOf(facts).taxes, taxingOf(facts).options), 'document');
}

/**
 * What a portal answered must be about this document. Whether the portal signed it is checked where it comes in, with the key of
 * the portal, and can be checked again with the two texts.
 */
function registrationFault({ document, irn: given }: InvoiceEvidence): Fault | undefined {
  if (given === undefined) return undefined;
  const answer = {
    ...{ irn: given.irn, ackNo: given.ack_no, ackDate: given.ack_date },
    ...{ qrCode: claimsOf(given.signed_qr_code), invoice: claimsOf(given.signed_invoice) },
  };
  const fault = answerFault(document, answer, sha256(irnTextOf(document)));
  if (fault === undefined) return undefined;
  return isRefusal(fault)
    ? { path: 'irn', message: `cannot be: ${fault.message}` }
    : { path: `irn${fault.pointer === '/irn' ? '.irn' : fault.pointer.replaceAll('/', '.')}`, message: fault.message };
}

/** The claims of a JWS in its compact form, which a portal puts as a text into `data`; its signature is not looked at. */
function claimsOf(jws: string): unknown {
  const claims = JSON.parse(base64UrlText(jws.split('.')[1] ?? '')) as { data?: unknown };
  return typeof claims.data === 'string' ? (JSON.parse(claims.data) as unknown) : (claims.data ?? claims);
}

/** A text of UTF-8 in base64url (RFC 4648, 5). */
function base64UrlText(text: string): string {
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

/** The electronic forms, each written again from the document; the first that differs. */
function rewritten({
  document,
  renditions = [],
}: InvoiceEvidence): Extract<InvoiceVerdict, { outcome: 'valid' }>['renditions'] | Fault {
  const wanted = wantedForm(document)?.kind;
  if (wanted && !renditions.some(({ kind }) => kind === wanted) && !isRefusal(renderEInvoice(wanted, document))) {
    return { path: 'renditions', message: `has no ${wanted}, which the customer wanted` };
  }
  const known: { kind: string; sha256: string; rewritten: boolean }[] = [];
  for (const [position, { kind: name, layout, sha256: hash }] of renditions.entries()) {
    const kind = FORMAT_KINDS.find((each) => each === name);
    const path = `renditions[${position}]`;
    const again = kind && layoutVersionOf(kind) === layout ? renderEInvoice(kind, document) : undefined;
    if (again && isRefusal(again)) return { path, message: `cannot be: ${again.message}` };
    const fault = again && hashFault(`${path}.sha256`, hash, again.text);
    if (fault) return fault;
    known.push({ kind: name, sha256: hash, rewritten: again !== undefined });
  }
  return known;
}

/** Equal values may have been answered in other bytes by a later pull: hashes of answers are evidence, not inputs. */
function withoutAnswers(document: object): unknown {
  return JSON.parse(JSON.stringify(document, (member, value: unknown) => (member === 'raw_sha256' ? null : value)));
}

/** As `documentSha256` of what is stored, with nothing but the file at hand. */
const hashOf = (document: unknown): string => sha256(canonicalJson(document));

function hashFault(path: string, hash: string, content: string): Fault | undefined {
  const actual = sha256(content);
  return actual === hash ? undefined : { path, message: `has the sha256 ${actual}, not ${hash}` };
}

function firstDifference(actual: unknown, expected: unknown, path: string): Fault | undefined {
  if (isNested(actual) && isNested(expected) && Array.isArray(actual) === Array.isArray(expected)) {
    const members = [...new Set([...Object.keys(actual), ...Object.keys(expected)])];
    for (const member of members) {
      const below = Array.isArray(actual) ? `${path}[${member}]` : path === '' ? member : `${path}.${member}`;
      const fault = firstDifference(actual[member], expected[member], below);
      if (fault) return fault;
    }
    return undefined;
  }
  if (actual === expected) return undefined;
  return { path, message: `is ${shown(actual)} but follows as ${shown(expected)}` };
}

function isNested(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  const text = value === undefined ? 'absent' : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
