import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const root = fileURLToPath(new URL('../', import.meta.url));
const compiled = resolve(root, 'dist/src');
const outDir = resolve(root, 'dist/commands');

/** Packages of JavaScript alone. All others stay in node_modules: they find their own files there. */
const BUNDLED = ['commander', 'croner', 'fastest-levenshtein', 'fflate', 'uqr', 'yaml', 'zod'];

/** What is loaded together, each with what it imports; what a part before has taken, it uses from there. */
const PARTS = {
  program: [
    '/node_modules/commander/',
    '/dist/src/base/errors.',
    '/dist/src/base/log',
    '/dist/src/base/redact.',
    '/dist/src/base/values/',
    '/dist/src/base/words/',
    '/dist/src/cli/command-table.',
    '/dist/src/cli/commands.',
    '/dist/src/cli/support/command-log.',
    '/dist/src/cli/support/output.',
    '/dist/src/cli/support/parse-whole.',
    '/dist/src/cli/support/prose.',
    '/dist/src/cli/support/state-options.',
    '/dist/src/cli/support/version.',
    '/dist/src/config/default-ports.',
  ],
  settings: [
    '/node_modules/fastest-levenshtein/',
    '/node_modules/yaml/',
    '/node_modules/zod/',
    '/dist/src/cli/support/resolve-config.',
    '/dist/src/config/',
  ],
  files: ['/dist/src/base/files/', '/dist/src/base/hash.', '/dist/src/samples/grouping/'],
  storage: ['/dist/src/agent/lifetime/state-folder.', '/dist/src/storage/'],
  state: ['/dist/src/agent/open-state.', '/dist/src/gate/', '/dist/src/registry/'],
};

/**
 * The short commands of `headland`: the modules that the compiler wrote into dist/src, and packages that
 * they use, in few files. Node.js needs more than a millisecond for each module that it loads.
 */
export default defineConfig({
  publicDir: false,
  logLevel: 'warn',
  plugins: [
    {
      name: 'place-of-the-module',
      /** A module finds workers and files of the package from its own place, not from that of the bundle. */
      transform(code, id) {
        if (!id.startsWith(compiled) || !code.includes('import.meta.url')) return null;
        const place = JSON.stringify(relative(outDir, id));
        return code.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`);
      },
    },
  ],
  // Its modules for browsers do the same; Node.js gets them as CommonJS, which is bundled as it is.
  resolve: { alias: { yaml: resolve(root, 'node_modules/yaml/browser/index.js') } },
  ssr: { noExternal: BUNDLED },
  build: {
    ssr: resolve(compiled, 'cli/main.js'),
    outDir,
    emptyOutDir: true,
    target: 'node20',
    minify: false,
    rolldownOptions: {
      output: {
        // All in one folder, so that the place of a module is the same from each file.
        chunkFileNames: '[name]-[hash].js',
        codeSplitting: {
          groups: Object.entries(PARTS).map(([name, places], index, { length }) => ({
            name,
            priority: length - index,
            test: (id: string) => places.some((place) => id.includes(place)),
          })),
        },
      },
    },
  },
});
