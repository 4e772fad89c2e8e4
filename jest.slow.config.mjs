import all, { slow } from './jest.config.mjs';

export default { ...all, testMatch: slow.map((file) => `<rootDir>/${file}`) };
