import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Catalogue, Page } from '#persistence';
import {
  deleteDraftPlan,
  findTariffPlanVersion,
  listTariffPlans,
  listTariffPlanVersions,
  publishTariffPlan,
  replaceDraftPlan,
  saveDraftPlan,
  type TariffPlanVersion,
} from '#persistence/catalogue';
import { parseTariffPlan, type TariffPlan, tariffPlanJsonSchema } from '#rating';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { code, currency, listQuery, localDate, pageOf, pathCode, stamp } from '../contract.js';
import { Documented } from '../documented.js';
import { DATABASE } from '../ports.js';
import { accepted, found, Problem } from '../problems/problem.js';

/** Any JSON object here: the rating room reads it and names every fault in the words of the plan. */
export const tariffPlan = z.looseObject({}).meta({ ...tariffPlanJsonSchema(), id: 'TariffPlan' });

const version = z.coerce.number('must be a version number').int().min(1).max(2_147_483_647);
const pathVersion = { schema: version };

const planVersion = z
  .object({
    code,
    version: z.int(),
    status: z.enum(['draft', 'published']),
    name: z.string(),
    currency,
    effective_from: localDate,
    document: tariffPlan,
    document_sha256: z.string(),
    created_at: stamp,
    published_at: stamp.nullable(),
  })
  .meta({ id: 'TariffPlanVersion' });

const plan = planVersion
  .extend({ versions: z.array(planVersion.omit({ document: true })) })
  .meta({ id: 'TariffPlanHistory', description: 'The newest version, and all versions without their documents.' });

const query = z.strictObject(listQuery);

@ApiTags('tariff plans')
@Controller('v1/tariff-plans')
export class TariffPlansController {
  constructor(@Inject(DATABASE) private readonly database: Catalogue) {}

  @Post()
  @Access('write')
  @Documented(
    'Draft a tariff plan; a known code makes its next version',
    { 201: planVersion },
    { 422: '`invalid_plan` with every fault and its JSON pointer, `currency_mismatch`' },
  )
  async draft(
    @Body({ schema: tariffPlan }) body: unknown,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TariffPlanVersion> {
    const drafted = accepted(await saveDraftPlan(this.database, caller.actor, validPlan(body)));
    response.location(`/v1/tariff-plans/${drafted.code}/versions/${drafted.version}`);
    return drafted;
  }

  @Get()
  @Access('read')
  @Documented('List the newest version of every plan, by code', { 200: pageOf(planVersion) })
  list(@Query({ schema: query }) page: z.output<typeof query>): Promise<Page<TariffPlanVersion>> {
    return listTariffPlans(this.database, page);
  }

  @Get(':code')
  @Access('read')
  @Documented('Read the newest version of a plan and what versions there are', { 200: plan }, { 404: '`not_found`' })
  async read(
    @Param('code', pathCode) planCode: string,
  ): Promise<TariffPlanVersion & { versions: Omit<TariffPlanVersion, 'document'>[] }> {
    const versions = await listTariffPlanVersions(this.database, planCode);
    const newest = found(versions[0], 'tariff plan of that code');
    return { ...newest, versions: versions.map(({ document: _document, ...version }) => version) };
  }

  @Get(':code/versions/:version')
  @Access('read')
  @Documented('Read a version of a plan', { 200: planVersion }, { 404: '`not_found`' })
  async readVersion(
    @Param('code', pathCode) planCode: string,
    @Param('version', pathVersion) number: number,
  ): Promise<TariffPlanVersion> {
    return found(await findTariffPlanVersion(this.database, planCode, number), 'version of that plan');
  }

  @Put(':code/versions/:version')
  @Access('write')
  @Documented(
    'Replace a draft',
    { 200: planVersion },
    { 404: '`plan_not_found`', 409: '`plan_already_published`', 422: '`invalid_plan`, `currency_mismatch`' },
  )
  async redraft(
    @Param('code', pathCode) planCode: string,
    @Param('version', pathVersion) number: number,
    @Body({ schema: tariffPlan }) body: unknown,
    @From() caller: Caller,
  ): Promise<TariffPlanVersion> {
    const document = validPlan(body);
    if (document.code !== planCode) {
      const message = `must be ${JSON.stringify(planCode)}, as in the path`;
      throw new Problem(422, 'invalid_plan', `code ${message}`, { errors: [{ pointer: '/code', message }] });
    }
    return accepted(await replaceDraftPlan(this.database, caller.actor, number, document));
  }

  @Delete(':code/versions/:version')
  @HttpCode(204)
  @Access('write')
  @Documented(
    'Throw a draft away',
    { 204: { description: 'deleted' } },
    { 404: '`plan_not_found`', 409: '`plan_already_published`' },
  )
  async delete(
    @Param('code', pathCode) planCode: string,
    @Param('version', pathVersion) number: number,
    @From() caller: Caller,
  ): Promise<void> {
    accepted(await deleteDraftPlan(this.database, caller.actor, planCode, number));
  }

  @Post(':code/versions/:version/publish')
  @HttpCode(200)
  @Access('write')
  @Documented(
    'Publish a draft; it is immutable from then on',
    { 200: planVersion },
    {
      404: '`plan_not_found`',
      409: '`plan_already_published`, `effective_from_taken`, `period_already_billed`',
      422: '`currency_mismatch`',
    },
  )
  async publish(
    @Param('code', pathCode) planCode: string,
    @Param('version', pathVersion) number: number,
    @From() caller: Caller,
  ): Promise<TariffPlanVersion> {
    return accepted(await publishTariffPlan(this.database, caller.actor, planCode, number));
  }
}

@ApiTags('tariff plans')
@Controller('v1/schemas')
export class SchemasController {
  @Get('tariff-plan')
  @Access('read')
  @Documented('The JSON Schema of tariff plans, for editors', { 200: z.record(z.string(), z.unknown()) })
  tariffPlan(): Record<string, unknown> {
    return tariffPlanJsonSchema();
  }
}

/** A plan that passed the room's own validation, which names every fault in the words of the plan. Throws 422. */
export function validPlan(document: unknown, below = ''): TariffPlan {
  const parsed = parseTariffPlan(document);
  if (parsed.outcome === 'valid') return parsed.plan;
  const errors = parsed.errors.map((error) => ({ ...error, pointer: below + error.pointer }));
  const unsupported = errors.every(({ code: reason }) => reason === 'not_supported_yet');
  throw new Problem(
    422,
    unsupported ? 'not_supported_yet' : 'invalid_plan',
    errors.map(({ message }) => message).join('; '),
    { errors },
  );
}
