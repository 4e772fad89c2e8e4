import type { LocalDate } from '#calendar';
import * as Prisma from './prisma.js';

/** A change to some members: absent and undefined both mean unchanged. */
export type Changes<T> = { [Member in keyof T]?: T[Member] | undefined };

/** The members that are there. */
export function defined<T extends object>(members: T): { [Member in keyof T]: Exclude<T[Member], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Member in keyof T]: Exclude<T[Member], undefined>;
  };
}

/** A document as a jsonb column takes it; null is the JSON null. */
export function jsonColumn(value: object | null): Prisma.InputJsonObject | typeof Prisma.JsonNull {
  return value === null ? Prisma.JsonNull : (value as Prisma.InputJsonObject);
}

/** A local date as the driver writes a date column: UTC midnight, of which only the day is kept. */
export function dateColumn(date: LocalDate): Date {
  return new Date(`${date}T00:00:00Z`);
}

/** The local date that a date column holds. */
export function localDateOf(column: Date): LocalDate {
  return column.toISOString().slice(0, 10);
}
