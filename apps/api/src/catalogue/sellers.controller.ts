import { Body, Controller, Get, HttpCode, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { readRsaKey } from '#close';
import type { Catalogue, Page, SecretKey } from '#persistence';
import {
  createSeller,
  DEFAULT_SETTINGS,
  findSeller,
  listSellers,
  requestsPerSecondSchema,
  type Seller,
  updateSeller,
} from '#persistence/catalogue';
import { isNumberFormat, NUMBER_FORMAT } from '#invoicing';
import { DIALECTS, type OutboundAddresses, plainUrl } from '#report-client';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { bankAccount } from '../bank-account.js';
import { branding } from '../branding.js';
import {
  address,
  code,
  country,
  currency,
  id,
  language,
  listQuery,
  pageOf,
  pathCode,
  reportApiKey,
  stamp,
  text,
  timeZone,
} from '../contract.js';
import { Documented } from '../documented.js';
import { contact, email, endpoint, refuseForeignTaxId, registration, sellerGst, taxNumber } from '../identity.js';
import { ADDRESSES, DATABASE, SECRET_KEY } from '../ports.js';
import { accepted, found, Problem } from '../problems/problem.js';

// Where it may lead is for the operator's allow-list to say, which the route asks.
const baseUrl = z
  .string()
  .refine(
    (url) => plainUrl(url) !== undefined,
    'must be https://host[:port][/path], with no user, query or fragment; the key has a member of its own',
  );

const storedDialect = z.record(z.string(), z.unknown());

/** What deviates from the documented form of the report API, or the name of a form; kept as it was given. */
const dialect = z
  .union([
    z.literal(DIALECTS.names).transform((name) => ({ name })),
    storedDialect.superRefine((given, context) => {
      const parsed = DIALECTS.check(given);
      for (const issue of parsed.error?.issues ?? []) {
        const { path, message } = issue;
        if (issue.code !== 'unrecognized_keys') context.addIssue({ code: 'custom', path, message });
        else for (const key of issue.keys) context.addIssue({ code: 'custom', path: [...path, key], message });
      }
    }),
  ])
  .meta({
    description:
      'What the report API of this seller does otherwise than documented, such as {"label": "end"}; `meterline probe` ' +
      'finds it out. Members that are left out keep their defaults; the name of a dialect alone means all of them.',
  });

const reportApi = {
  base_url: baseUrl.nullable(),
  api_key: reportApiKey.nullable().meta({ writeOnly: true }),
  dialect: dialect.nullable(),
  strict: z.boolean(),
  concurrency: z.int().min(1).max(256).nullable().meta({
    description: 'Requests with one key that may be in flight, of all processes together; null: as the service is set.',
  }),
  requests_per_second: requestsPerSecondSchema.nullable().meta({
    description: 'Requests a second with one key, of all processes together; null: as the service is set.',
  }),
};

function isRsaKey(pem: string): boolean {
  try {
    readRsaKey(pem);
    return true;
  } catch {
    return false;
  }
}

const corrections = z.enum(['propose', 'automatic']).meta({
  description: 'Whether a correction waits for an operator or is issued as soon as it is proposed.',
});

const settings = {
  corrections,
  unregistered_usage: z.enum(['warn', 'hold']).meta({
    description: 'What usage of an account that belongs to no registered entity does to its invoice.',
  }),
  usage_detail_retention_months: z.int().min(1).max(1_200).meta({
    description: 'Months after a period in which its single values are kept; hashes, sums and derivations stay.',
  }),
  keep_raw: z
    .boolean()
    .meta({ description: 'Keep the answers of the report API also when nothing is wrong with them.' }),
  drift_percent: z
    .string()
    .regex(/^\d{1,6}(\.\d{1,4})?$/, 'must be a percentage from "0" with at most 4 decimals, such as "50"')
    .nullable()
    .meta({
      description: "By how much an account's net may differ from last month's without a warning; null: by all.",
    }),
  zero_invoices: z.enum(['skip', 'issue']).meta({
    description: 'What an account gets whose lines are all zero: no document (it ends `empty`), or an invoice of 0.00.',
  }),
  irp_public_keys: z
    .array(
      z
        .string()
        .max(10_000)
        .refine(isRsaKey, 'must be an RSA key of at least 2048 bits or a certificate with one, in PEM'),
    )
    .max(5)
    .meta({
      description:
        'Public keys, in PEM, of the e-invoice portals of India whose answers are believed; several while a portal changes its key.',
    }),
  report_api_wait_hours: z
    .int()
    .min(0)
    .max(720)
    .meta({
      description:
        'For how many hours the service tries an account again by itself, with growing pauses, when the report API is away ' +
        'or asks for patience; then the account is held. 0: held at once.',
    }),
};

const members = {
  name: text(),
  country,
  currency,
  time_zone: timeZone,
  tax_id: taxNumber.nullable(),
  address: address.nullable(),
  email: email.nullable(),
  invoice_prefix: z
    .string()
    .regex(/^[A-Z0-9]([A-Z0-9/-]{0,14}[A-Z0-9])?$/, 'must be 1 to 16 capital letters, digits, "-" or "/"')
    .refine((prefix) => prefix !== 'CN' && prefix !== 'DN', 'must not be "CN" or "DN": credit and debit notes are'),
  number_format: text(40)
    .refine(isNumberFormat, 'must be {prefix}, then {year} or {fy}, then {sequence}, parted by "-" or "/"')
    .meta({
      description:
        'How numbers are written: `{year}` is the one in which the fiscal year begins, `{fy}` is `26-27`, a sequence has 6 ' +
        'digits. `{prefix}/{fy}/{sequence}` is AB/26-27/000001.',
    }),
  fiscal_year_start: z.int().min(1).max(12),
  number_start: z.int().min(1).max(999_999_999),
  rounding: z.enum(['half_up', 'half_even']),
  payable_rounding: z.enum(['none', '1', '0.05']),
  payment_terms_days: z.int().min(0).max(365),
  settle_hours: z.int().min(0).max(8_760).nullable(),
  edge_policy: z.enum(['own_by_start', 'refuse']),
  language: language.nullable().meta({
    description: 'What documents are written in for accounts without a language of their own. Null: English.',
  }),
  bank: bankAccount.nullable(),
  contact: contact.nullable(),
  registration: registration.nullable(),
  e_invoice: z
    .strictObject({ endpoint: endpoint.nullable().default(null) })
    .nullable()
    .meta({ description: 'Where the seller is reached by electronic documents.' }),
  branding: branding.nullable(),
  gst: sellerGst.nullable(),
};

const newSeller = z
  .strictObject({
    code,
    ...members,
    tax_id: members.tax_id.default(null),
    address: members.address.default(null),
    email: members.email.default(null),
    invoice_prefix: members.invoice_prefix.default('INV'),
    number_format: members.number_format.default(NUMBER_FORMAT),
    fiscal_year_start: members.fiscal_year_start.default(1),
    number_start: members.number_start.default(1),
    rounding: members.rounding.default('half_up'),
    payable_rounding: members.payable_rounding.default('none'),
    payment_terms_days: members.payment_terms_days.default(30),
    settle_hours: members.settle_hours.default(null),
    edge_policy: members.edge_policy.default('own_by_start'),
    bank: members.bank.default(null),
    language: members.language.default(null),
    contact: members.contact.default(null),
    registration: members.registration.default(null),
    e_invoice: members.e_invoice.default(null),
    branding: members.branding.default(null),
    gst: members.gst.default(null),
    report_api: z
      .strictObject({
        base_url: reportApi.base_url.default(null),
        api_key: reportApi.api_key.default(null),
        dialect: reportApi.dialect.default(null),
        strict: reportApi.strict.default(false),
        concurrency: reportApi.concurrency.default(null),
        requests_per_second: reportApi.requests_per_second.default(null),
      })
      .prefault({}),
    settings: z
      .strictObject({
        corrections: corrections.default(DEFAULT_SETTINGS.corrections),
        unregistered_usage: settings.unregistered_usage.default(DEFAULT_SETTINGS.unregistered_usage),
        usage_detail_retention_months: settings.usage_detail_retention_months.default(
          DEFAULT_SETTINGS.usage_detail_retention_months,
        ),
        keep_raw: settings.keep_raw.default(DEFAULT_SETTINGS.keep_raw),
        drift_percent: settings.drift_percent.default(DEFAULT_SETTINGS.drift_percent),
        zero_invoices: settings.zero_invoices.default(DEFAULT_SETTINGS.zero_invoices),
        irp_public_keys: settings.irp_public_keys.default([]),
        report_api_wait_hours: settings.report_api_wait_hours.default(DEFAULT_SETTINGS.report_api_wait_hours),
      })
      .prefault({}),
  })
  .meta({ id: 'NewSeller' });

const sellerChange = z
  .strictObject({
    ...members,
    report_api: z.strictObject(reportApi).partial(),
    settings: z.strictObject(settings).partial(),
  })
  .partial()
  .meta({ id: 'SellerChange' });

export const seller = z
  .object({
    id,
    code,
    ...members,
    logo: z.string().nullable().meta({ description: 'sha256 of the logo, which is at `/v1/sellers/{code}/logo`.' }),
    report_api: z.object({
      base_url: reportApi.base_url,
      dialect: storedDialect.nullable(),
      strict: reportApi.strict,
      concurrency: reportApi.concurrency,
      requests_per_second: reportApi.requests_per_second,
      has_api_key: z.boolean(),
    }),
    settings: z.object(settings),
    created_at: stamp,
    updated_at: stamp,
  })
  .meta({ id: 'Seller' });

const query = z.strictObject(listQuery);

@ApiTags('sellers')
@Controller('v1/sellers')
export class SellersController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(SECRET_KEY) private readonly secretKey: SecretKey,
    @Inject(ADDRESSES) private readonly addresses: OutboundAddresses,
  ) {}

  @Post()
  @Access('write')
  @Documented(
    'Register a seller',
    { 201: seller },
    { 409: '`seller_exists`', 422: '`invalid_request`, `number_not_legal`, `address_not_permitted`' },
  )
  async create(
    @Body({ schema: newSeller }) body: z.output<typeof newSeller>,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Seller> {
    this.requirePermitted(body.report_api.base_url);
    refuseForeignTaxId(body);
    const created = accepted(await createSeller(this.database, caller.actor, body, this.secretKey));
    response.location(`/v1/sellers/${created.code}`);
    return created;
  }

  @Get()
  @Access('read')
  @Documented('List sellers by code', { 200: pageOf(seller) })
  list(@Query({ schema: query }) page: z.output<typeof query>): Promise<Page<Seller>> {
    return listSellers(this.database, page);
  }

  @Get(':code')
  @Access('read')
  @Documented('Read a seller', { 200: seller }, { 404: '`not_found`' })
  async read(@Param('code', pathCode) sellerCode: string): Promise<Seller> {
    return found(await findSeller(this.database, sellerCode), 'seller of that code');
  }

  @Patch(':code')
  @HttpCode(200)
  @Access('write')
  @Documented(
    'Change a seller; absent members stay, those of report_api and settings one by one',
    { 200: seller },
    {
      404: '`seller_not_found`',
      422: '`invalid_request`, `number_not_legal`, `report_api_key_needed`, `address_not_permitted`',
    },
  )
  async change(
    @Param('code', pathCode) sellerCode: string,
    @Body({ schema: sellerChange }) body: z.output<typeof sellerChange>,
    @From() caller: Caller,
  ): Promise<Seller> {
    this.requirePermitted(body.report_api?.base_url);
    refuseForeignTaxId(body, await findSeller(this.database, sellerCode));
    return accepted(await updateSeller(this.database, caller.actor, sellerCode, body, this.secretKey));
  }

  private requirePermitted(url: string | null | undefined): void {
    const refusal = url == null ? undefined : this.addresses.refusalOf(url);
    if (!refusal) return;
    const errors = [{ pointer: '/report_api/base_url', message: refusal.message }];
    throw new Problem(422, 'address_not_permitted', `/report_api/base_url ${refusal.message}`, { errors });
  }
}
