import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import prettier from 'eslint-config-prettier';

/**
 * Pure rooms compute money and time from what they are handed. The import rule keeps modules out; these bans keep out
 * what needs no import: the clock, chance, the environment, and binary floats.
 */
const pureRoomBans = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Time is handed in.' },
  { selector: "CallExpression[callee.name='Date']", message: 'Time is handed in.' },
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Time is handed in.' },
  { selector: "MemberExpression[object.name='Temporal'][property.name='Now']", message: 'Time is handed in.' },
  { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'Chance is handed in.' },
  { selector: "MemberExpression[object.name='process'][property.name='env']", message: 'Configuration is handed in.' },
  { selector: "CallExpression[callee.name='parseFloat']", message: 'No binary float on a quantity or an amount.' },
  {
    selector: "CallExpression[callee.object.name='Number'][callee.property.name='parseFloat']",
    message: 'No binary float on a quantity or an amount.',
  },
  { selector: "CallExpression[callee.name='Number']", message: 'No binary float on a quantity or an amount.' },
  { selector: "MemberExpression[property.name='toNumber']", message: 'No binary float on a quantity or an amount.' },
];

/** What an auditor runs may also run in a browser, which has neither. */
const nodeBans = ['Buffer', 'process', 'setImmediate', '__dirname'].map((name) => ({
  selector: `Identifier[name='${name}']`,
  message: 'A browser has no such thing.',
}));

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'demo/', '.meterline/', 'libs/persistence/src/generated/'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  prettier,
  {
    languageOptions: {
      globals: {
        setTimeout: 'readonly',
        setInterval: 'readonly',
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
      },
    },
    rules: {
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-console': 'error',
      'no-duplicate-imports': 'error',
    },
  },
  {
    files: ['libs/{money,calendar,canonical-json,metering,rating,invoicing,wording,e-invoice,billing}/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: { 'no-restricted-syntax': ['error', ...pureRoomBans] },
  },
  {
    files: ['libs/proof/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: { 'no-restricted-syntax': ['error', ...pureRoomBans, ...nodeBans] },
  },
  { files: ['**/*.cjs'], languageOptions: { globals: { module: 'readonly', require: 'readonly' } } },
);
