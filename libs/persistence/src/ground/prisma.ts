import { createRequire } from 'node:module';
import type * as Utilities from '@prisma/client-runtime-utils';
import type { Prisma, PrismaClient } from '../generated/client.js';

/*
 * Prisma's templates of SQL, its values and its types without its client, which brings a compiler of queries: a process that
 * sends nothing but SQL does without those 30 MB. Required as the client itself requires them: it knows a template by its class.
 */
const utilities = createRequire(import.meta.url)('@prisma/client-runtime-utils') as typeof Utilities;

export const { sql, join, raw, empty, Decimal, JsonNull } = utilities;
export type Sql = Utilities.Sql;
export type { InputJsonObject, InputJsonValue, JsonValue } from '../generated/internal/prismaNamespace.js';

/** A database for processes that work on the catalogue too: `openCatalogue`. */
export type Catalogue = PrismaClient;
export type CatalogueTransaction = Prisma.TransactionClient;
