import { DEFAULT_DIALECT, dialectSchema, dialectSha256 } from './settings.js';

it('the default is explicit to the last key', () => {
  expect(DEFAULT_DIALECT).toEqual({
    name: 'alef-v1-2022',
    path: '/connectivity/v1/report',
    label: 'start',
    edge: 'any',
    unit: 'Mbps',
    rate_base: 'as_reported',
    round_dp: 'none',
    percentile: { mode: 'local', comparison_value: 1 },
    id_json: 'number',
    auth: 'query',
    filter_logic: 'unproven',
    scope: 'unknown',
    chunk_days: { DAY: 31, HOUR: 31, SLOT: 7 },
    line_rate_mbps: 10_000,
    body_limit_bytes: 16_777_216,
    proven: { label: false, unit: false },
    strict: false,
  });
});

it('a stored dialect may be partial; unknown members are refused', () => {
  expect(dialectSchema.parse({ label: 'end', chunk_days: { SLOT: 1 } })).toEqual({
    ...DEFAULT_DIALECT,
    label: 'end',
    chunk_days: { DAY: 31, HOUR: 31, SLOT: 1 },
  });
  expect(dialectSchema.safeParse({ lable: 'end' }).success).toBe(false);
  expect(dialectSchema.safeParse({ percentile: { comparison_value: 0.95 } }).success).toBe(false);
  expect(dialectSchema.safeParse({ path: '//elsewhere.example/x' }).success).toBe(false);
});

it('the hash is of what the dialect says, not of the order it is said in', () => {
  const hash = dialectSha256(DEFAULT_DIALECT);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(dialectSha256(dialectSchema.parse(Object.fromEntries(Object.entries(DEFAULT_DIALECT).reverse())))).toBe(hash);
  expect(dialectSha256({ ...DEFAULT_DIALECT, label: 'end' })).not.toBe(hash);
  expect(dialectSha256({ ...DEFAULT_DIALECT, chunk_days: { DAY: 31, HOUR: 31, SLOT: 6 } })).not.toBe(hash);
});
