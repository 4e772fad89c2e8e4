import { base } from './jest.config.mjs';

export default {
  // A queue whose server a test has taken away may still be trying to come back when the tests are over.
  forceExit: true,
  ...base,
  maxWorkers: 1,
  testTimeout: 180_000,
  globalSetup: '<rootDir>/test/support/redis-setup.mjs',
  globalTeardown: '<rootDir>/test/support/redis-teardown.mjs',
  testMatch: ['<rootDir>/test/redis/**/*.spec.ts'],
};
