// `npm run mutants`: spoils the source in one place at a time, in a copy, and runs the tests that
// must notice. With --json the only line on standard output is {"mutants":N,"survived":[…]}.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTANTS } from './list/all.js';
import { REPOSITORY, titleOf } from './mutant.js';
import { runMutants } from './runner.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
});
const jobs = Number(values.jobs);
const mutants = MUTANTS.filter((mutant) => titleOf(mutant).includes(values.only));
const say = (line: string): void => void process.stderr.write(`${line}\n`);
if (!Number.isInteger(jobs) || jobs < 1) fail('--jobs is not a whole number from 1');
if (mutants.length === 0)
  fail(`no mutant's file and promise contain ${JSON.stringify(values.only)}`);

const folder = mkdtempSync(join(tmpdir(), 'headland-mutants-'));
// A broker that a test starts may run as another user.
chmodSync(folder, 0o755);
const stop = new AbortController();
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => stop.abort());
}
try {
  const { tried, survived } = await runMutants(mutants, {
    repository: REPOSITORY,
    folder,
    jobs,
    say,
    signal: stop.signal,
  });
  const result = { mutants: tried.length, survived: survived.map(titleOf) };
  say(`${tried.length} mutants, ${survived.length} survived`);
  if (tried.length < mutants.length) {
    say(`${mutants.length - tried.length} more cannot be tried here: their tests skip themselves`);
  }
  for (const title of result.survived) say(`  survived: ${title}`);
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exitCode = survived.length > 0 ? 1 : 0;
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

function fail(message: string): never {
  say(message);
  process.exit(2);
}
