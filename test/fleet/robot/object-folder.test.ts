import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256Hex } from '../../../src/base/hash.js';
import { ObjectFolder } from '../../../src/fleet/robot/objects/object-folder.js';
import { hasCode } from '../../errors.js';
import { temporaryFolder } from '../../temporary-folder.js';

const PARTS = 24;
const PART_BYTES = 10;

function partsOf(object: Uint8Array): { index: number; offset: number; bytes: Uint8Array }[] {
  return Array.from({ length: PARTS }, (_, index) => {
    const offset = index * PART_BYTES;
    return { index, offset, bytes: object.subarray(offset, offset + PART_BYTES) };
  });
}

test('parts make their object in whatever order they come', async (t) => {
  const folder = new ObjectFolder(temporaryFolder(t));
  const order = fc.shuffledSubarray([...Array(PARTS).keys()], { minLength: PARTS });
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 240, maxLength: 240 }),
      order,
      async (object, at) => {
        const id = sha256Hex(object);
        const parts = partsOf(object);
        for (const index of at) {
          const part = parts[index]!;
          await folder.putPart(id, part.index, part.offset, part.bytes);
        }
        await folder.assemble({ object: id, bytes: object.length, chunks: PARTS });
        assert.deepEqual(new Uint8Array(await folder.read(id)), object);
        assert.deepEqual(await folder.partsOf(id), []);
        await folder.keepOnly(new Set());
        assert.deepEqual(readdirSync(folder.dir), []);
      },
    ),
    { numRuns: 5 },
  );
});

test('parts that do not make the object are removed, so that they come again', async (t) => {
  const folder = new ObjectFolder(temporaryFolder(t));
  const object = Uint8Array.from({ length: 240 }, (_, i) => i);
  const id = sha256Hex(object);
  const offer = { object: id, bytes: object.length, chunks: PARTS };
  const faults: ((parts: ReturnType<typeof partsOf>) => unknown)[] = [
    (parts) => parts.pop(),
    (parts) => (parts[3]!.bytes = Uint8Array.from(parts[3]!.bytes, (byte) => byte ^ 1)),
    (parts) => (parts[3]!.bytes = parts[3]!.bytes.subarray(1)),
    (parts) => (parts[3]!.offset += 1),
    (parts) => (parts[23]!.bytes = new Uint8Array(11)),
  ];
  for (const fault of faults) {
    const parts = partsOf(object);
    fault(parts);
    for (const { index, offset, bytes } of parts) await folder.putPart(id, index, offset, bytes);
    await assert.rejects(folder.assemble(offer), hasCode('HL_FLEET_OBJECT_DAMAGED'));
    assert.deepEqual(await folder.partsOf(id), []);
    assert.equal(await folder.has(id), false);
  }
});
