// The "may import" column of docs/explanation/architecture.md, as a check.
// Any room may import errors.ts, log.ts and the types of config/; nothing else crosses the table.
const mayImport = {
  config: [],
  storage: [],
  vision: [],
  head: [],
  backbone: ['vision'],
  camera: ['config', 'vision'],
  samples: ['storage', 'vision'],
  training: ['head', 'backbone', 'samples', 'vision'],
  telemetry: ['config', 'storage'],
  alerts: ['config'],
  console: ['samples', 'training', 'vision'],
  host: [],
  perception: ['vision', 'backbone', 'head'],
};

const rooms = Object.entries(mayImport).flatMap(([room, allowed]) => [
  {
    name: `${room}-imports-only-its-floor`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: {
      path: '^src/',
      pathNot: [
        '^src/(errors|log)\\.ts$',
        '^src/config/',
        ...[room, ...allowed].map((r) => `^src/${r}/`),
      ],
    },
  },
  ...(allowed.includes('config') || room === 'config'
    ? []
    : [
        {
          name: `${room}-imports-only-types-of-config`,
          severity: 'error',
          from: { path: `^src/${room}/` },
          to: { path: '^src/config/', dependencyTypesNot: ['type-only'] },
        },
      ]),
]);

module.exports = {
  forbidden: [
    ...rooms,
    {
      name: 'agent-does-not-import-cli',
      severity: 'error',
      from: { path: '^src/agent/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'nothing-imports-the-command-line',
      severity: 'error',
      from: { path: '^src/(?!cli/)' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'only-storage-imports-the-database',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/storage/' },
      to: { path: '(^|/)node_modules/libsql/|^(node:)?sqlite$|^libsql' },
    },
    {
      name: 'only-vision-decodes-pictures',
      comment:
        'One decoder with one allow-list of formats; src/vision/picture.ts is the door to it.',
      severity: 'error',
      from: { path: '^src/(?!vision/)' },
      to: { path: 'node_modules/sharp/' },
    },
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphan',
      severity: 'error',
      from: {
        orphan: true,
        path: '^src/',
        pathNot: ['^src/console/page/', '^src/cli/main\\.ts$', '(worker|job)\\.ts$'],
      },
      to: {},
    },
    {
      name: 'source-does-not-import-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'no-development-dependency',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
