import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/base/errors.js';
import { ByteReader } from '../../src/models/torch/byte-reader.js';
import { readStateDict } from '../../src/models/torch/state-dict.js';
import { unpickle } from '../../src/models/torch/unpickle.js';
import { fixture } from '../backbone/support.js';

const expected = JSON.parse(readFileSync(fixture('tiny-state.json'), 'utf8')) as Record<
  string,
  { shape: number[]; data: number[] }
>;
const refused = (error: unknown) => isHeadlandError(error, 'HL_MODEL_PICKLE_REFUSED');

for (const format of ['zip', 'legacy']) {
  const file = readFileSync(fixture(`tiny-${format}.pth`));

  test(`${format}: every tensor is as PyTorch has it, whatever its type and strides`, () => {
    const state = readStateDict(file);
    assert.deepEqual([...state.keys()], Object.keys(expected));
    for (const [name, { shape, data }] of Object.entries(expected)) {
      assert.deepEqual(state.get(name)?.shape, shape, name);
      assert.deepEqual([...(state.get(name)?.data ?? [])], data, name);
    }
  });

  test(`${format}: a pickle that calls os.system is refused and not run`, () => {
    assert.throws(
      () => readStateDict(readFileSync(fixture(`evil-${format}.pth`))),
      (error) => refused(error) && /posix\.system/.test((error as Error).message),
    );
    assert.ok(!existsSync('headland-was-here'));
  });

  test(`${format}: cut off anywhere it is refused`, () => {
    for (let length = 0; length < file.length - 1; length++) {
      assert.throws(() => readStateDict(file.subarray(0, length)), refused, `${length} bytes`);
    }
  });

  test(`${format}: changed bytes give tensors or a typed error, never anything else`, () => {
    const change = fc.tuple(fc.nat(file.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Uint8Array.from(file);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          for (const { shape, data } of readStateDict(bytes).values()) {
            assert.equal(
              data.length,
              shape.reduce((product, n) => product * n, 1),
            );
          }
        } catch (error) {
          if (!refused(error)) throw error;
        }
      }),
      { numRuns: 3_000 },
    );
  });
}

test('protocol 4 reaches no global either', () => {
  const reader = new ByteReader(readFileSync(fixture('evil-protocol4.pkl')));
  const rules = {
    globals: new Set<string>(),
    call: () => assert.fail('called'),
    persistent: () => assert.fail('asked'),
  };
  assert.throws(
    () => unpickle(reader, rules),
    (error) => refused(error) && /builtins\.eval/.test((error as Error).message),
  );
});

test('a tensor that unfolds to more than its storage is refused', () => {
  assert.throws(
    () => readStateDict(readFileSync(fixture('bomb-zip.pth'))),
    (error) => refused(error) && /larger than what the file holds/.test((error as Error).message),
  );
});

test('the bound on elements holds', () => {
  assert.throws(() => readStateDict(readFileSync(fixture('tiny-zip.pth')), 20), refused);
});

test('arbitrary bytes are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      assert.throws(() => readStateDict(bytes), refused);
    }),
  );
});
