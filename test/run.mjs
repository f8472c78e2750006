// Runs the compiled tests: `node test/run.mjs [part of a path …]`. The sources say which: dist/ may
// hold tests of earlier builds.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('.', import.meta.url));
const compiled = fileURLToPath(new URL('../dist/test/', import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(sources, { recursive: true })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => file.replace(/\.ts$/, '.js'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
  .map((file) => join(compiled, file));
if (files.length === 0) {
  process.stderr.write('no test file matches\n');
  process.exit(1);
}
const reporters = process.stdout.isTTY
  ? ['spec']
  : ['tap', new URL('failures-reporter.mjs', import.meta.url).href];
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-concurrency=2',
    '--enable-source-maps',
    ...reporters.flatMap((reporter) => [
      `--test-reporter=${reporter}`,
      '--test-reporter-destination=stdout',
    ]),
    ...files,
  ],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
