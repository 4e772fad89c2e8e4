import { base } from './jest.config.mjs';

/** Needs a server that the tools of this machine can dump: TEST_DATABASE_URL. */
export default {
  ...base,
  maxWorkers: 1,
  testTimeout: 300_000,
  globalSetup: '<rootDir>/test/restore/setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  testMatch: ['<rootDir>/test/restore/**/*.spec.ts'],
};
