import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { AskedEdit } from '#close';
import type { Database } from '#persistence';
import { type DraftEditView, listCloseAccounts, listDraftEdits } from '#persistence/closes';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { amount, decimalText, id, pathId, stamp, text } from '../contract.js';
import { Documented } from '../documented.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { accepted, found } from '../problems/problem.js';

const TAX_CATEGORY = z.enum(['S', 'Z', 'E', 'AE', 'K', 'G', 'O']);

const newEdit = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('line'),
        amount: decimalText
          .refine((value) => /[1-9]/.test(value), 'must not be 0')
          .meta({ description: 'Net: below 0 a credit, above 0 a charge.' }),
        reason: text(500).meta({ description: 'Printed, as the description of the line.' }),
        tax: text(40)
          .nullable()
          .default(null)
          .meta({ description: 'The name of the tax of the account that it bears.' }),
        tax_category: TAX_CATEGORY.nullable().default(null),
      })
      .refine(({ tax, tax_category }) => tax === null || tax_category === null, {
        path: ['tax_category'],
        error: 'must be left out where the tax is named',
      }),
    z.strictObject({ kind: z.literal('note'), text: text(1_000).meta({ description: 'Printed under the totals.' }) }),
    z.strictObject({
      kind: z.literal('leave_out'),
      position: z.int().min(1).meta({ description: 'Of the line on the draft as it is now.' }),
      reason: text(500).meta({ description: 'For the evidence and the audit.' }),
    }),
  ])
  .meta({ id: 'NewDraftEdit' });

const edit = z
  .object({
    id,
    kind: z.enum(['line', 'note', 'leave_out']),
    amount: amount.optional(),
    reason: z.string().optional(),
    tax: z.string().nullable().optional(),
    taxCategory: z.string().nullable().optional(),
    text: z.string().optional(),
    line: z.string().optional().meta({ description: 'What identifies the line that is left out.' }),
    description: z.string().optional().meta({ description: 'What that line says.' }),
    by: z.string(),
    at: stamp,
    withdrawn_by: z.string().nullable(),
    withdrawn_at: stamp.nullable(),
  })
  .meta({
    id: 'DraftEdit',
    description: 'What an operator did to a draft in review; it is in the evidence of the document.',
  });

const REFUSED =
  '`not_in_review`: not drafted, released, or of a dry run or a close of corrections; `inputs_changed`: retry the account ' +
  'first; `draft_would_be_held`; `nothing_left_to_bill`';

@ApiTags('closes')
@Controller('v1/closes/:id/accounts/:account/edits')
export class DraftEditsController {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOSES) private readonly closes: CloseCommands,
  ) {}

  @Get()
  @Access('read')
  @Documented(
    'List what operators did to the draft of an account, withdrawn edits too',
    { 200: z.object({ data: z.array(edit) }) },
    { 404: '`not_found`' },
  )
  async list(
    @Param('id', pathId) closeId: string,
    @Param('account', pathId) accountId: string,
  ): Promise<{ data: DraftEditView[] }> {
    const [account] = await listCloseAccounts(this.database, closeId, { account: accountId, limit: 1 });
    found(account, 'such account in that close');
    return { data: await listDraftEdits(this.database, { closeId, accountId }) };
  }

  @Post()
  @HttpCode(201)
  @Access('close')
  @Documented(
    'Add a line or a note to a draft in review, or leave a line of the plan out; the draft is drawn up anew at once',
    { 201: edit },
    {
      404: '`close_account_not_found`',
      409: `${REFUSED}; \`too_many_edits\``,
      422: '`invalid_request`; `line_not_found`; `too_many_decimals`: of the currency',
    },
  )
  async add(
    @Param('id', pathId) closeId: string,
    @Param('account', pathId) accountId: string,
    @Body({ schema: newEdit }) body: z.output<typeof newEdit>,
    @From() { actor }: Caller,
  ): Promise<DraftEditView> {
    return accepted(await this.closes.reviews.edit({ closeId, accountId }, askedBy(body), actor));
  }

  @Post(':edit/withdraw')
  @HttpCode(200)
  @Access('close')
  @Documented(
    'Take an edit of a draft in review back; the draft is drawn up anew at once',
    { 200: edit },
    { 404: '`close_account_not_found`, `draft_edit_not_found`', 409: `${REFUSED}; \`draft_edit_withdrawn\`` },
  )
  async withdraw(
    @Param('id', pathId) closeId: string,
    @Param('account', pathId) accountId: string,
    @Param('edit', pathId) editId: string,
    @From() { actor }: Caller,
  ): Promise<DraftEditView> {
    return accepted(await this.closes.reviews.withdraw({ closeId, accountId }, editId, actor));
  }
}

function askedBy(body: z.output<typeof newEdit>): AskedEdit {
  if (body.kind !== 'line') return body;
  const { tax_category: taxCategory, ...line } = body;
  return { ...line, taxCategory };
}
