import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../chaos/fuzz/fuzz-chaos.js';
import { fuzzCase } from '../../chaos/fuzz/mutate.js';

test('no parser falls over changed inputs', async () => {
  const { targets, cases, violations } = await run(['--cases', '20000', '--seed', '7']);
  assert.ok(targets > 30 && cases > 500_000, `${targets} parsers, ${cases} cases`);
  assert.deepEqual(violations, []);
});

test('a case is the same again, and another number is another case', () => {
  const inputs = [Buffer.from('{"a": [1, 2.5]}'), Buffer.from('<a b="c"/>')];
  const drawn = (index: number): string =>
    Buffer.from(fuzzCase(inputs, ['word'], [1, 'name', index])).toString('hex');
  const cases = Array.from({ length: 300 }, (_, index) => drawn(index));
  assert.deepEqual(
    cases,
    Array.from({ length: 300 }, (_, index) => drawn(index)),
  );
  assert.ok(new Set(cases).size > 200);
});
