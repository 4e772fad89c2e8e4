/** Jest in ESM: sources are TypeScript, transformed by swc; rooms are found through package.json's `imports`. */
export const base = {
  testEnvironment: '<rootDir>/test/support/environment.mjs',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.meterline/', '<rootDir>/demo/'],
};

/**
 * What takes long by its nature: months under faults, crashes and races, months billed anew, ahead or from samples, probes, fuzzing, growth,
 * whole programs, waiting for a minute to begin, and ESLint with types over what it is to refuse. `npm test` leaves it to
 * `npm run test:slow`, CI runs both, and `npx jest path` runs any of it.
 */
export const slow = [
  'libs/invoicing/src/fuzzed-invoices.spec.ts',
  'libs/proof/src/random-histories.spec.ts',
  'test/e2e/demo-command.spec.ts',
  'test/e2e/demo-month.spec.ts',
  'test/house/house.spec.ts',
  'test/integration/billed-anew.spec.ts',
  'test/integration/bucket-ownership-at-length.spec.ts',
  'test/integration/canary-key.spec.ts',
  'test/integration/catalogue-growth.spec.ts',
  'test/integration/certificate-keys.spec.ts',
  'test/integration/close-over-rest.spec.ts',
  'test/integration/close-races.spec.ts',
  'test/integration/close-schedule.spec.ts',
  'test/integration/confirm-empty.spec.ts',
  'test/integration/corrections.spec.ts',
  'test/integration/crash.spec.ts',
  'test/integration/dialect-probe.spec.ts',
  'test/integration/drain.spec.ts',
  'test/integration/evidence.spec.ts',
  'test/integration/fault-table.spec.ts',
  'test/integration/fees-in-advance.spec.ts',
  'test/integration/flat-memory.spec.ts',
  'test/integration/frozen-worker.spec.ts',
  'test/integration/idempotency-kill.spec.ts',
  'test/integration/killed-batch.spec.ts',
  'test/integration/killed-run.spec.ts',
  'test/integration/large-account.spec.ts',
  'test/integration/ledger-growth.spec.ts',
  'test/integration/list-growth.spec.ts',
  'test/integration/missing-samples.spec.ts',
  'test/integration/month-on-month.spec.ts',
  'test/integration/percentile-disc.spec.ts',
  'test/integration/random-faults.spec.ts',
  'test/integration/report-gates.spec.ts',
  'test/integration/standalone.spec.ts',
  'test/integration/usage-controls.spec.ts',
  'test/integration/verify-documents.spec.ts',
];

export default {
  ...base,
  maxWorkers: 2,
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  // Only what hangs takes as long, on a machine however busy: test/support/eventually.ts gives up before.
  testTimeout: 1_800_000,
  testMatch: ['<rootDir>/libs/**/*.spec.ts', '<rootDir>/apps/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/redis/',
    '<rootDir>/test/crash/',
    '<rootDir>/test/restore/',
  ],
};
