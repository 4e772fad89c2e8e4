import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import {
  ACCOUNT_STATES,
  CLOSE_STATES,
  type MonthOnMonth,
  REMEDY_WHILE_WAITING,
  remedyOf,
  withAlternatives,
} from '#billing';
import { monthOnMonth } from '#close';
import { type Catalogue, type Page, pageOf as cut, uuidAfter } from '#persistence';
import {
  accountsOfClose,
  type CloseAccountView,
  type CloseView,
  findClose,
  listCloseAccounts,
  listCloses,
  loadCloseWork,
} from '#persistence/closes';
import type { RatedLine } from '#rating';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { amount, code, id, listQuery, month, notice, pageOf, pathId, stamp, text } from '../contract.js';
import { Streams } from '../access/limits.js';
import { GrowsWithAccount } from '../bounded-reads.interceptor.js';
import { Documented } from '../documented.js';
import { Drain } from '../health/drain.js';
import { documentLine } from '../invoices/invoices.controller.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { accepted, found, problemOf } from '../problems/problem.js';
import { sendProgress, SharedReads } from './progress.js';

const kind = z.enum(['regular', 'correction']);
const issue = z.enum(['after_review', 'automatic']);
const accountState = z.enum(ACCOUNT_STATES);

const closeRequest = z
  .strictObject({
    seller: code,
    period: month,
    kind: kind.default('regular'),
    accounts: z.array(id).min(1).max(100_000).optional().meta({ description: 'Default: all that are eligible.' }),
    dry_run: z.boolean().default(false),
    issue: issue.default('after_review'),
  })
  .meta({ id: 'CloseRequest' });

const someAccounts = z
  .strictObject({ accounts: z.array(id).min(1).max(100_000).optional() })
  .meta({ id: 'SomeAccounts', description: 'Default: all.' });

const series = {
  needed: z.int().meta({ description: 'One for each entity and metric.' }),
  pulled: z.int().meta({ description: 'Answered by the report API.' }),
  kept: z.int().meta({ description: 'Of these, kept in the ledger.' }),
};

const totals = { currency: z.string(), net: amount, tax: amount, gross: amount };

const countedNotice = notice
  .extend({ count: z.int().meta({ description: 'How many accounts, or documents, it is about.' }) })
  .meta({ id: 'CountedNotice' });

const close = z
  .object({
    id,
    seller: code,
    period: z.object({ start: stamp, end: stamp, label: z.string() }),
    kind,
    dry_run: z.boolean(),
    issue,
    state: z.enum(CLOSE_STATES).meta({
      description: 'A close with accounts that are `waiting` is not finished: it goes on `running`.',
    }),
    counts: z.object({
      pending: z.int(),
      pulling: z.int(),
      rated: z.int(),
      waiting: z.int().meta({ description: 'Stopped by what passes by itself: the service tries them again.' }),
      drafted: z.int(),
      issued: z.int(),
      empty: z.int(),
      held: z.int(),
      failed: z.int(),
    }),
    progress: z.object({
      done: z.int(),
      total: z.int(),
      rate_per_minute: z.number().nullable().meta({ description: 'Over the last five minutes; null when it rests.' }),
      eta: stamp.nullable().meta({ description: 'Null when it cannot be said, as while accounts wait.' }),
      next_try_at: stamp
        .nullable()
        .meta({ description: 'When the first of the waiting accounts is tried again; null when none waits.' }),
      series: z.object(series).nullable().meta({
        description: 'Series of usage of the accounts that workers are billing now; null when none is known.',
      }),
      seen_at: stamp
        .nullable()
        .meta({ description: 'When a worker that bills an account gave its last sign of life.' }),
    }),
    holds: z.array(z.object({ code: z.string(), count: z.int() })),
    waits: z
      .array(z.object({ code: z.string(), count: z.int() }))
      .meta({ description: 'What waiting accounts wait for.' }),
    totals: z.array(z.object(totals)),
    warnings: z
      .array(countedNotice)
      .meta({ description: 'What is about the report API, or about the close as a whole: each once.' }),
    created_at: stamp,
    finished_at: stamp.nullable(),
  })
  .meta({ id: 'Close' });

const chargeTotal = z
  .object({
    quantity: z.string().nullable().meta({
      description: 'Null where lines do not add up: several units, or levels of several sites or parts of the month.',
    }),
    unit: z.string().nullable(),
    amount,
  })
  .meta({ id: 'ChargeTotal', description: 'What a charge came to in one month, over all its lines.' });

const chargeChange = z
  .object({
    charge: z.string(),
    description: z.string(),
    change: z.enum(['new', 'gone', 'changed', 'same']),
    current: chargeTotal.nullable().meta({ description: 'Null when it is gone.' }),
    previous: chargeTotal.nullable().meta({ description: 'Null when it is new.' }),
    difference: z.object({ quantity: z.string().nullable(), amount }).meta({ description: 'Current less previous.' }),
  })
  .meta({ id: 'ChargeChange' });

const holdReason = notice
  .extend({ way_out: z.string().meta({ description: 'What can be done about it, and whether it may be waived.' }) })
  .meta({ id: 'HoldReason' });

const closeAccount = z
  .object({
    account: id,
    external_id: z.string(),
    name: z.string(),
    state: accountState,
    reason: holdReason.nullable().meta({ description: 'Why it is held, waits, or has failed.' }),
    waiting: z
      .object({
        since: stamp,
        until: stamp.meta({
          description:
            "Until then the service tries by itself (the seller's `report_api_wait_hours`); then it is held.",
        }),
        next_try_at: stamp,
        tries: z.int(),
      })
      .nullable()
      .meta({ description: 'Only while the account is `waiting`; `retry` tries it at once.' }),
    progress: z
      .object({ ...series, seen_at: stamp })
      .nullable()
      .meta({
        description: 'How far a worker has come with its usage, with its last sign of life; only while one bills it.',
      }),
    warnings: z.array(notice),
    attempts: z.int(),
    invoice: id.nullable(),
    lines: z.array(documentLine.extend({ position: z.int().optional() })),
    totals: z.object({ ...totals, payable: amount }).nullable(),
    previous: z
      .object({ invoice: id, number: z.string(), currency: z.string(), net: amount })
      .nullable()
      .meta({ description: "The month before: its first document, and the net over all of the month's documents." }),
    difference: amount.nullable().meta({ description: 'This net minus the previous one.' }),
    waivers: z.array(z.object({ code: z.string(), reason: z.string(), actor: z.string(), at: stamp })),
    changes: z
      .object({
        period: z.string().meta({ description: 'The month before, `YYYY-MM`.' }),
        documents: z
          .array(z.object({ id, number: z.string() }))
          .meta({ description: 'All that was issued for it, notes included: their sum is compared with.' }),
        currency: z.string(),
        charges: z.array(chargeChange),
      })
      .nullable()
      .optional()
      .meta({
        description:
          'This month against the month before, charge by charge. Only where one account is read; null while nothing is ' +
          'drafted, and where the month before has no document in this currency.',
      }),
    updated_at: stamp,
  })
  .meta({ id: 'CloseAccount' });

const waiver = z
  .strictObject({
    code: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be the code of a hold such as "missing_buckets"'),
    reason: text(500).meta({ description: 'Why it may pass; audited, and printed on the certificate.' }),
  })
  .meta({ id: 'Waiver' });

const listOfCloses = z.strictObject({ seller: code.optional(), period: month.optional(), ...listQuery });
const listOfAccounts = z.strictObject({ state: accountState.optional(), ...listQuery });

type ShownAccount = CloseAccountView & { reason: z.output<typeof holdReason> | null };

/** One account, read by itself. */
type ComparedAccount = ShownAccount & { changes: MonthOnMonth | null };

@ApiTags('closes')
@Controller('v1/closes')
export class ClosesController {
  private readonly reads: SharedReads;

  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(CLOSES) private readonly closes: CloseCommands,
    @Inject(Drain) private readonly drain: Drain,
    @Inject(Streams) private readonly streams: Streams,
  ) {
    this.reads = new SharedReads((closeId) => findClose(database, closeId));
  }

  @Post()
  @Access('close')
  @Documented(
    'Close a period, or add accounts to the close that exists',
    { 200: close, 201: close },
    {
      409: '`close_differs`',
      422: '`invalid_request`, `unknown_seller`, `unknown_account`, `period_not_billable` with `billable_at`',
    },
  )
  async open(
    @Body({ schema: closeRequest }) body: z.output<typeof closeRequest>,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CloseView> {
    const { dry_run, ...request } = body;
    const opened = await this.closes.desk.open({ ...request, dryRun: dry_run, actor: caller.actor });
    if (opened.outcome === 'refused') {
      throw problemOf(opened, opened.billableAt === undefined ? {} : { billable_at: opened.billableAt });
    }
    response.status(opened.created ? 201 : 200).location(`/v1/closes/${opened.id}`);
    return this.withLeftOut(await this.read(opened.id), body.accounts);
  }

  @Get()
  @Access('read')
  @Documented('List closes, newest first', { 200: pageOf(close) })
  async list(@Query({ schema: listOfCloses }) query: z.output<typeof listOfCloses>): Promise<Page<CloseView>> {
    const { limit, seller, period } = query;
    const before = uuidAfter(query);
    const rows = await listCloses(this.database, { seller, period, before, limit: limit + 1 });
    return cut(
      rows,
      limit,
      (row) => row.id,
      (row) => row,
    );
  }

  @Get(':id')
  @Access('read')
  @Documented('Read a close', { 200: close }, { 404: '`not_found`' })
  async read(@Param('id', pathId) closeId: string): Promise<CloseView> {
    return found(await findClose(this.database, closeId), 'close of that id');
  }

  @Get(':id/accounts')
  @Access('read')
  @Documented('List the accounts of a close', { 200: pageOf(closeAccount) }, { 404: '`not_found`' })
  async accounts(
    @Param('id', pathId) closeId: string,
    @Query({ schema: listOfAccounts }) query: z.output<typeof listOfAccounts>,
  ): Promise<Page<ShownAccount>> {
    await this.read(closeId);
    const { limit, state } = query;
    const rows = await listCloseAccounts(this.database, closeId, { state, after: uuidAfter(query), limit: limit + 1 });
    return cut(rows, limit, (row) => row.account, withWayOut);
  }

  @Get(':id/accounts/:account')
  @Access('read')
  @GrowsWithAccount()
  @Documented('Read one account of a close', { 200: closeAccount }, { 404: '`not_found`' })
  async account(
    @Param('id', pathId) closeId: string,
    @Param('account', pathId) account: string,
  ): Promise<ComparedAccount> {
    const [row] = await listCloseAccounts(this.database, closeId, { account, limit: 1 });
    const read = found(row, 'such account in that close');
    const close = found(await loadCloseWork(this.database, closeId), 'close of that id');
    const changes = await monthOnMonth(this.database, close, read);
    return { ...withWayOut(read), lines: (read.lines as RatedLine[]).map(withAlternatives), changes };
  }

  @Post(':id/accounts/:account/waive')
  @HttpCode(202)
  @Access('close')
  @Documented(
    'Let a hold of one account pass for this close, and try the account again',
    { 202: closeAccount },
    { 404: '`close_account_not_found`', 409: '`not_held_by_that`, `close_cancelled`', 422: '`hold_not_waivable`' },
  )
  async waive(
    @Param('id', pathId) closeId: string,
    @Param('account', pathId) account: string,
    @Body({ schema: waiver }) body: z.output<typeof waiver>,
    @From() caller: Caller,
  ): Promise<ComparedAccount> {
    accepted(await this.closes.desk.waive({ closeId, accountId: account, ...body, actor: caller.actor }));
    return this.account(closeId, account);
  }

  @Post(':id/retry')
  @HttpCode(202)
  @Access('close')
  @Documented(
    'Try held, failed and waiting accounts again, now; of those that are named, also empty and drafted ones, and issued ones whose ' +
      'invoice was voided: they are billed anew',
    { 202: close },
    { 404: '`not_found`', 409: '`close_cancelled`', 422: '`unknown_account`' },
  )
  async retry(
    @Param('id', pathId) closeId: string,
    @Body({ schema: someAccounts.prefault({}) }) body: z.output<typeof someAccounts>,
    @From() caller: Caller,
  ): Promise<CloseView> {
    await this.unlessCancelled(closeId);
    await this.unlessUnknown(closeId, body.accounts);
    await this.closes.desk.retry(closeId, body.accounts, caller.actor);
    return this.read(closeId);
  }

  @Post(':id/issue')
  @HttpCode(202)
  @Access('close')
  @Documented(
    'Issue the drafts of a close',
    { 202: close },
    { 404: '`not_found`', 409: '`close_cancelled`, `close_is_dry_run`', 422: '`unknown_account`' },
  )
  async issue(
    @Param('id', pathId) closeId: string,
    @Body({ schema: someAccounts.prefault({}) }) body: z.output<typeof someAccounts>,
    @From() caller: Caller,
  ): Promise<CloseView> {
    const { dry_run } = await this.unlessCancelled(closeId);
    if (dry_run) {
      const message = 'this close is a dry run, of which nothing is issued; open a real one for the period';
      throw problemOf({ code: 'close_is_dry_run', message });
    }
    await this.unlessUnknown(closeId, body.accounts);
    await this.closes.desk.release(closeId, body.accounts, caller.actor);
    return this.read(closeId);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Access('close')
  @Documented(
    'Cancel a close before anything of it is issued',
    { 200: close },
    { 404: '`not_found`', 409: '`close_has_issued`' },
  )
  async cancel(@Param('id', pathId) closeId: string, @From() caller: Caller): Promise<CloseView> {
    await this.read(closeId);
    const cancelled = await this.closes.desk.cancel(closeId, caller.actor);
    if (cancelled.outcome === 'refused') {
      const message = `${cancelled.issued} invoices of this close are issued; correct them instead of cancelling`;
      throw problemOf({ code: 'close_has_issued', message });
    }
    return this.read(closeId);
  }

  @Get(':id/progress')
  @Access('read')
  @GrowsWithAccount()
  @Documented(
    'Follow a close as server-sent events: `progress` with the close, until it is in review, finished or cancelled',
    { 200: { description: 'the events', type: 'text/event-stream' } },
    { 404: '`not_found`', 429: '`rate_limited`, `too_many_streams`' },
  )
  async progress(
    @Param('id', pathId) closeId: string,
    @From() caller: Caller,
    @Res() response: Response,
  ): Promise<void> {
    await this.read(closeId);
    await this.streams.run(caller, () => sendProgress(response, () => this.reads.read(closeId), this.drain.signal));
  }

  private async unlessCancelled(closeId: string): Promise<CloseView> {
    const view = await this.read(closeId);
    if (view.state === 'cancelled') {
      throw problemOf({ code: 'close_cancelled', message: 'this close is cancelled; open a new one for the period' });
    }
    return view;
  }

  /** Accounts that are named and have nothing to bill get no row; the caller that named them is told, and no other. */
  private async withLeftOut(view: CloseView, accounts: readonly string[] = []): Promise<CloseView> {
    const rows = new Set(await accountsOfClose(this.database, view.id, accounts));
    const leftOut = [...new Set(accounts)].filter((account) => !rows.has(account));
    if (leftOut.length === 0) return view;
    const cause = view.kind === 'correction' ? 'no correction is proposed' : 'no subscription is in force';
    const some = `${leftOut.slice(0, 10).join(', ')}${leftOut.length > 10 ? ', …' : ''}`;
    const message = `${leftOut.length} of the accounts named are not in this close, for ${cause} in ${view.period.label}: ${some}`;
    return { ...view, warnings: [...view.warnings, { code: 'not_eligible', message, count: leftOut.length }] };
  }

  private async unlessUnknown(closeId: string, accounts: readonly string[] = []): Promise<void> {
    const known = new Set(await accountsOfClose(this.database, closeId, accounts));
    const unknown = accounts.findIndex((account) => !known.has(account));
    if (unknown >= 0) {
      const message = `${accounts[unknown]} is not an account of this close`;
      throw problemOf({ code: 'unknown_account', message, pointer: `/accounts/${unknown}` });
    }
  }
}

function withWayOut({ reason, ...account }: CloseAccountView): ShownAccount {
  const way_out = reason && (account.state === 'waiting' ? REMEDY_WHILE_WAITING : remedyOf(reason.code));
  return { ...account, reason: reason && { ...reason, way_out: way_out ?? '' } };
}
