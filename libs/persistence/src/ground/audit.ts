import type { Database, Transaction } from './database.js';
import * as Prisma from './prisma.js';
import { also, indexed, type Page, pageOf, type PageRequest, uuidAfter, where } from './page.js';

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
  const { sellerId, actor, action, subject, data = {} } = entry;
  await database.$executeRaw`
    INSERT INTO audit_event (seller_id, actor, action, subject, data)
    VALUES (${sellerId}::uuid, ${actor}, ${action}, ${subject}, ${JSON.stringify(data)}::jsonb)`;
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
  const of = seller === undefined ? undefined : await sellerOfCode(database, seller);
  if (of === null) return { data: [], next_cursor: null };
  const limit = request.limit + 1;
  const by = {
    subject: subject === undefined ? undefined : { column: Prisma.sql`e.subject`, value: Prisma.sql`${subject}` },
    seller: of === undefined ? undefined : { column: Prisma.sql`e.seller_id`, value: Prisma.sql`${of}::uuid` },
    actor: actor === undefined ? undefined : { column: Prisma.sql`e.actor`, value: Prisma.sql`${actor}` },
    action: action === undefined ? undefined : { column: Prisma.sql`e.action`, value: Prisma.sql`${action}` },
  };
  // There is an index of each of these and of each two but the subject, in this order.
  const searched = (by.subject ? [by.subject] : [by.seller, by.actor, by.action])
    .filter((each) => each !== undefined)
    .slice(0, 2);
  const isInSpan = [
    from !== undefined && Prisma.sql`e.at >= ${from.toISOString()}::timestamptz`,
    to !== undefined && Prisma.sql`e.at < ${to.toISOString()}::timestamptz`,
  ];
  const events = (columns: typeof searched, bounds: { first?: string; last?: string }, ...placed: Prisma.Sql[]) => {
    const { first = '', last } = bounds;
    const part = indexed(columns, Prisma.sql`e.id`, {
      from: first !== '' && Prisma.sql`${first}::uuid`,
      after: after !== undefined && after >= first && Prisma.sql`${after}::uuid`,
      before: last !== undefined && Prisma.sql`${last}::uuid`,
    });
    const rest = Object.values(by)
      .filter((each) => each !== undefined)
      .filter((each) => !columns.includes(each))
      .map(({ column, value }) => also(Prisma.sql`${column} = ${value}`));
    return Prisma.sql`
      (SELECT * FROM audit_event e ${where(...part.conditions, ...rest, ...isInSpan, ...placed)}
        ORDER BY ${part.order} LIMIT ${limit})`;
  };
  const span = {
    ...(from && { first: idAt(from.getTime() - ID_TELLS_TIME_TO_MS) }),
    ...(to && { last: idAt(to.getTime() + ID_TELLS_TIME_TO_MS + 1) }),
  };
  const source =
    from === undefined && to === undefined
      ? events(searched, {})
      : Prisma.sql`(${events(searched, span, Prisma.sql`event_id_tells_time(e.id, e.at)`)} UNION ALL
                    ${events([], {}, Prisma.sql`NOT event_id_tells_time(e.id, e.at)`)})`;
  const rows = await database.$queryRaw<(Omit<AuditEvent, 'at'> & { at: Date })[]>`
    SELECT id, at, (SELECT code FROM seller WHERE seller.id = e.seller_id) AS seller, actor, action, subject, data
      FROM ${source} AS e ORDER BY e.id LIMIT ${limit}`;
  return pageOf(
    rows,
    request.limit,
    (row) => row.id,
    (row) => ({ ...row, at: row.at.toISOString() }),
  );
}

async function sellerOfCode(database: Database | Transaction, code: string): Promise<string | null> {
  const [seller] = await database.$queryRaw<{ id: string }[]>`SELECT id FROM seller WHERE code = ${code}`;
  return seller?.id ?? null;
}

/**
 * How far the time that an event's id begins with is from the event's, at most. Of those where it is further, which the
 * database did not stamp, event_id_tells_time says so, and there is an index of them.
 */
const ID_TELLS_TIME_TO_MS = 1000;

/** The lowest id of a millisecond: the first 48 bits of an id of version 7 count them since 1970 (RFC 9562, 5.7). */
function idAt(ms: number): string {
  const hex = Math.max(ms, 0).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
