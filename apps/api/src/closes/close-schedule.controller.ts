import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type EpochSeconds, isTimeZone, toStamp } from '#calendar';
import { dueRuns, nextRun } from '#close';
import { type Catalogue, databaseNow } from '#persistence';
import { findSeller } from '#persistence/catalogue';
import { type CloseSchedule, deleteCloseSchedule, listCloseSchedules, setCloseSchedule } from '#persistence/closes';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { code, id, pathCode, stamp, timeZone } from '../contract.js';
import { Documented } from '../documented.js';
import { DATABASE } from '../ports.js';
import { accepted, found, problemOf } from '../problems/problem.js';

const timing = {
  day: z.int().min(1).max(31).meta({ description: 'A day that a month does not have is its last day.' }),
  hour: z.int().min(0).max(23),
  minute: z.int().min(0).max(59),
  time_zone: timeZone,
  issue: z.enum(['after_review', 'automatic']),
};

const newSchedule = z
  .strictObject({
    ...timing,
    minute: timing.minute.default(0),
    time_zone: timing.time_zone.optional().meta({ description: "Default: the seller's." }),
    issue: timing.issue.default('after_review'),
  })
  .meta({ id: 'NewCloseSchedule' });

const schedule = z
  .object({
    seller: code,
    ...timing,
    next_run: z.object({ at: stamp, period: z.string() }).nullable().meta({
      description: 'Null where an earlier version took a `time_zone` that is none; set the schedule anew.',
    }),
    waiting: z
      .string()
      .nullable()
      .meta({ description: 'The oldest month that was due and is opened as soon as it may be billed.' }),
    last_run: z.object({ at: stamp, period: z.string(), close: id.nullable() }).nullable(),
  })
  .meta({ id: 'CloseSchedule' });

/** When a seller's months are closed without anybody asking: the month before, once a month. */
@ApiTags('closes')
@Controller('v1/sellers/:code/close-schedule')
export class CloseScheduleController {
  constructor(@Inject(DATABASE) private readonly database: Catalogue) {}

  @Get()
  @Access('read')
  @Documented("Read a seller's schedule", { 200: schedule }, { 404: '`not_found`' })
  async read(@Param('code', pathCode) seller: string): Promise<z.output<typeof schedule>> {
    const [stored] = await listCloseSchedules(this.database, seller);
    const kept = found(stored, 'schedule of that seller');
    const { day, hour, minute, timeZone: time_zone, issue, lastRun } = kept;
    const now = await databaseNow(this.database);
    const next = isTimeZone(time_zone) ? nextRun(kept, now) : null;
    return {
      seller,
      ...{ day, hour, minute, time_zone, issue },
      next_run: next && { at: toStamp(next.at), period: next.period },
      waiting: (next && dueRuns(kept, now)[0]?.period) ?? null,
      last_run: lastRun && { ...lastRun, at: toStamp(lastRun.at) },
    };
  }

  @Put()
  @Access('close')
  @Documented(
    "Set a seller's schedule; it holds from now on. What was due before is not made up for, except a month that is waiting",
    { 200: schedule },
    { 404: '`seller_not_found`', 422: '`invalid_request`, `unknown_time_zone`' },
  )
  async set(
    @Param('code', pathCode) seller: string,
    @Body({ schema: newSchedule }) body: z.output<typeof newSchedule>,
    @From() caller: Caller,
  ): Promise<z.output<typeof schedule>> {
    const { time_zone, ...rest } = body;
    const { time_zone: own } = found(await findSeller(this.database, seller), 'seller of that code');
    const wanted = { ...rest, timeZone: time_zone ?? own };
    if (!isTimeZone(wanted.timeZone)) {
      const message = `must be given: the seller's own, ${JSON.stringify(own)}, is no time zone`;
      throw problemOf({ code: 'unknown_time_zone', message: `time_zone ${message}`, pointer: '/time_zone' });
    }
    const isWaiting = (before: CloseSchedule, now: EpochSeconds) =>
      isTimeZone(before.timeZone) && dueRuns(before, now).length > 0;
    accepted(await setCloseSchedule(this.database, caller.actor, seller, wanted, isWaiting));
    return this.read(seller);
  }

  @Delete()
  @HttpCode(204)
  @Access('close')
  @Documented("Take a seller's schedule away", { 204: { description: 'deleted' } }, { 404: '`not_found`' })
  async delete(@Param('code', pathCode) seller: string, @From() caller: Caller): Promise<void> {
    const deleted = accepted(await deleteCloseSchedule(this.database, caller.actor, seller));
    found(deleted || undefined, 'schedule of that seller');
  }
}
