import { v7 as uuid } from 'uuid';
import type { Database, Transaction } from './database.js';
import type { Prisma } from './generated/client.js';
import { type Page, pageOf, type PageRequest, uuidAfter } from './page.js';

/** Something that was done, by whom, to what. Written in the transaction that does it. */
export interface AuditEntry {
  /** Id of the seller it concerns; null when it concerns none. */
  sellerId: string | null;
  /** `api_key:<id>`, or the part of the service that acted on its own. */
  actor: string;
  /** Noun and past participle: `account.created`, `invoice.downloaded`. */
  action: string;
  /** `<noun>:<id>`. */
  subject: string;
  /** What a reader needs to follow the change. Never a secret, never a subscriber's number. */
  data?: Prisma.InputJsonObject;
}

export interface AuditEvent {
  id: string;
  at: string;
  seller: string | null;
  actor: string;
  action: string;
  subject: string;
  data: Prisma.JsonValue;
}

export async function recordAudit(database: Database | Transaction, entry: AuditEntry): Promise<void> {
  await database.auditEvent.create({ data: { id: uuid(), data: {}, ...entry } });
}

/** Events in the order they were recorded. `from` and `to` are instants, `to` exclusive. */
export async function listAuditEvents(
  database: Database | Transaction,
  filter: {
    seller?: string | undefined;
    subject?: string | undefined;
    action?: string | undefined;
    actor?: string | undefined;
    from?: Date | undefined;
    to?: Date | undefined;
  },
  request: PageRequest,
): Promise<Page<AuditEvent>> {
  const { seller, subject, action, actor, from, to } = filter;
  const after = uuidAfter(request);
  const sellerId =
    seller === undefined ? undefined : (await database.seller.findUnique({ where: { code: seller } }))?.id;
  if (seller !== undefined && sellerId === undefined) return { data: [], next_cursor: null };
  const rows = await database.auditEvent.findMany({
    where: {
      ...(sellerId !== undefined && { sellerId }),
      ...(subject !== undefined && { subject }),
      ...(action !== undefined && { action }),
      ...(actor !== undefined && { actor }),
      at: { ...(from && { gte: from }), ...(to && { lt: to }) },
      ...(after !== undefined && { id: { gt: after } }),
    },
    orderBy: { id: 'asc' },
    take: request.limit + 1,
  });
  const codes = await database.seller.findMany({
    where: { id: { in: [...new Set(rows.flatMap((row) => row.sellerId ?? []))] } },
    select: { id: true, code: true },
  });
  const codeOf = new Map(codes.map(({ id, code }) => [id, code]));
  return pageOf(
    rows,
    request.limit,
    (row) => row.id,
    (row) => ({
      id: row.id,
      at: row.at.toISOString(),
      seller: row.sellerId === null ? null : (codeOf.get(row.sellerId) ?? null),
      actor: row.actor,
      action: row.action,
      subject: row.subject,
      data: row.data,
    }),
  );
}
