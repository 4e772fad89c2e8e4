import all, { slow } from './jest.config.mjs';

export default {
  ...all,
  testPathIgnorePatterns: [...all.testPathIgnorePatterns, ...slow.map((file) => `<rootDir>/${file}`)],
};
