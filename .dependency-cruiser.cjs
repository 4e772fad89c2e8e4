/** The rule of the house: imports go down only, through doors, and pure rooms have no outlets. */
const sees = {
  money: [],
  calendar: [],
  'canonical-json': [],
  metering: ['money', 'calendar'],
  rating: ['money', 'calendar', 'metering'],
  invoicing: ['money', 'calendar', 'metering', 'rating'],
  wording: ['money', 'calendar', 'metering', 'rating', 'invoicing'],
  'e-invoice': ['money', 'calendar', 'rating', 'invoicing', 'wording'],
  billing: ['money', 'calendar', 'canonical-json', 'metering', 'rating', 'invoicing', 'e-invoice'],
};
const pure = Object.keys(sees);
// Pure but for the cryptography of the platform.
sees.proof = pure;
Object.assign(sees, {
  'report-client': ['money', 'calendar', 'canonical-json', 'metering', 'billing'],
  'invoice-pdf': pure,
  persistence: [...pure, 'proof'],
});
sees.usage = [...pure, 'report-client', 'persistence'];
// The close sees what report APIs are like (billing's traits) through usage, and never a dialect.
sees.close = Object.keys(sees).filter((room) => room !== 'report-client');
sees.runtime = [...Object.keys(sees), 'close'];

/** The wings of persistence over its ground, from the lowest up. Each has a door of its own. */
const wings = ['ground', 'catalogue', 'ledger', 'documents', 'closes'];
const doors = (rooms) =>
  rooms.flatMap((room) => [
    `^libs/${room}/src/index\\.ts$`,
    ...(room === 'persistence' ? [`^libs/persistence/src/(${wings.slice(1).join('|')})/index\\.ts$`] : []),
  ]);
const forbid = (name, from, to) => ({ name, severity: 'error', from, to });

module.exports = {
  forbidden: [
    forbid('no-circles', {}, { circular: true }),
    ...Object.entries(sees).map(([room, below]) =>
      forbid(
        `${room}-looks-only-down`,
        { path: `^libs/${room}/` },
        { path: '^(libs|apps)/', pathNot: [`^libs/${room}/`, ...doors(below)] },
      ),
    ),
    ...wings
      .slice(0, -1)
      .map((wing, floor) =>
        forbid(
          `${wing}-looks-only-down`,
          { path: `^libs/persistence/src/${wing}/` },
          { path: `^libs/persistence/src/(${wings.slice(floor + 1).join('|')})/` },
        ),
      ),
    forbid('not-through-your-own-door', { path: '^libs/([^/]+)/' }, { path: '^libs/$1/src/index\\.ts$' }),
    forbid(
      'not-through-a-wings-own-door',
      { path: '^libs/persistence/' },
      { path: `^libs/persistence/src/(${wings.slice(1).join('|')})/index\\.ts$` },
    ),
    // One table knows which dialects there are; the rest of the room asks the one it was handed.
    forbid(
      'one-table-knows-the-dialects',
      {
        path: '^(libs|apps)/',
        pathNot: ['^libs/report-client/src/dialects/', '^libs/report-client/src/dialects\\.ts$'],
      },
      { path: '^libs/report-client/src/dialects/' },
    ),
    forbid(
      'dialects-stand-apart',
      { path: '^libs/report-client/src/dialects/([^/]+)/' },
      { path: '^libs/report-client/src/dialects/', pathNot: '^libs/report-client/src/dialects/$1/' },
    ),
    forbid(
      'one-transport',
      { path: '^libs/report-client/', pathNot: ['^libs/report-client/src/transport\\.ts$', '\\.spec\\.ts$'] },
      { path: '(node_modules/undici/|^(node:)?(https?|net|tls)$)', dependencyTypesNot: ['type-only'] },
    ),
    // The standalone is the one place that puts the other applications into one process.
    forbid(
      'apps-use-doors',
      { path: '^apps/([^/]+)/', pathNot: '^apps/(standalone|cli)/' },
      { path: '^(libs|apps)/', pathNot: ['^apps/$1/', ...doors(Object.keys(sees))] },
    ),
    forbid(
      'cli-uses-doors',
      { path: '^apps/cli/' },
      {
        path: '^(libs|apps)/',
        pathNot: ['^apps/cli/', '^apps/report-simulator/src/index\\.ts$', ...doors(Object.keys(sees))],
      },
    ),
    forbid(
      'standalone-uses-doors',
      { path: '^apps/standalone/' },
      {
        path: '^(libs|apps)/',
        pathNot: [
          '^apps/standalone/',
          '^apps/(api|worker|cli|report-simulator)/src/index\\.ts$',
          ...doors(Object.keys(sees)),
        ],
      },
    ),
    forbid('simulator-stands-alone', { path: '^apps/report-simulator/' }, { path: '^libs/' }),
    forbid(
      'pure-rooms-have-no-outlets',
      { path: `^libs/(${pure.join('|')})/`, pathNot: '\\.spec\\.ts$' },
      {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-no-pkg', 'unknown'],
        pathNot: ['node_modules/(decimal\\.js|zod|@js-temporal/polyfill)/', '^libs/'],
      },
    ),
    forbid(
      'proof-needs-no-service',
      { path: '^libs/proof/', pathNot: ['\\.spec\\.ts$', '^libs/proof/src/crypto\\.ts$'] },
      {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-no-pkg', 'unknown'],
        pathNot: ['node_modules/(zod|lossless-json)/', '^libs/'],
      },
    ),
    forbid('proof-has-one-outlet', { path: '^libs/proof/src/crypto\\.ts$' }, { pathNot: '^(node:)?crypto$' }),
    forbid(
      'only-calendar-knows-zones',
      { path: '^(libs|apps)/', pathNot: ['^libs/calendar/', '\\.spec\\.ts$'] },
      { path: 'node_modules/@js-temporal/' },
    ),
    forbid('nest-lives-in-apps', { path: '^libs/' }, { path: 'node_modules/@nestjs/' }),
    forbid(
      'queue-lives-above-the-close',
      { path: '^libs/', pathNot: '^libs/runtime/' },
      { path: 'node_modules/bullmq/' },
    ),
    forbid(
      'persistence-alone-knows-sql',
      { path: '^(libs|apps)/', pathNot: ['^libs/persistence/', '\\.spec\\.ts$'] },
      {
        path: 'node_modules/(@prisma|pg)/',
      },
    ),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^libs/persistence/src/generated/' },
    enhancedResolveOptions: { conditionNames: ['source', 'import', 'node', 'default'], exportsFields: ['exports'] },
  },
};
