/** Jest in ESM: sources are TypeScript, transformed by swc; rooms are found through package.json's `imports`. */
export const base = {
  testEnvironment: 'node',
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
 * What takes long by its nature: months under faults and crashes, fuzzing, growth, whole programs and waiting for a minute
 * to begin. `npm test` leaves it to `npm run test:slow`; `npx jest path` runs any of it.
 */
export const slow = [
  'libs/invoicing/src/fuzzed-invoices.spec.ts',
  'test/integration/bucket-ownership-at-length.spec.ts',
  'test/integration/catalogue-growth.spec.ts',
  'test/integration/close-schedule.spec.ts',
  'test/integration/crash.spec.ts',
  'test/integration/fault-table.spec.ts',
  'test/integration/flat-memory.spec.ts',
  'test/integration/frozen-worker.spec.ts',
  'test/integration/idempotency-kill.spec.ts',
  'test/integration/killed-run.spec.ts',
  'test/integration/ledger-growth.spec.ts',
  'test/integration/list-growth.spec.ts',
  'test/integration/random-faults.spec.ts',
  'test/integration/standalone.spec.ts',
];

export default {
  ...base,
  maxWorkers: 2,
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  // Only what hangs takes as long, on a machine however busy: test/support/eventually.ts gives up before.
  testTimeout: 600_000,
  testMatch: ['<rootDir>/libs/**/*.spec.ts', '<rootDir>/apps/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/redis/',
    '<rootDir>/test/crash/',
    '<rootDir>/test/restore/',
  ],
};
