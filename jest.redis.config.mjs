import { base } from './jest.config.mjs';

export default {
  // A worker of BullMQ that was cut off while it waited for a server that is gone keeps the timer that renews its locks.
  forceExit: true,
  ...base,
  maxWorkers: 1,
  testTimeout: 1_800_000,
  globalSetup: '<rootDir>/test/support/redis-setup.mjs',
  globalTeardown: '<rootDir>/test/support/redis-teardown.mjs',
  testMatch: ['<rootDir>/test/redis/**/*.spec.ts'],
};
