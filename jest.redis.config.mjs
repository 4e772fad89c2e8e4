import { base } from './jest.config.mjs';

export default { ...base, maxWorkers: 1, testTimeout: 180_000, testMatch: ['<rootDir>/test/redis/**/*.spec.ts'] };
