import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder, writeFiles } from '../temporary-folder.js';
import type { Mutant } from './mutant.js';
import { runMutants } from './runner.js';

/** A repository whose test does not tell adding from multiplying. */
const REPOSITORY: Record<string, string> = {
  'package.json': '{ "type": "module" }',
  'tsconfig.node.json': JSON.stringify({
    compilerOptions: { target: 'ES2022', module: 'NodeNext', strict: true, types: [] },
  }),
  'node_modules/nothing': '',
  'src/sum.ts': 'export const sum = (a: number, b: number): number => a + b;\n',
  'dist/src/sum.js': 'export const sum = (a, b) => a + b;\n',
  'dist/test/sum.test.js': `
    import assert from 'node:assert/strict';
    import test from 'node:test';
    import { sum } from '../src/sum.js';
    test('adds', () => assert.equal(sum(2, 2), 4));
    test('is wrong', () => assert.equal(sum(2, 2), 5));
    test('needs a tool', { skip: 'the tool is missing' }, () => assert.equal(sum(2, 2), 4));`,
};

function sumMutant(change: Partial<Mutant>, names = 'adds'): Mutant {
  return {
    promise: 'sums are right',
    file: 'src/sum.ts',
    text: 'a + b',
    replacement: 'a - b',
    tests: [{ file: 'test/sum.test.ts', names }],
    ...change,
  };
}

/** Writes the repository; what it holds afterwards, and what comes of mutants in it. */
function prepare(t: TestContext) {
  const folder = temporaryFolder(t);
  const repository = writeFiles(join(folder, 'repository'), REPOSITORY);
  const said: string[] = [];
  const run = (...mutants: Mutant[]) =>
    runMutants(mutants, {
      repository,
      folder: mkdtempSync(join(folder, 'copies-')),
      jobs: 2,
      say: (line) => said.push(line),
      signal: new AbortController().signal,
    });
  const content = (): Record<string, string> =>
    Object.fromEntries(
      Object.keys(REPOSITORY).map((path) => [path, readFileSync(join(repository, path), 'utf8')]),
    );
  return { folder, said, run, content };
}

describe('the runner of mutants', { timeout: TEST_HANG_MS }, () => {
  test('tells what tests notice from what they do not, and leaves the repository alone', async (t) => {
    const { folder, said, run, content } = prepare(t);
    const caught = sumMutant({});
    const missed = sumMutant({ promise: 'sums are no products', replacement: 'a * b' });
    const untried = sumMutant({ promise: 'the tool is there' }, 'needs a tool');
    const { tried, survived } = await run(caught, missed, untried);
    assert.deepEqual(tried, [caught, missed]);
    assert.deepEqual(survived, [missed]);
    assert.ok(said.some((line) => line.includes('SURVIVED') && line.includes('no products')));
    assert.ok(said.some((line) => line.endsWith('the tool is missing')));
    assert.deepEqual(content(), REPOSITORY);
    const copies = readdirSync(folder).filter((name) => name.startsWith('copies-'));
    assert.deepEqual(readdirSync(join(folder, copies[0]!)), [], 'the copies are gone');
  });

  test('refuses a list that proves nothing, and names every fault', async (t) => {
    const { run } = prepare(t);
    await assert.rejects(
      run(sumMutant({ text: 'a / b' }), sumMutant({ text: 'number' })),
      /src\/sum\.ts: sums are right\n +the text is gone: "a \/ b".*the text stands 3 times/s,
    );
    await assert.rejects(run(sumMutant({ replacement: 'a +' })), /Expression expected/);
    await assert.rejects(run(sumMutant({ replacement: "'a'" })), /not assignable to type 'number'/);
    await assert.rejects(run(sumMutant({}, 'is wrong')), /is red without a mutant/);
    await assert.rejects(run(sumMutant({}, 'no such test')), /runs no test without a mutant/);
  });
});
