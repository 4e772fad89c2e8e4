import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Catalogue, type Page, pageOf as cut, uuidAfter } from '#persistence';
import { type CorrectionView, dismissCorrection, findCorrection, listCorrections } from '#persistence/closes';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { code, id, listQuery, pageOf, pathId, stamp, text } from '../contract.js';
import { Documented } from '../documented.js';
import { documentKind, documentLine } from '../invoices/invoices.controller.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { accepted, found } from '../problems/problem.js';
import { totals } from '../rating/rated-line.js';

const state = z.enum(['proposed', 'issued', 'dismissed', 'superseded']);

const correction = z
  .object({
    id,
    seller: code,
    account: id,
    period: z.object({ label: z.string(), start: stamp, end: stamp }),
    state,
    cause: z.enum(['usage', 'void', 'credit', 'adjustment']).meta({
      description:
        'A confirming pull brought other usage, the documents of the period were voided, a part of them was credited by hand, or an ' +
        'adjustment was noted at once.',
    }),
    kind: documentKind,
    corrects: z.object({ id, number: z.string() }).meta({ description: 'The document that billed the period.' }),
    currency: z.string(),
    lines: z.array(documentLine),
    ...totals,
    automatic: z.boolean().meta({ description: 'Proposed to be issued without an operator.' }),
    invoice: id.nullable().meta({ description: 'The note it was issued as.' }),
    reason: z
      .string()
      .nullable()
      .meta({ description: 'Why it was dismissed, or why the documents were voided or a part of them credited.' }),
    decided_by: z.string().nullable(),
    decided_at: stamp.nullable(),
    created_at: stamp,
  })
  .meta({
    id: 'Correction',
    description: 'What is added to the documents of an account and period. Amounts are signed.',
  });

const query = z.strictObject({
  account: id.optional(),
  seller: code.optional(),
  period: text(40).optional(),
  state: state.optional(),
  ...listQuery,
});

const dismissal = z.strictObject({ reason: text(500) }).meta({ id: 'Dismissal' });

const DECIDED = '`correction_not_open`: it is issued, dismissed or superseded';

@ApiTags('corrections')
@Controller('v1/corrections')
export class CorrectionsController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(CLOSES) private readonly closes: CloseCommands,
  ) {}

  @Get()
  @Access('read')
  @Documented('List corrections in the order in which they were proposed', { 200: pageOf(correction) })
  async list(@Query({ schema: query }) page: z.output<typeof query>): Promise<Page<CorrectionView>> {
    const { limit, account, seller, period, state } = page;
    const after = uuidAfter(page);
    const rows = await listCorrections(this.database, { account, seller, period, state, after, limit: limit + 1 });
    return cut(
      rows,
      limit,
      (row) => row.id,
      (row) => row,
    );
  }

  @Get(':id')
  @Access('read')
  @Documented('Read a correction', { 200: correction }, { 404: '`not_found`' })
  async read(@Param('id', pathId) correctionId: string): Promise<CorrectionView> {
    return found(await findCorrection(this.database, correctionId), 'correction of that id');
  }

  @Post(':id/issue')
  @HttpCode(200)
  @Access('close')
  @Documented(
    'Issue a proposed correction as the next note of its series, once',
    { 200: correction },
    {
      404: '`correction_not_found`',
      409:
        `${DECIDED}; \`correction_superseded\`: usage or documents have changed since it was proposed; ` +
        '`document_unprintable`: a text that is on no document of the period has characters that cannot be printed',
    },
  )
  async issue(@Param('id', pathId) correctionId: string, @From() caller: Caller): Promise<CorrectionView> {
    accepted(await this.closes.corrections.issue(correctionId, caller.actor));
    return this.read(correctionId);
  }

  @Post(':id/dismiss')
  @HttpCode(200)
  @Access('close')
  @Documented(
    'Decide that a proposed correction is not issued; the same usage will not be proposed again',
    { 200: correction },
    { 404: '`correction_not_found`', 409: DECIDED, 422: '`invalid_request`' },
  )
  async dismiss(
    @Param('id', pathId) correctionId: string,
    @Body({ schema: dismissal }) { reason }: z.output<typeof dismissal>,
    @From() caller: Caller,
  ): Promise<CorrectionView> {
    return accepted(await dismissCorrection(this.database, correctionId, { actor: caller.actor, reason }));
  }
}
