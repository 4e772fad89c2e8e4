import { canonicalJson } from '#canonical-json';
import { decimal, isPlainDecimal, minus, plus, sum } from '#money';
import { parse } from 'lossless-json';
import { z } from 'zod';
import {
  CERTIFICATE_FORMAT,
  FIRST_CERTIFICATE_FORMAT,
  type CloseCertificate,
  type SignedCertificate,
} from './certificate.js';
import { type PublicKey, readPublicKey, sha256 } from './crypto.js';

/** A certificate as it came from a file. */
export interface CertificateFile {
  readonly name: string;
  readonly text: string;
}

export type CertificateVerdict =
  | { readonly outcome: 'valid'; readonly certificates: readonly CheckedCertificate[] }
  /** The first thing that is wrong: in which file, at which member (JSON pointer), and why. */
  | { readonly outcome: 'invalid'; readonly name: string; readonly pointer: string; readonly message: string };

export interface CheckedCertificate extends SignedCertificate {
  readonly name: string;
  readonly sha256: string;
}

/**
 * Checks certificates with nothing but themselves: that each has the form this version knows, that its sums agree with
 * each other, that its signature is by the key it names, and, of several, that they are revisions of one close that cite
 * each other without a gap. They may come in any order.
 *
 * @param publicKeys PEM; when given, a certificate signed with any other key is not valid
 */
export function verifyCertificates(
  files: readonly CertificateFile[],
  publicKeys: readonly string[] = [],
): CertificateVerdict {
  const trusted = publicKeys.map((pem) => readPublicKey(pem).id);
  const checked: CheckedCertificate[] = [];
  for (const { name, text } of files) {
    const read = readCertificate(text);
    const fault = 'pointer' in read ? read : (faultOf(read.certificate) ?? signatureFault(read, trusted));
    if (fault) return { outcome: 'invalid', name, ...fault };
    if ('certificate' in read) checked.push({ ...read, name, sha256: sha256(canonicalJson(read)) });
  }
  checked.sort((a, b) => a.certificate.revision - b.certificate.revision);
  for (const [index, later] of checked.entries()) {
    const earlier = checked[index - 1];
    const fault = earlier && chainFault(earlier, later);
    if (fault) return { outcome: 'invalid', name: later.name, ...fault };
  }
  return { outcome: 'valid', certificates: checked };
}

interface Fault {
  readonly pointer: string;
  readonly message: string;
}

const count = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in hexadecimal');
const text = z.string();
const amount = z.string().refine(isPlainDecimal, 'must be a decimal as a string');
const conservedSum = z.strictObject({ buckets: amount, total: amount });
const stamp = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/, 'must be a stamp in UTC');

const documents = {
  count,
  ranges: z.array(
    z.strictObject({
      kind: text,
      fiscal_year: z.int(),
      first_sequence: z.int().min(1),
      last_sequence: z.int().min(1),
      first: text,
      last: text,
      count: z.int().min(1),
    }),
  ),
  sha256: hash,
};

const sums = {
  totals: z.array(
    z.strictObject({
      currency: text,
      documents: z.int().min(1),
      net: amount,
      tax: amount,
      gross: amount,
      rounding: amount,
      payable: amount,
    }),
  ),
  taxes: z.array(z.strictObject({ currency: text, name: text, category: text, rate: amount, base: amount, amount })),
};

const members = {
  revision: z.int().min(1),
  previous_sha256: hash.nullable(),
  issued_at: stamp,
  close: z.strictObject({
    id: z.uuid(),
    seller: text,
    seller_name: text,
    period: z.strictObject({ label: text, start: stamp, end: stamp }),
    kind: z.enum(['regular', 'correction']),
    issue: z.enum(['after_review', 'automatic']),
    opened_at: stamp,
  }),
  accounts: z.strictObject({
    total: count,
    by_state: z.strictObject({
      pending: count,
      pulling: count,
      rated: count,
      drafted: count,
      issued: count,
      empty: count,
      held: count,
      failed: count,
    }),
  }),
  ...sums,
  holds: z.array(
    z.strictObject({
      account: z.uuid(),
      external_id: text,
      state: z.enum(['held', 'failed']),
      code: text,
      message: text,
    }),
  ),
  waivers: z.array(
    z.strictObject({
      account: z.uuid(),
      external_id: text,
      code: text,
      message: text,
      reason: text,
      actor: text,
      at: stamp,
    }),
  ),
  usage: z.array(
    z.strictObject({
      metric: text,
      windows: z.int().min(1),
      owned: conservedSum,
      fetched: conservedSum.nullable(),
      margin: conservedSum.nullable(),
      conserved: z.boolean().nullable(),
    }),
  ),
  plans: z.array(z.strictObject({ code: text, version: z.int(), sha256: hash })),
  dialects: z.array(hash),
};

const signedCertificate: z.ZodType<SignedCertificate> = z.strictObject({
  certificate: z.discriminatedUnion('format', [
    z.strictObject({
      format: z.literal(FIRST_CERTIFICATE_FORMAT),
      ...members,
      documents: z.strictObject(documents),
    }),
    z.strictObject({
      format: z.literal(CERTIFICATE_FORMAT),
      ...members,
      documents: z.strictObject({ ...documents, replaced: count }),
      notes: z.strictObject({ ...documents, ...sums }),
      voids: z.array(
        z.strictObject({
          account: z.uuid(),
          external_id: text,
          document: text,
          note: text.nullable(),
          reason: text,
          actor: text,
          at: stamp,
        }),
      ),
    }),
  ]),
  signature: z.strictObject({ algorithm: z.literal('Ed25519'), key_id: hash, public_key: text, value: text }),
});

function readCertificate(json: string): SignedCertificate | Fault {
  let value: unknown;
  try {
    // Unlike JSON.parse it refuses a member that is there twice: what a reader sees could differ from what is checked.
    value = parse(json, undefined, (digits) => JSON.parse(digits) as number);
  } catch (error) {
    return { pointer: '', message: `the file is not JSON: ${(error as Error).message}` };
  }
  const parsed = signedCertificate.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  return {
    pointer: pointerTo([...(issue?.path ?? []), ...unknown]),
    message: unknown.length > 0 ? 'is not a member that a certificate has' : (issue?.message ?? 'is not valid'),
  };
}

/** The first of a certificate's numbers that contradicts another of its numbers. */
function faultOf(certificate: CloseCertificate): Fault | undefined {
  const { revision, previous_sha256, accounts, documents, totals, taxes, holds, usage } = certificate;
  if ((revision === 1) !== (previous_sha256 === null)) {
    return fault('/previous_sha256', 'the first revision cites none before it, every later one does');
  }
  const { by_state: states, total } = accounts;
  for (const state of ['pending', 'pulling', 'rated', 'drafted'] as const) {
    if (states[state] !== 0)
      return fault(`/accounts/by_state/${state}`, 'a finished close has no account left to work on');
  }
  if (total !== added(Object.values(states)))
    return fault('/accounts/total', 'the accounts by state do not add up to it');
  for (const state of ['held', 'failed'] as const) {
    const listed = holds.filter((hold) => hold.state === state).length;
    if (listed !== states[state])
      return fault('/holds', `${listed} accounts are listed as ${state}, not ${states[state]}`);
  }
  const { replaced = 0 } = documents;
  if (documents.count - replaced !== states.issued) {
    const beside = replaced === 0 ? '' : `, beside ${replaced} that were replaced`;
    return fault('/documents/count', `there are ${states.issued} issued accounts, each with one document${beside}`);
  }
  return (
    rangesFault('/documents', documents) ??
    amountsFault('', documents.count, { totals, taxes }) ??
    notesFault(certificate) ??
    usageFault(usage)
  );
}

/** Notes add up like documents, none of them is a document of the close, and voids name one of either. */
function notesFault({ close, documents, notes, voids = [] }: CloseCertificate): Fault | undefined {
  if (!notes) return undefined;
  const own = rangesFault('/notes', notes) ?? amountsFault('/notes', notes.count, notes);
  if (own) return own;
  if (close.kind === 'correction' && notes.count > 0) {
    return fault(
      '/notes/count',
      'notes without a close stand on the certificate of the close that billed their period',
    );
  }
  for (const [index, range] of notes.ranges.entries()) {
    const at = `/notes/ranges/${index}`;
    if (range.kind === 'invoice') return fault(`${at}/kind`, 'only a close issues invoices');
    const twice = documents.ranges.some(
      (each) =>
        each.kind === range.kind &&
        each.fiscal_year === range.fiscal_year &&
        each.first_sequence <= range.last_sequence &&
        range.first_sequence <= each.last_sequence,
    );
    if (twice) return fault(`${at}/first_sequence`, 'the range lies across one of the documents of the close');
  }
  for (const [index, { document, note }] of voids.entries()) {
    const at = `/voids/${index}`;
    if (!isAmong(documents.ranges, document)) return fault(`${at}/document`, 'is not a document of the close');
    if (note !== null && !isAmong(notes.ranges, note)) return fault(`${at}/note`, 'is not one of the notes');
    const first = (of: 'document' | 'note') => voids.findIndex((each) => each[of] === voids[index]?.[of]) === index;
    if (!first('document') || (note !== null && !first('note')))
      return fault(at, 'a document is taken back once, by a note of its own');
  }
  const { replaced = 0 } = documents;
  return replaced <= voids.length
    ? undefined
    : fault('/documents/replaced', `is more than the ${voids.length} that were taken back`);
}

/** Whether a number lies in one of the ranges: the same letters, and a sequence between the first and the last. */
function isAmong(ranges: CloseCertificate['documents']['ranges'], number: string): boolean {
  const sequence = sequenceIn(number);
  return ranges.some(
    ({ first, first_sequence, last_sequence }) =>
      first_sequence <= sequence && sequence <= last_sequence && seriesOf(first) === seriesOf(number),
  );
}

function usageFault(usage: CloseCertificate['usage']): Fault | undefined {
  for (const [index, { owned, fetched, margin, conserved }] of usage.entries()) {
    const at = `/usage/${index}`;
    if (fetched === null || margin === null || conserved === null) {
      if (fetched === margin && fetched === conserved) continue;
      return fault(`${at}/conserved`, 'is known when what was fetched and its margin are, and only then');
    }
    const equal = (['buckets', 'total'] as const).every((of) =>
      minus(decimal(fetched[of]), decimal(margin[of])).equals(decimal(owned[of])),
    );
    if (!equal) return fault(`${at}/owned`, 'is not what was fetched without its margin');
    if (!conserved) return fault(`${at}/conserved`, 'usage that is not conserved may not be billed');
  }
  return undefined;
}

function rangesFault(
  place: string,
  { ranges, count: documents }: Pick<CloseCertificate['documents'], 'ranges' | 'count'>,
): Fault | undefined {
  for (const [index, range] of ranges.entries()) {
    const at = `${place}/ranges/${index}`;
    if (range.last_sequence - range.first_sequence + 1 !== range.count) {
      return fault(`${at}/count`, 'the numbers from first to last are not that many');
    }
    if (sequenceIn(range.first) !== range.first_sequence) return fault(`${at}/first`, 'is not the first of the range');
    if (sequenceIn(range.last) !== range.last_sequence) return fault(`${at}/last`, 'is not the last of the range');
    const before = ranges[index - 1];
    const sameSeries = before?.kind === range.kind && before.fiscal_year === range.fiscal_year;
    // A run ends where the seller changes its prefix, and the next begins with the next sequence.
    const gap = before && seriesOf(before.last) === seriesOf(range.first) ? 1 : 0;
    if (sameSeries && range.first_sequence <= before.last_sequence + gap) {
      return fault(`${at}/first_sequence`, 'the range does not lie apart from the one before');
    }
  }
  return added(ranges.map((range) => range.count)) === documents
    ? undefined
    : fault(`${place}/count`, 'the ranges do not add up to it');
}

function amountsFault(
  place: string,
  documents: number,
  { totals, taxes }: Pick<CloseCertificate, 'totals' | 'taxes'>,
): Fault | undefined {
  for (const [index, { currency, net, tax, gross, rounding, payable }] of totals.entries()) {
    const at = `${place}/totals/${index}`;
    if (totals.findIndex((other) => other.currency === currency) !== index) {
      return fault(`${at}/currency`, 'is there twice');
    }
    const groups = taxes.filter((group) => group.currency === currency).map((group) => decimal(group.amount));
    if (!sum(groups).equals(decimal(tax))) return fault(`${at}/tax`, 'the tax groups do not add up to it');
    if (!plus(decimal(net), decimal(tax)).equals(decimal(gross))) return fault(`${at}/gross`, 'is not net and tax');
    if (!plus(decimal(gross), decimal(rounding)).equals(decimal(payable))) {
      return fault(`${at}/payable`, 'is not gross and rounding');
    }
  }
  const stray = taxes.findIndex(({ currency }) => !totals.some((each) => each.currency === currency));
  if (stray >= 0) return fault(`${place}/taxes/${stray}/currency`, 'no document is in that currency');
  return added(totals.map((each) => each.documents)) === documents
    ? undefined
    : fault(`${place}/totals`, 'the documents by currency do not add up to the documents');
}

function signatureFault({ certificate, signature }: SignedCertificate, trusted: readonly string[]): Fault | undefined {
  const { public_key: pem, key_id: id, value } = signature;
  let key: PublicKey;
  try {
    key = readPublicKey(pem);
  } catch {
    return { pointer: '/signature/public_key', message: 'is not a public key in PEM' };
  }
  if (!key.isEd25519 || key.pem !== pem) {
    return { pointer: '/signature/public_key', message: 'is not an Ed25519 key in the form it was published in' };
  }
  if (key.id !== id) return { pointer: '/signature/key_id', message: 'is not the sha256 of the public key' };
  if (trusted.length > 0 && !trusted.includes(id)) {
    return { pointer: '/signature/key_id', message: `was signed with the key ${id}, not with one that was given` };
  }
  const bytes = bytesIn(value);
  if (!bytes || !key.verify(canonicalJson(certificate), bytes)) {
    return {
      pointer: '/signature/value',
      message: 'the signature is not by that key over this certificate: it was changed',
    };
  }
  return undefined;
}

function chainFault(earlier: CheckedCertificate, later: CheckedCertificate): Fault | undefined {
  const [before, after] = [earlier.certificate, later.certificate];
  if (after.close.id !== before.close.id) {
    return fault('/close/id', `is another close than that of ${earlier.name}; check each close by itself`);
  }
  if (after.revision !== before.revision + 1) {
    return fault(
      '/revision',
      `revision ${before.revision} (${earlier.name}) is not the one before; give all in between`,
    );
  }
  return after.previous_sha256 === earlier.sha256
    ? undefined
    : fault('/previous_sha256', `is not the sha256 of revision ${before.revision} (${earlier.name})`);
}

function fault(pointer: string, message: string): Fault {
  return { pointer: `/certificate${pointer}`, message };
}

function added(counts: readonly number[]): number {
  return counts.reduce((total, each) => total + each, 0);
}

/** What all numbers of a series begin with. */
function seriesOf(number: string): string {
  return number.replace(/\d+$/, '');
}

/** The digits at the end: a document number is `{prefix}-{year}-{sequence}`, parted by dashes or slashes. */
function sequenceIn(number: string): number {
  return Number.parseInt(/[-/](\d+)$/.exec(number)?.[1] ?? '', 10);
}

/** What a text in base64 stands for; undefined where it is not in the one form that these bytes are written in. */
function bytesIn(base64: string): Uint8Array | undefined {
  try {
    const letters = atob(base64);
    return btoa(letters) === base64 ? Uint8Array.from(letters, (letter) => letter.charCodeAt(0)) : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 6901. */
function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
