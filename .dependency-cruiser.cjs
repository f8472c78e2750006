// The import table of docs/explanation/architecture.md, as a check.
// Every room may import base/ and the types of config/; beyond that only what stands here.
const mayImport = {
  base: [],
  config: [],
  storage: [],
  vision: [],
  camera: ['vision'],
  backbone: ['vision'],
  models: ['backbone', 'vision', 'head'],
  head: [],
  samples: ['storage', 'vision'],
  sync: ['storage', 'samples'],
  gate: ['head'],
  registry: ['head', 'gate'],
  training: ['storage', 'samples', 'backbone', 'head', 'gate', 'registry'],
  evaluation: ['training', 'samples', 'backbone', 'head', 'gate', 'registry', 'models'],
  perception: ['vision', 'backbone', 'head'],
  telemetry: ['storage'],
  fleet: ['head', 'registry', 'samples', 'storage', 'telemetry'],
  alerts: [],
  console: [],
  host: [],
};

const rooms = Object.entries(mayImport).flatMap(([room, allowed]) => [
  {
    name: `${room}-imports-only-its-floor`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: {
      path: '^src/',
      pathNot: ['base', 'config', room, ...allowed].map((r) => `^src/${r}/`),
    },
  },
  ...(room === 'config'
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

/** Packages behind one door: the room that owns the hazard is the only one that imports them. */
const doors = [
  ['database', ['storage/'], '(^|/)node_modules/libsql/|^(node:)?sqlite$'],
  ['picture-decoder', ['vision/'], 'node_modules/sharp/'],
  ['onnx-runtime', ['backbone/engines/', 'models/'], 'node_modules/onnxruntime-'],
  ['tensorflow', ['backbone/engines/', 'models/'], 'node_modules/@tensorflow/'],
  ['fleet-database', ['fleet/hub/'], '(^|/)node_modules/pg/'],
  ['kernel-interface', ['alerts/gpio/', 'host/'], 'node_modules/koffi/'],
].map(([what, owners, path]) => ({
  name: `only-its-room-imports-the-${what}`,
  severity: 'error',
  from: { path: '^src/', pathNot: owners.map((owner) => `^src/${owner}`) },
  to: { path },
}));

module.exports = {
  forbidden: [
    ...rooms,
    ...doors,
    {
      name: 'nothing-imports-the-command-line',
      severity: 'error',
      from: { path: '^src/(?!cli/)' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'only-the-command-line-imports-the-agent',
      severity: 'error',
      from: { path: '^src/(?!cli/|agent/)' },
      to: { path: '^src/agent/' },
    },
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphan',
      severity: 'error',
      from: {
        orphan: true,
        path: '^src/',
        pathNot: ['^src/console/page/boot\\.tsx$', '^src/cli/main\\.ts$', '(worker|job)\\.ts$'],
      },
      to: {},
    },
    {
      name: 'source-does-not-import-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|chaos)/' },
    },
    {
      name: 'the-page-is-built-from-itself-and-the-types-of-the-console',
      severity: 'error',
      from: { path: '^src/console/page/' },
      to: {
        path: '^(src|test|bench|chaos)/',
        pathNot: ['^src/console/page/', '^src/console/contract/'],
      },
    },
    {
      name: 'the-page-takes-only-types-of-the-console',
      severity: 'error',
      from: { path: '^src/console/page/' },
      to: { path: '^src/console/contract/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-its-build-imports-the-page',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/console/page/' },
      to: { path: '^src/console/page/' },
    },
    {
      // What the page imports is built into it.
      name: 'no-development-dependency',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/console/page/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.node.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
