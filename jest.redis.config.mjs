import { base } from './jest.config.mjs';

export default {
  ...base,
  maxWorkers: 1,
  testTimeout: 1_800_000,
  globalSetup: '<rootDir>/test/support/redis-setup.mjs',
  globalTeardown: '<rootDir>/test/support/redis-teardown.mjs',
  testMatch: ['<rootDir>/test/redis/**/*.spec.ts'],
};
