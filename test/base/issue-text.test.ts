import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { issueText } from '../../src/base/words/issue-text.js';

const schema = z.strictObject({
  name: z.string().min(2).max(4),
  count: z.int().min(1).max(9),
  share: z.number().gt(0).lt(1).optional(),
  list: z.array(z.boolean()).min(1).max(2).optional(),
  mode: z.enum(['fast', 'slow']).optional(),
  own: z.string().regex(/^a/, 'begin with "a"').optional(),
});

function faults(value: unknown): string[] {
  const { error } = schema.safeParse(value, { error: issueText });
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('says in plain words what is wrong', () => {
  const good = { name: 'abc', count: 3 };
  assert.deepEqual(faults(good), []);
  assert.deepEqual(faults('text'), [': must be a map of names and values, not a string']);
  assert.deepEqual(faults({}), ['name: is missing', 'count: is missing']);
  assert.deepEqual(faults({ ...good, name: 7 }), ['name: must be a string, not 7']);
  assert.deepEqual(faults({ ...good, name: 'a' }), ['name: must have at least 2 characters']);
  assert.deepEqual(faults({ ...good, name: 'abcde' }), ['name: must have at most 4 characters']);
  assert.deepEqual(faults({ ...good, count: '3' }), ['count: must be a number, not a string']);
  assert.deepEqual(faults({ ...good, count: 1.5 }), ['count: must be a whole number, not 1.5']);
  assert.deepEqual(faults({ ...good, count: 0 }), ['count: must be at least 1']);
  assert.deepEqual(faults({ ...good, count: 10 }), ['count: must be at most 9']);
  assert.deepEqual(faults({ ...good, share: 0 }), ['share: must be more than 0']);
  assert.deepEqual(faults({ ...good, share: 1 }), ['share: must be less than 1']);
  assert.deepEqual(faults({ ...good, list: [] }), ['list: must have at least 1 entry']);
  assert.deepEqual(faults({ ...good, list: [true, null] }), [
    'list.1: must be true or false, not null',
  ]);
  assert.deepEqual(faults({ ...good, list: {} }), ['list: must be a list, not a map']);
  assert.deepEqual(faults({ ...good, mode: 'new' }), ['mode: must be "fast" or "slow"']);
  assert.deepEqual(faults({ ...good, more: 1 }), [': unknown field "more"']);
});

test('leaves the words of a schema alone', () => {
  assert.deepEqual(faults({ name: 'abc', count: 3, own: 'b' }), ['own: begin with "a"']);
});
