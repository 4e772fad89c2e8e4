import all from './jest.config.mjs';

/** The specs that read PDF and XML, once more with the readers of the distribution: poppler, qpdf, mutool, xmllint. */
process.env.TEST_READERS = 'system';

export default {
  ...all,
  testMatch: ['invoice-pdf', 'drafts'].map((name) => `<rootDir>/test/integration/${name}.spec.ts`),
};
