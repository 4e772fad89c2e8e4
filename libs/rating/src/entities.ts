import type { LocalDate } from '#calendar';
import { type ActiveEntity, type Dimension, type EntityRef, entityKey } from '#metering';
import { type DateRange, daysWithin, type Span } from './span.js';
import type { Filter } from './tariff-plan.js';

/** A registration: one entity over a range of local dates. The same entity may be registered again later. */
export interface RegisteredEntity {
  readonly dimension: Exclude<Dimension, 'account'>;
  readonly value: string;
  readonly name: string | null;
  readonly activeFrom: LocalDate;
  /** Exclusive; null = still active. */
  readonly activeUntil: LocalDate | null;
}

/** One entity with all its registrations. */
export interface KnownEntity {
  readonly ref: EntityRef;
  readonly name: string | null;
  readonly ranges: readonly DateRange[];
}

/** All registrations of an entity together, ordered by dimension and value so that the order of the input is irrelevant. */
export function knownEntities(registered: readonly RegisteredEntity[]): KnownEntity[] {
  const byKey = new Map<string, RegisteredEntity[]>();
  for (const entity of registered) {
    const key = entityKey(entity);
    const rows = byKey.get(key);
    if (rows) rows.push(entity);
    else byKey.set(key, [entity]);
  }
  return [...byKey.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, rows]) => {
      const byStart = [...rows].sort((a, b) => (a.activeFrom < b.activeFrom ? -1 : 1));
      const latest = byStart.at(-1);
      if (latest === undefined) return [];
      return [
        {
          ref: { dimension: latest.dimension, value: latest.value },
          name: latest.name,
          ranges: byStart.map(({ activeFrom, activeUntil }) => ({ startDate: activeFrom, endDate: activeUntil })),
        },
      ];
    });
}

/** An entity and the days of some span on which it is active. */
export interface PresentEntity extends KnownEntity {
  readonly days: readonly Span[];
}

/** Those active on at least one day of the span, of one dimension and of those a filter names, if there is one. */
export function presentIn(
  span: Span,
  entities: readonly KnownEntity[],
  of: { dimension: Dimension | 'any'; filter?: Filter | undefined },
  timeZone: string,
): PresentEntity[] {
  return presentOn(span, entities, timeZone)
    .filter(({ ref }) => of.dimension === 'any' || ref.dimension === of.dimension)
    .filter(({ ref }) => isNamed(ref, of.filter));
}

// Hundreds of charges ask who of thousands of entities is there on the same few spans.
const present = new WeakMap<readonly KnownEntity[], Map<string, PresentEntity[]>>();

function presentOn(span: Span, entities: readonly KnownEntity[], timeZone: string): PresentEntity[] {
  const spans = present.get(entities) ?? new Map<string, PresentEntity[]>();
  present.set(entities, spans);
  const key = `${span.start} ${span.end} ${timeZone}`;
  const known = spans.get(key);
  if (known) return known;
  const found = entities
    .map((entity) => ({ ...entity, days: daysWithin(span, entity.ranges, timeZone) }))
    .filter(({ days }) => days.length > 0);
  spans.set(key, found);
  return found;
}

export function toActiveEntity({ ref, name, days }: PresentEntity): ActiveEntity {
  return { ref, name, active: days.map(({ start, end }) => ({ start, end })) };
}

/** Every entity that is active on at least one day of the span, each once, with its days. */
export function activeEntities(span: Span, registered: readonly RegisteredEntity[], timeZone: string): ActiveEntity[] {
  return presentIn(span, knownEntities(registered), { dimension: 'any' }, timeZone).map(toActiveEntity);
}

function isNamed(ref: EntityRef, filter: Filter | undefined): boolean {
  if (filter === undefined) return true;
  return ref.dimension !== 'account' && namesIn(filter).has(entityKey(ref));
}

const namesOf = new WeakMap<Filter, ReadonlySet<string>>();

/** The entities that a filter names, by their keys. */
export function namesIn(filter: Filter): ReadonlySet<string> {
  const known = namesOf.get(filter);
  if (known) return known;
  const names = new Set(
    (['customer_site_id', 'msisdn', 'imsi'] as const).flatMap((dimension) =>
      (filter[dimension] ?? []).map((value) => entityKey({ dimension, value })),
    ),
  );
  namesOf.set(filter, names);
  return names;
}
