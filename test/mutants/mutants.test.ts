import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MUTANTS } from './list/all.js';
import { mutatedSource, REPOSITORY, titleOf } from './mutant.js';

test('the text of every mutant stands once in its file, and its tests are there', () => {
  const faults = MUTANTS.flatMap((mutant) => {
    const faultsOfTests = mutant.tests
      .filter(({ file }) => !existsSync(join(REPOSITORY, file)))
      .map(({ file }) => `${titleOf(mutant)}\n  there is no ${file}`);
    try {
      mutatedSource(mutant, REPOSITORY);
      return faultsOfTests;
    } catch (error) {
      assert.ok(error instanceof Error);
      return [`${titleOf(mutant)}\n  ${error.message}`, ...faultsOfTests];
    }
  });
  assert.deepEqual(faults, []);
});

test('each promise is attacked once', () => {
  const titles = MUTANTS.map(titleOf);
  assert.deepEqual(
    titles.filter((title, i) => titles.indexOf(title) !== i),
    [],
  );
});
