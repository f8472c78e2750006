import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Heap } from '../../../src/base/values/heap.js';

describe('a heap', () => {
  it('gives its items in order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 })), (items) => {
        const heap = new Heap(items, (a, b) => a < b);
        for (const item of [...items].sort((a, b) => a - b)) {
          assert.equal(heap.peek(), item);
          assert.equal(heap.pop(), item);
        }
        assert.equal(heap.size, 0);
        assert.deepEqual([heap.pop(), heap.peek()], [undefined, undefined]);
      }),
    );
  });

  it('moves its first item back when that has changed', () => {
    const keys = [1, 2, 3, 4, 5];
    const heap = new Heap(keys.keys(), (a, b) => keys[a]! < keys[b]!);
    keys[0] = 3.5;
    heap.sinkFirst();
    assert.deepEqual(
      keys.map(() => keys[heap.pop()!]),
      [2, 3, 3.5, 4, 5],
    );
  });
});
