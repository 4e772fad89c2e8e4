import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type AuditEvent, type Catalogue, listAuditEvents, type Page } from '#persistence';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { code, id, listQuery, pageOf, stamp, text, withId } from '../contract.js';
import { Documented } from '../documented.js';
import { DATABASE } from '../ports.js';

const auditEvent = z
  .object({
    id,
    at: stamp,
    seller: code.nullable(),
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEvent' });

const instant = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 stamp such as "2026-10-01T00:00:00Z"' })
  .refine((text) => text >= '1900', 'must be a stamp from 1900 on');

const query = z.strictObject({
  seller: code.optional(),
  subject: withId(text()).optional().meta({ description: 'Such as `invoice:<id>`.' }),
  action: text(60).optional(),
  actor: withId(text(80)).optional(),
  from: instant.optional(),
  to: instant.optional().meta({ description: 'Exclusive.' }),
  ...listQuery,
});

@ApiTags('audit')
@Controller('v1/audit-events')
export class AuditEventsController {
  constructor(@Inject(DATABASE) private readonly database: Catalogue) {}

  @Get()
  @Access('audit')
  @Documented('List what was done, in the order in which it was done', { 200: pageOf(auditEvent) })
  list(@Query({ schema: query }) page: z.output<typeof query>): Promise<Page<AuditEvent>> {
    const { from, to, ...filter } = page;
    return listAuditEvents(
      this.database,
      {
        ...filter,
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
      },
      page,
    );
  }
}
