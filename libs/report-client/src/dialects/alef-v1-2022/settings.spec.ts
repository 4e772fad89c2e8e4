import { alefV1 } from './dialect.js';
import { DEFAULT_SETTINGS, settingsSchema } from './settings.js';

it('the default is explicit to the last key', () => {
  expect(DEFAULT_SETTINGS).toEqual({
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
  expect(settingsSchema.parse({ label: 'end', chunk_days: { SLOT: 1 } })).toEqual({
    ...DEFAULT_SETTINGS,
    label: 'end',
    chunk_days: { DAY: 31, HOUR: 31, SLOT: 1 },
  });
  expect(settingsSchema.safeParse({ lable: 'end' }).success).toBe(false);
  expect(settingsSchema.safeParse({ percentile: { comparison_value: 0.95 } }).success).toBe(false);
  expect(settingsSchema.safeParse({ path: '//elsewhere.example/x' }).success).toBe(false);
});

it('the hash is of what the dialect says, not of the order it is said in', () => {
  const sha256 = (stored: unknown) => alefV1.speak(stored).sha256;
  const hash = sha256(DEFAULT_SETTINGS);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(sha256(Object.fromEntries(Object.entries(DEFAULT_SETTINGS).reverse()))).toBe(hash);
  expect(sha256({ ...DEFAULT_SETTINGS, label: 'end' })).not.toBe(hash);
  expect(sha256({ ...DEFAULT_SETTINGS, chunk_days: { DAY: 31, HOUR: 31, SLOT: 6 } })).not.toBe(hash);
});
