import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { chooseRedundant, type ThinningCandidate } from '../../src/samples/limit/thinning.js';
import type { SampleStore } from '../../src/samples/store.js';
import { hasCode } from '../errors.js';
import { newSample, openStore, temporaryStore } from './support.js';

const CHECKSUM = 'a'.repeat(64);

/** Admits a labelled sample that has been embedded. */
function learn(store: SampleStore, content: string, label: string, group = 'g'): string {
  const { sample } = store.admit(newSample(content, { label, group }));
  embed(store, sample.id);
  return sample.id;
}

function embed(store: SampleStore, sampleId: string, backboneChecksum = CHECKSUM): void {
  const features = Float32Array.of(1, 2);
  store.putFeatures([
    { sampleId, backboneChecksum, recipe: '', view: 0, features },
    { sampleId, backboneChecksum, recipe: 'r', view: 1, features },
  ]);
}

const size = newSample('00').jpeg.length;
const name = (i: number): string => String(i).padStart(2, '0');

describe('a store at its limit', () => {
  it('removes pictures of the largest class and keeps labels and features', (t) => {
    const thinned: number[] = [];
    const { store, database } = temporaryStore(t, {
      holdoutAfterSamples: 1_000,
      maxPictureStoreBytes: 10 * size,
      minPicturesPerClass: 2,
      onThinned: ({ pictures }) => thinned.push(pictures),
    });
    const crops = Array.from({ length: 7 }, (_, i) => learn(store, name(i), 'crop'));
    const weeds = Array.from({ length: 3 }, (_, i) => learn(store, name(20 + i), 'weed'));
    for (let i = 0; i < 4; i++) learn(store, name(40 + i), 'stone');
    const gone = [...crops, ...weeds].filter((id) => store.picture(id) === null);
    assert.equal(gone.length, 4);
    assert.deepEqual(thinned, [1, 1, 1, 1]);
    assert.ok(gone.every((id) => crops.includes(id)));
    for (const id of gone) {
      assert.equal(store.known(id).label, 'crop');
      assert.equal(store.known(id).pictureBytes, 0);
      assert.deepEqual(store.features([id], CHECKSUM, 'r', 1).get(id)?.length, 2);
    }
    const { labelled, thinned: counted, pictureBytes } = store.counts();
    assert.deepEqual([labelled, counted, pictureBytes], [14, 4, 10 * size]);
    assert.equal(
      database.prepare<{ n: number }>('SELECT count(*) AS n FROM pictures').get()!.n,
      10,
    );
    store.dropFeatures({ exceptBackbone: 'another', exceptRecipe: 'other' });
    for (const id of gone) assert.ok(store.features([id], CHECKSUM, 'r', 1).get(id)?.[0]);
    assert.equal(store.features(weeds, CHECKSUM, 'r', 1).get(weeds[0]!)?.[0], null);
  });

  it('keeps a floor of every class, on each side of the holdout', (t) => {
    const { store } = temporaryStore(t, {
      holdoutAfterSamples: 1_000,
      maxPictureStoreBytes: 6 * size,
      minPicturesPerClass: 3,
    });
    for (const label of ['crop', 'weed']) {
      for (let i = 0; i < 3; i++) learn(store, `${label === 'crop' ? 1 : 2}${i}`, label);
    }
    assert.throws(() => learn(store, '40', 'crop'), hasCode('HL_STORE_LIMIT'));
    assert.equal(store.counts().thinned, 0);
    assert.equal(store.counts().labelled, 6);
  });

  it('keeps pictures that wait for a label in any task, and those never embedded', (t) => {
    const { store } = temporaryStore(t, {
      holdoutAfterSamples: 1_000,
      maxPictureStoreBytes: 5 * size,
      minPicturesPerClass: 1,
    });
    const shared = learn(store, '01', 'crop');
    store.forTask('way').adopt(shared, { label: null, labelSource: null });
    const alsoShared = learn(store, '07', 'crop');
    store.forTask('way').adopt(alsoShared, { label: null, labelSource: null });
    const raw = store.admit(newSample('02', { label: 'crop' })).sample.id;
    const waiting = store.admit(newSample('03')).sample.id;
    const usable = learn(store, '04', 'crop');
    store.admit(newSample('05'));
    assert.equal(store.picture(usable), null);
    for (const id of [shared, alsoShared, raw, waiting]) assert.ok(store.picture(id));
    assert.throws(() => store.admit(newSample('06')), hasCode('HL_STORE_LIMIT'));
  });

  it('keeps pictures that the running backbone has not embedded', (t) => {
    const other = 'b'.repeat(64);
    let running: string | null = other;
    const { store } = temporaryStore(t, {
      holdoutAfterSamples: 1_000,
      maxPictureStoreBytes: 4 * size,
      minPicturesPerClass: 1,
      backboneChecksum: () => running,
    });
    const [first] = ['01', '02', '03', '04'].map((content) => learn(store, content, 'crop'));
    assert.throws(() => learn(store, '05', 'crop'), hasCode('HL_STORE_LIMIT'));
    embed(store, first!, other);
    learn(store, '05', 'crop');
    assert.equal(store.picture(first!), null);
    assert.throws(() => learn(store, '06', 'crop'), hasCode('HL_STORE_LIMIT'));
    // While none runs, the one that embedded a sample last counts.
    running = null;
    learn(store, '06', 'crop');
    assert.equal(store.counts().thinned, 2);
  });

  it('takes the original back when it is imported again, if it fits', (t) => {
    const { store, path } = temporaryStore(t, {
      holdoutAfterSamples: 1_000,
      maxPictureStoreBytes: 2 * size,
      minPicturesPerClass: 1,
    });
    const ids = ['01', '02', '03'].map((content) => learn(store, content, 'crop'));
    const gone = ids.findIndex((id) => store.picture(id) === null);
    const { jpeg } = newSample(['01', '02', '03'][gone]!);
    assert.equal(store.restorePicture(ids[gone]!, jpeg), false, 'no room');
    const { store: larger, database } = openStore(path, { maxPictureStoreBytes: 3 * size });
    t.after(() => database.close());
    assert.equal(larger.restorePicture(ids[gone]!, Buffer.from('another')), false);
    assert.equal(larger.restorePicture(ids[gone]!, jpeg), true);
    assert.deepEqual(Buffer.from(larger.picture(ids[gone]!)!), jpeg);
    assert.equal(larger.restorePicture(ids[gone]!, jpeg), false, 'it is there');
    assert.deepEqual([larger.counts().thinned, larger.counts().pictureBytes], [0, 3 * size]);
  });

  it('never thins without the setting', (t) => {
    for (const setting of [{}, { minPicturesPerClass: null }]) {
      const { store } = temporaryStore(t, { maxPictureStoreBytes: 2 * size, ...setting });
      learn(store, '01', 'crop');
      learn(store, '02', 'crop');
      assert.throws(() => learn(store, '03', 'crop'), hasCode('HL_STORE_LIMIT'));
    }
  });

  it('shrinks step by step to a limit that was lowered, and loses nothing to a refusal', (t) => {
    const { store, path } = temporaryStore(t, { holdoutAfterSamples: 1_000 });
    for (let i = 0; i < 60; i++) learn(store, name(i), 'crop');
    const thinned: number[] = [];
    const { store: lowered, database } = openStore(path, {
      holdoutAfterSamples: 1_000,
      maxPictureStoreBytes: 20 * size,
      minPicturesPerClass: 30,
      onThinned: ({ pictures }) => thinned.push(pictures),
    });
    t.after(() => database.close());
    for (let i = 60; i < 65; i++) {
      learn(lowered, name(i), 'crop');
      assert.equal(lowered.counts().pictureBytes, 60 * size, 'never grows');
    }
    assert.deepEqual(thinned, [1, 1, 1, 1, 1]);
    // One image is larger than what may go.
    const large = newSample('99', { jpeg: Buffer.alloc(31 * size) });
    assert.throws(() => lowered.admit(large), hasCode('HL_STORE_LIMIT'));
    assert.equal(lowered.counts().pictureBytes, 60 * size);
    assert.equal(thinned.length, 5);
  });

  it('frees at most one hundredth of the limit for one image', (t) => {
    const { store, path } = temporaryStore(t, { holdoutAfterSamples: 1_000 });
    for (let i = 0; i < 300; i++) learn(store, String(i).padStart(3, '0'), 'crop');
    const stored = store.counts().pictureBytes;
    const limit = { maxPictureStoreBytes: 200 * newSample('000').jpeg.length };
    const { store: lowered, database } = openStore(path, {
      holdoutAfterSamples: 1_000,
      minPicturesPerClass: 1,
      ...limit,
    });
    t.after(() => database.close());
    const sizes = Array.from({ length: 110 }, (_, i) => {
      learn(lowered, `9${String(i).padStart(2, '0')}x`, 'weed');
      return lowered.counts().pictureBytes;
    });
    for (const [i, after] of sizes.entries()) {
      const before = sizes[i - 1] ?? stored;
      assert.ok(before - after <= limit.maxPictureStoreBytes / 100, `${before} to ${after}`);
    }
    assert.ok(sizes.at(-1)! <= limit.maxPictureStoreBytes);
  });
});

test('no picture is stored while the disk has less than its floor', (t) => {
  let free: number | null = 1_000;
  const { store } = temporaryStore(t, { minFreeBytes: 1_000, freeBytes: () => free });
  const { id } = store.admit(newSample('01')).sample;
  free = 999;
  assert.throws(() => store.admit(newSample('02')), hasCode('HL_DISK_LOW'));
  assert.equal(store.label(id, 'crop', 'cli').label, 'crop');
  free = null;
  store.admit(newSample('02'));
});

const candidate = fc.record({
  group: fc.constantFrom('a', 'b', 'c'),
  capturedAtMs: fc.nat(100),
  dhash: fc.constantFrom('0000000000000000', '0000000000000001', 'ffffffffffffffff'),
  pictureBytes: fc.integer({ min: 1, max: 9 }),
  classes: fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { minLength: 1 }),
});

test('thinning keeps the floor, frees what it can and takes from the largest class', () => {
  fc.assert(
    fc.property(
      fc.array(candidate, { maxLength: 60 }),
      fc.nat(200),
      fc.integer({ min: 1, max: 6 }),
      (facts, bytes, floor) => {
        const candidates: ThinningCandidate[] = facts.map((fact, i) => ({ id: name(i), ...fact }));
        const counts = new Map<string, number>();
        for (const { classes } of candidates) {
          for (const one of classes) counts.set(one, (counts.get(one) ?? 0) + 1);
        }
        const chosen = chooseRedundant(candidates, counts, bytes, floor);
        assert.equal(new Set(chosen).size, chosen.length);
        const left = candidates.filter(({ id }) => !chosen.includes(id));
        for (const [one, before] of counts) {
          const after = left.filter(({ classes }) => classes.includes(one)).length;
          assert.ok(after >= Math.min(before, floor));
        }
        const freed = candidates
          .filter(({ id }) => chosen.includes(id))
          .reduce((sum, { pictureBytes }) => sum + pictureBytes, 0);
        if (freed >= bytes) return;
        // Nothing more could go.
        for (const { classes } of left) {
          assert.ok(
            classes.some(
              (one) => left.filter((other) => other.classes.includes(one)).length <= floor,
            ),
          );
        }
      },
    ),
  );
});

test('thinning takes the most alike of the largest group first', () => {
  const one = (id: string, group: string, dhash: string, capturedAtMs: number) => ({
    id,
    group,
    dhash,
    capturedAtMs,
    pictureBytes: 1,
    classes: ['x'],
  });
  const candidates = [
    one('a', 'long', '0000000000000000', 1),
    one('b', 'long', 'ffffffffffffffff', 2),
    one('c', 'long', 'fffffffffffffffe', 3),
    one('d', 'short', '0000000000000000', 4),
    one('e', 'short', '0000000000000000', 5),
  ];
  assert.deepEqual(chooseRedundant(candidates, new Map([['x', 5]]), 1, 1), ['c']);
  assert.deepEqual(chooseRedundant(candidates, new Map([['x', 5]]), 2, 1), ['c', 'a']);
});
