import type { CloseAccountState } from '#billing';
import type { CertificateFacts, CertifiedDocuments } from '#proof';
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { recordAudit } from '../ground/audit.js';
import {
  certifiedBeside,
  issuedBy,
  sealedDocuments,
  sealedEmpties,
  sealedWithInputs,
} from '../documents/close-documents.js';
import { type Database, PersistenceError, stamp, transaction, type Transaction } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import { monthOf } from '../ledger/ledger.js';
import { DocumentAltered, unaltered, unalteredEmpty, unalteredInputs } from '../documents/sealed-documents.js';
import { openSecret, sealSecret, type SecretKey } from '../ground/secrets.js';
import { CertifiedUsage } from './certified-usage.js';

/** What certificates are signed with. Keys are PEM: SPKI and PKCS #8. */
export interface SigningKey {
  /** sha256 over the public key's DER, hexadecimal. */
  readonly id: string;
  readonly publicKey: string;
  readonly privateKey: string;
}

/** A public key as it is served to auditors. */
export interface CertificateKey {
  readonly id: string;
  readonly algorithm: 'Ed25519';
  readonly public_key: string;
  readonly created_at: string;
  readonly retired_at: string | null;
}

/**
 * The key pair in use; made now when there is none. Processes that make one at once end up with the same.
 *
 * @throws PersistenceError `secret_does_not_open` when METERLINE_SECRET_KEY is not the one it was sealed with
 */
export async function signingKey(database: Database | Transaction, secretKey: SecretKey): Promise<SigningKey> {
  const key = (await keyInUse(database)) ?? (await makeKey(database, secretKey));
  return { ...key, privateKey: openSecret(secretKey, key.privateKey, sealingContext(key.id)) };
}

interface StoredKey {
  id: string;
  publicKey: string;
  privateKey: Uint8Array;
}

/** Locked for the rest of a transaction: a key is not retired while something is being signed with it. */
async function keyInUse(database: Database | Transaction): Promise<StoredKey | undefined> {
  const [key] = await database.$queryRaw<StoredKey[]>`
    SELECT id, public_key AS "publicKey", private_key AS "privateKey" FROM certificate_key
     WHERE retired_at IS NULL FOR SHARE`;
  return key;
}

async function makeKey(database: Database | Transaction, secretKey: SecretKey): Promise<StoredKey> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const id = createHash('sha256')
    .update(createPublicKey(publicKey).export({ type: 'spki', format: 'der' }))
    .digest('hex');
  const sealed = sealSecret(secretKey, privateKey, sealingContext(id));
  await database.$executeRaw`
    INSERT INTO certificate_key (id, public_key, private_key)
    VALUES (${id}, ${publicKey}, ${sealed}) ON CONFLICT DO NOTHING`;
  const key = await keyInUse(database);
  if (!key) throw new PersistenceError('certificate_key_missing', 'a certificate key could not be read back', true);
  return key;
}

function sealingContext(keyId: string): string {
  return `certificate-key ${keyId}`;
}

/** Every public key that ever signed a certificate here, oldest first. */
export async function listCertificateKeys(database: Database | Transaction): Promise<CertificateKey[]> {
  return database.$queryRaw`
    SELECT id, 'Ed25519' AS algorithm, public_key, ${stamp('created_at')} AS created_at,
           ${stamp('retired_at')} AS retired_at
      FROM certificate_key ORDER BY certificate_key.created_at, id`;
}

/** One key after another. */
export interface Rotation {
  /** Null: there was none in use. */
  readonly retired: CertificateKey | null;
  readonly in_use: CertificateKey;
}

/**
 * Retires the key in use for ever and makes the next, in one transaction with its audit event. A certificate that is being
 * signed is waited for; what was signed is checked with the retired public key as before. Needs nothing of the retired
 * key, so it also serves when METERLINE_SECRET_KEY, with which that was sealed, is lost: hand in the new one.
 *
 * @param secretKey the next key is sealed with it
 */
export async function rotateCertificateKey(
  database: Database,
  secretKey: SecretKey,
  { actor, reason }: { actor: string; reason: string },
): Promise<Rotation> {
  return transaction(database, async (tx) => {
    // Of two who ask at once the second retires the first one's key, as if they had asked one after the other.
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('certificate_key', 0))`;
    const [retired] = await tx.$queryRaw<{ id: string }[]>`
      UPDATE certificate_key SET retired_at = clock_timestamp() WHERE retired_at IS NULL RETURNING id`;
    const { id } = await makeKey(tx, secretKey);
    await recordAudit(tx, {
      sellerId: null,
      actor,
      action: 'certificate_key.rotated',
      subject: `certificate_key:${id}`,
      data: { retired: retired?.id ?? null, reason },
    });
    const keys = await listCertificateKeys(tx);
    const inUse = keys.find((key) => key.id === id);
    if (!inUse) throw new PersistenceError('certificate_key_missing', 'a certificate key could not be read back', true);
    return { retired: keys.find((key) => key.id === retired?.id) ?? null, in_use: inUse };
  });
}

/**
 * Takes the notes of a close off the list of those that are on no certificate. Those, and those before, are what
 * `certificateFacts` of the same transaction reads, in every statement: one that comes in between is on the list.
 */
export async function takeUncertified(tx: Transaction, closeId: string): Promise<void> {
  await tx.$executeRaw`DELETE FROM invoice_uncertified WHERE close_id = ${closeId}::uuid`;
}

/**
 * Reads how a close stands, on a transaction that has its row locked: nothing of it moves meanwhile.
 *
 * @throws DocumentAltered when a document or note, or what one was computed from, is not as it was issued
 */
export async function certificateFacts(tx: Transaction, closeId: string): Promise<CertificateFacts> {
  const [close] = await tx.$queryRaw<CloseRow[]>`
    SELECT c.id, s.code AS seller, s.name AS seller_name, c.period_label AS label, ${stamp('lower(c.period)')} AS start,
           ${stamp('upper(c.period)')} AS "end", c.kind, c.issue, ${stamp('c.created_at')} AS opened_at,
           CASE WHEN EXISTS (SELECT FROM close_certificate p
                              WHERE p.close_id = c.id AND p.issued_at >= date_trunc('second', c.finished_at))
                THEN ${stamp('clock_timestamp()')} ELSE ${stamp('c.finished_at')} END AS certified_at
      FROM close c JOIN seller s ON s.id = c.seller_id WHERE c.id = ${closeId}::uuid`;
  if (!close) throw new PersistenceError('unknown_close', 'there is no such close', false);
  const states = await tx.$queryRaw<{ state: CloseAccountState; count: number }[]>`
    SELECT state, count(*)::int AS count FROM close_account WHERE close_id = ${closeId}::uuid GROUP BY state`;
  const holds = await tx.$queryRaw<CertificateFacts['holds']>`
    SELECT a.id AS account, a.external_id, c.state, c.reason_code AS code, c.reason_message AS message
      FROM close_account c JOIN account a ON a.id = c.account_id
     WHERE c.close_id = ${closeId}::uuid AND c.state IN ('held', 'failed') ORDER BY a.id`;
  const waivers = await tx.$queryRaw<CertificateFacts['waivers']>`
    SELECT a.id AS account, a.external_id, w.code, w.message, w.reason, w.actor, ${stamp('w.at')} AS at
      FROM close_waiver w JOIN account a ON a.id = w.account_id
     WHERE w.close_id = ${closeId}::uuid ORDER BY w.at, w.id`;
  const [own, beside] = [issuedBy(closeId), certifiedBeside(closeId)];
  // What is summed up below is the columns; no certificate is to say that an altered document is as it was issued.
  const usage = new CertifiedUsage(tx, monthOf(close.label));
  for await (const { inputs, accountId, isPresent, ...document } of sealedWithInputs(tx, closeId)) {
    const kept = unalteredInputs(unaltered(document), inputs);
    if (isPresent) await usage.add(accountId, kept?.usage ?? []);
  }
  for await (const document of sealedDocuments(tx, beside)) unaltered(document);
  for await (const empty of sealedEmpties(tx, Prisma.sql`e.close_id = ${closeId}::uuid`)) {
    const kept = unalteredEmpty(empty);
    if (empty.isPresent) await usage.add(empty.accountId, kept.usage ?? []);
  }
  const documents = await readDocuments(tx, own);
  const notes = await readDocuments(tx, beside);
  const [replaced] = await tx.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM invoice i
     WHERE ${own} AND NOT EXISTS (SELECT FROM close_account a
                                   WHERE a.close_id = i.close_id AND a.account_id = i.account_id AND a.invoice_id = i.id)`;
  const voids = await tx.$queryRaw<CertificateFacts['voids']>`
    SELECT a.id AS account, a.external_id, v.document, v.note, v.reason, v.actor, ${stamp('v.at')} AS at
      FROM (SELECT i.account_id, original.number AS document, i.number AS note, k.reason, k.decided_by AS actor,
                   k.decided_at AS at, i.sequence, i.id
              FROM invoice i
              JOIN correction k ON k.invoice_id = i.id AND k.cause = 'void'
              JOIN invoice original ON original.id = k.original_id
             WHERE ${beside}
            UNION ALL
            SELECT i.account_id, i.number, NULL, e.data->>'reason', e.data->>'actor', e.at, i.sequence, i.id
              FROM invoice i
              JOIN invoice_event e ON e.invoice_id = i.id AND e.type = 'voided' AND e.data->>'invoice' IS NULL
             WHERE ${own} AND i.document->>'corrects' IS NULL
               AND NOT EXISTS (SELECT FROM invoice_uncertified u WHERE u.invoice_id = i.id)) AS v
      JOIN account a ON a.id = v.account_id
     ORDER BY v.at, v.note IS NOT NULL, v.sequence, v.id`;
  const [previous] = await tx.$queryRaw<{ revision: number; sha256: string }[]>`
    SELECT revision, sha256 FROM close_certificate WHERE close_id = ${closeId}::uuid ORDER BY revision DESC LIMIT 1`;
  const { label, start, end, certified_at, ...rest } = close;
  return {
    close: { ...rest, period: { label, start, end } },
    certified_at,
    states: Object.fromEntries(states.map(({ state, count }) => [state, count])),
    holds,
    waivers,
    documents,
    notes,
    voids,
    replaced: replaced?.count ?? 0,
    ...(await readOrigins(tx, [own, beside])),
    usage: await usage.total(),
    previous,
  };
}

type CloseRow = Omit<CertificateFacts['close'], 'period'> & {
  label: string;
  start: string;
  end: string;
  certified_at: string;
};

/** @param which a condition on `invoice i` */
async function readDocuments(tx: Transaction, which: Prisma.Sql): Promise<CertifiedDocuments> {
  const ranges = await tx.$queryRaw<CertifiedDocuments['ranges']>`
    SELECT kind, fiscal_year, min(sequence)::int AS first_sequence, max(sequence)::int AS last_sequence,
           min(number) FILTER (WHERE is_first) AS first, min(number) FILTER (WHERE is_last) AS last, count(*)::int AS count
      FROM (SELECT kind, fiscal_year, letters, sequence, number, run,
                   sequence = min(sequence) OVER (PARTITION BY kind, fiscal_year, letters, run) AS is_first,
                   sequence = max(sequence) OVER (PARTITION BY kind, fiscal_year, letters, run) AS is_last
              FROM (SELECT kind, fiscal_year, letters, sequence, number,
                           sequence - row_number() OVER (PARTITION BY kind, fiscal_year, letters ORDER BY sequence) AS run
                      FROM invoice i CROSS JOIN LATERAL (SELECT regexp_replace(number, '[0-9]+$', '') AS letters) AS l
                     WHERE ${which}) AS numbered) AS runs
     GROUP BY kind, fiscal_year, letters, run ORDER BY kind, fiscal_year, first_sequence`;
  const [hashed] = await tx.$queryRaw<{ sha256: string }[]>`
    SELECT encode(sha256(convert_to(coalesce(string_agg(number || ' ' || document_sha256 || E'\n', ''
                                                        ORDER BY kind, fiscal_year, sequence), ''), 'UTF8')), 'hex') AS sha256
      FROM invoice i WHERE ${which}`;
  const totals = await tx.$queryRaw<CertifiedDocuments['totals']>`
    SELECT currency, count(*)::int AS documents, sum(net)::text AS net, sum(tax)::text AS tax, sum(gross)::text AS gross,
           sum(rounding)::text AS rounding, sum(payable)::text AS payable
      FROM invoice i WHERE ${which} GROUP BY currency ORDER BY currency`;
  const taxes = await tx.$queryRaw<CertifiedDocuments['taxes']>`
    SELECT i.currency, t.name, t.category, trim_scale(t.rate)::text AS rate, sum(t.base)::text AS base,
           sum(t.amount)::text AS amount
      FROM invoice i
     CROSS JOIN LATERAL jsonb_to_recordset(i.document->'taxes')
                     AS t (name text, category text, rate numeric, base numeric, amount numeric)
     WHERE ${which}
     GROUP BY i.currency, t.name, t.category, trim_scale(t.rate) ORDER BY i.currency, t.name, t.category, trim_scale(t.rate)`;
  return { ranges, sha256: hashed?.sha256 ?? '', totals, taxes };
}

/** @param which conditions on `invoice i` of which a document fulfils one */
async function readOrigins(
  tx: Transaction,
  which: readonly Prisma.Sql[],
): Promise<Pick<CertificateFacts, 'plans' | 'dialects'>> {
  const documents = Prisma.join(
    which.map((condition) => Prisma.sql`SELECT i.document FROM invoice i WHERE ${condition}`),
    ' UNION ALL ',
  );
  const plans = await tx.$queryRaw<CertificateFacts['plans']>`
    SELECT DISTINCT plan->>'code' AS code, (plan->>'version')::int AS version, plan->>'sha256' AS sha256
      FROM (${documents}) AS i CROSS JOIN LATERAL jsonb_path_query(i.document, '$.lines[*].derivation.plan') AS plan
     WHERE plan <> 'null' ORDER BY 1, 2, 3`;
  const dialects = await tx.$queryRaw<{ sha256: string }[]>`
    SELECT DISTINCT document->>'dialect_sha256' AS sha256 FROM (${documents}) AS i
     WHERE document->>'dialect_sha256' IS NOT NULL ORDER BY 1`;
  return { plans, dialects: dialects.map(({ sha256 }) => sha256) };
}

/** Finished closes with notes that are on no certificate for so long: a minute's notes make one revision. */
export async function uncertifiedCloses(database: Database, idleSeconds: number): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT c.id FROM close c
     WHERE c.state = 'finished'
       AND c.id IN (SELECT close_id FROM invoice_uncertified GROUP BY close_id
                    HAVING min(at) <= clock_timestamp() - make_interval(secs => ${idleSeconds}))
     ORDER BY c.id FOR UPDATE OF c SKIP LOCKED`;
  return rows.map(({ id }) => id);
}

/**
 * Certifies a finished close anew when there are notes that none of its certificates has. Of several who do so at once one
 * does. While a close runs nothing is done: it will be certified when it finishes, notes included.
 */
export async function certifyNotes(
  database: Database,
  closeId: string,
  certify: (tx: Transaction) => Promise<void>,
): Promise<void> {
  await transaction(database, async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM close WHERE id = ${closeId}::uuid FOR UPDATE`;
    const [row] = await tx.$queryRaw<{ due: boolean }[]>`
      SELECT EXISTS (SELECT FROM invoice_uncertified u JOIN close c ON c.id = u.close_id
                      WHERE c.id = ${closeId}::uuid AND c.state = 'finished') AS due`;
    if (row?.due) await certify(tx);
  });
}

/** One revision as it was signed. */
export interface StoredCertificate {
  readonly revision: number;
  /** Over `document`. */
  readonly sha256: string;
  /** Canonical JSON. */
  readonly document: string;
}

/** Keeps the next revision of a close's certificate. `document` is canonical JSON, signed with the key of `keyId`. */
export async function keepCertificate(
  tx: Transaction,
  closeId: string,
  certificate: StoredCertificate & { previousSha256: string | null; keyId: string; issuedAt: string },
): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO close_certificate (close_id, revision, sha256, previous_sha256, key_id, document, issued_at)
    VALUES (${closeId}::uuid, ${certificate.revision}, ${certificate.sha256}, ${certificate.previousSha256},
            ${certificate.keyId}, ${certificate.document}, ${certificate.issuedAt}::timestamptz)`;
}

/**
 * A revision of a close's certificate, by default the latest; undefined when there is none.
 *
 * @throws DocumentAltered when it is not as it was signed
 */
export async function findCertificate(
  database: Database | Transaction,
  closeId: string,
  revision?: number,
): Promise<StoredCertificate | undefined> {
  const [certificate] = await database.$queryRaw<StoredCertificate[]>`
    SELECT revision, sha256, document FROM close_certificate
     WHERE close_id = ${closeId}::uuid AND (${revision ?? null}::int IS NULL OR revision = ${revision ?? null}::int)
     ORDER BY revision DESC LIMIT 1`;
  if (certificate && createHash('sha256').update(certificate.document).digest('hex') !== certificate.sha256) {
    const name = `revision ${certificate.revision}`;
    throw new DocumentAltered({ subject: `close:${closeId}`, part: 'certificate', name });
  }
  return certificate;
}
