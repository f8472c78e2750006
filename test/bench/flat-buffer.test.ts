import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { writeFlatBuffer } from '../../bench/support/arm/flat-buffer.js';

const ALIGNMENT = 16;

/** Where the slot of a table lies; null when it is left out. */
function slotOf(bytes: DataView, table: number, slot: number): number | null {
  const vtable = table - bytes.getInt32(table, true);
  const offset = bytes.getUint16(vtable + 4 + 2 * slot, true);
  return offset === 0 ? null : table + offset;
}

function follow(bytes: DataView, at: number | null): number {
  assert.notEqual(at, null);
  return (at as number) + bytes.getUint32(at as number, true);
}

test('a reader of FlatBuffers finds what was written', () => {
  const row = fc.record({
    text: fc.string(),
    int: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    numbers: fc.uint8Array({ maxLength: 100 }),
    longs: fc.bigInt64Array({ maxLength: 5 }),
  });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), (rows) => {
      const written = writeFlatBuffer(
        [
          null,
          {
            tables: rows.map(({ text, int, numbers, longs }) => [
              { text },
              null,
              { int },
              { numbers, alignment: ALIGNMENT },
              { numbers: longs },
            ]),
          },
        ],
        'TEST',
      );
      assert.equal(Buffer.from(written).toString('latin1', 4, 8), 'TEST');
      const bytes = new DataView(written.buffer, written.byteOffset, written.byteLength);
      const root = follow(bytes, 0);
      assert.equal(slotOf(bytes, root, 0), null);
      const vector = follow(bytes, slotOf(bytes, root, 1));
      assert.equal(bytes.getUint32(vector, true), rows.length);
      for (const [i, { text, int, numbers, longs }] of rows.entries()) {
        const table = follow(bytes, vector + 4 + 4 * i);
        const textAt = follow(bytes, slotOf(bytes, table, 0));
        const length = bytes.getUint32(textAt, true);
        assert.equal(Buffer.from(written).toString('utf8', textAt + 4, textAt + 4 + length), text);
        assert.equal(bytes.getUint8(textAt + 4 + length), 0);
        assert.equal(slotOf(bytes, table, 1), null);
        assert.equal(bytes.getInt32(slotOf(bytes, table, 2) as number, true), int);
        const numbersAt = follow(bytes, slotOf(bytes, table, 3));
        assert.equal((numbersAt + 4) % ALIGNMENT, 0);
        assert.equal(bytes.getUint32(numbersAt, true), numbers.length);
        const elements = written.subarray(numbersAt + 4, numbersAt + 4 + numbers.length);
        assert.deepEqual([...elements], [...numbers]);
        const longsAt = follow(bytes, slotOf(bytes, table, 4));
        assert.equal((longsAt + 4) % 8, 0);
        const read = Array.from(longs, (_, j) => bytes.getBigInt64(longsAt + 4 + 8 * j, true));
        assert.deepEqual(read, [...longs]);
      }
    }),
  );
});
