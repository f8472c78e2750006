import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { cosine, NEAR_DUPLICATE_COSINE } from '../../src/base/cosine.js';
import { isHoldoutGroup } from '../../src/samples/holdout.js';
import { LookAlikes } from '../../src/samples/look-alikes.js';
import type { NewSample } from '../../src/samples/sample.js';
import type { SampleStore } from '../../src/samples/store.js';
import { hasCode } from '../errors.js';
import { newSample, temporaryStore } from './support.js';

const BACKBONE = 'sum';
const WINDOW_MS = 30_000;
const START_MS = 1_700_000_000_000;
const SHARE = 0.5;

/** Names of groups by the side on which the store puts them first. */
const [HELD, TRAINED] = [true, false].map((held) =>
  Array.from({ length: 200 }, (_, i) => `pass-${i}`).filter(
    (group) => isHoldoutGroup(group, SHARE) === held,
  ),
) as [string[], string[]];

/** A unit vector at an angle, so that the cosine of two is that of the difference of their angles. */
function at(degrees: number): Float32Array {
  const angle = (degrees * Math.PI) / 180;
  return Float32Array.of(Math.cos(angle), Math.sin(angle));
}

function field(t: TestContext) {
  const { store } = temporaryStore(t, { holdoutShare: SHARE });
  let number = 0;
  const keep = (
    degrees: number | null,
    given: Partial<NewSample> = {},
    of: SampleStore = store,
  ): string => {
    number += 1;
    const content = newSample(`${number}`, { capturedAtMs: START_MS + number, ...given });
    const { sample } = of.admit(content);
    if (degrees !== null) {
      store.putFeatures([
        {
          sampleId: sample.id,
          backboneChecksum: BACKBONE,
          recipe: '',
          view: 0,
          features: at(degrees),
        },
      ]);
    }
    return sample.id;
  };
  const alikes = (of = store, checksum: string | null = BACKBONE) =>
    new LookAlikes(of, { groupWindowMs: WINDOW_MS, backboneChecksum: () => checksum });
  const sideOf = (id: string, of = store) => of.get(id)?.holdout;
  return { store, keep, alikes, sideOf };
}

describe('look-alikes of a sample', () => {
  test('wait, are of its source and pass, and come most alike first', (t) => {
    const { keep, alikes } = field(t);
    const sample = keep(0);
    const near = keep(20);
    const nearer = keep(5, { group: 'next', capturedAtMs: START_MS + 10 * WINDOW_MS });
    keep(26);
    keep(null);
    keep(1, { label: 'weed' });
    keep(1, { source: 'other' });
    keep(1, { group: 'late', capturedAtMs: START_MS + 10 * WINDOW_MS + 2 });
    const longPass = keep(10, { capturedAtMs: START_MS + 100 * WINDOW_MS });
    const found = alikes().of(sample);
    assert.deepEqual(
      found.map((each) => each.sample.id),
      [nearer, longPass, near],
    );
    assert.ok(Math.abs(found[0]!.cosine - Math.cos((5 * Math.PI) / 180)) < 1e-3);
  });

  test('are at most 63, so that all can be labelled with it', (t) => {
    const { keep, alikes } = field(t);
    const sample = keep(0);
    for (let i = 0; i < 70; i++) keep(i / 10);
    const found = alikes().of(sample);
    assert.equal(found.length, 63);
    assert.ok(found.every((each, i) => i === 0 || each.cosine <= found[i - 1]!.cosine));
  });

  test('are known by the running backbone; without one, by the newest embedding', (t) => {
    const { store, keep, alikes } = field(t);
    const [sample, other] = [keep(0), keep(3)];
    assert.throws(() => alikes(store, 'another').of(sample), hasCode('HL_SAMPLE_NOT_EMBEDDED'));
    assert.deepEqual(
      alikes(store, null)
        .of(sample)
        .map((each) => each.sample.id),
      [other],
    );
    assert.throws(() => alikes().of(keep(null)), hasCode('HL_SAMPLE_NOT_EMBEDDED'));
    assert.throws(() => alikes(store, null).of(keep(null)), hasCode('HL_SAMPLE_NOT_EMBEDDED'));
    assert.throws(() => alikes().of('gone'), hasCode('HL_SAMPLE_UNKNOWN'));
  });
});

describe('labelling samples together', () => {
  test('labels all or none', (t) => {
    const { store, keep, alikes } = field(t);
    const ids = [keep(0), keep(1), keep(2, { group: 'next' })];
    const before = store.list();
    assert.throws(
      () => alikes().label([...ids, 'gone'], 'weed', 'cli'),
      hasCode('HL_SAMPLE_UNKNOWN'),
    );
    assert.throws(() => alikes().label(ids, ' ', 'cli'), hasCode('HL_LABEL_INVALID'));
    assert.deepEqual([store.list(), store.labelRevision()], [before, 0]);
    const labelled = alikes().label([...ids, ids[0]!], ' weed', 'console');
    assert.deepEqual(
      labelled.map(({ id, label, labelSource }) => [id, label, labelSource]),
      ids.map((id) => [id, 'weed', 'console']),
    );
    assert.equal(store.labelRevision(), 3);
  });

  test('near-duplicates come into the group of the labelled one; others stay', (t) => {
    const { store, keep, alikes } = field(t);
    const anchor = keep(0, { label: 'weed', group: HELD[0]! });
    const [near, chained, far] = [
      keep(9, { group: TRAINED[0]! }),
      keep(18, { group: TRAINED[1]! }),
      keep(40, { group: TRAINED[2]! }),
    ];
    const elsewhere = keep(1, { group: TRAINED[3]!, source: 'other' });
    alikes().label([far, chained, near, elsewhere], 'weed', 'cli');
    assert.deepEqual(
      [anchor, near, chained, far, elsewhere].map((id) => store.get(id)?.group),
      [HELD[0], HELD[0], HELD[0], TRAINED[2], TRAINED[3]],
    );
    assert.deepEqual(
      [anchor, near, chained, far].map((id) => store.get(id)?.holdout),
      [true, true, true, false],
    );
  });

  test('another label is no reason to move', (t) => {
    const { store, keep, alikes } = field(t);
    keep(0, { label: 'crop', group: HELD[0]! });
    const near = keep(1, { group: TRAINED[0]! });
    alikes().label([near], 'weed', 'cli');
    assert.deepEqual([store.get(near)?.group, store.get(near)?.holdout], [TRAINED[0], false]);
  });

  test('a group that was learnt is never held out; a held-out one joins it', (t) => {
    const { store, keep, alikes, sideOf } = field(t);
    const held = keep(0, { label: 'weed', group: HELD[0]! });
    const learnt = keep(8, { label: 'weed', group: TRAINED[0]! });
    const near = keep(4, { group: HELD[1]! });
    assert.deepEqual([sideOf(held), sideOf(learnt)], [true, false]);
    alikes().label([near], 'weed', 'cli');
    assert.deepEqual([sideOf(held), sideOf(learnt), sideOf(near)], [false, false, false]);
    assert.deepEqual([store.get(held)?.group, store.get(learnt)?.group], [HELD[0], TRAINED[0]]);
  });

  test('a sample that another task has learnt keeps its group, and the others join it', (t) => {
    const { store, keep, alikes } = field(t);
    const gates = store.forTask('gates', { holdoutShare: SHARE, holdoutAfterSamples: 0 });
    const known = keep(0, { label: 'open', group: TRAINED[0]! }, gates);
    const near = keep(2, { group: HELD[0]! });
    const labelled = alikes().label([near, known], 'weed', 'cli');
    assert.deepEqual(
      labelled.map(({ group, holdout }) => [group, holdout]),
      [
        [TRAINED[0], false],
        [TRAINED[0], false],
      ],
    );
    assert.deepEqual([gates.get(known)?.label, gates.get(known)?.holdout], ['open', false]);
  });

  test('what waits does not turn a held-out group into a training group', (t) => {
    const { keep, alikes, sideOf } = field(t);
    const held = keep(0, { label: 'weed', group: HELD[0]! });
    keep(90, { label: 'crop', group: TRAINED[0]! });
    const waiting = keep(1, { group: TRAINED[0]! });
    alikes().label([waiting], 'weed', 'cli');
    assert.deepEqual([sideOf(held), sideOf(waiting)], [true, true]);
  });

  test('what the user keeps out of training stays there', (t) => {
    const { store, alikes, keep, sideOf } = field(t);
    const { sample } = store.admit(newSample('kept', { label: 'weed', group: 'kept' }), {
      holdout: true,
      kept: true,
    });
    const features = at(0);
    store.putFeatures([
      { sampleId: sample.id, backboneChecksum: BACKBONE, recipe: '', view: 0, features },
    ]);
    const near = keep(1, { group: TRAINED[0]! });
    alikes().label([near], 'weed', 'cli');
    assert.deepEqual([sideOf(sample.id), store.get(sample.id)?.kept], [true, true]);
  });

  test('no holdout sample is a near-duplicate of a training sample of its class and pass', (t) => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            degrees: fc.integer({ min: 0, max: 60 }),
            group: fc.integer({ min: 0, max: 9 }),
            window: fc.integer({ min: 0, max: 9 }),
            gates: fc.boolean(),
            single: fc.boolean(),
          }),
          { minLength: 2, maxLength: 24 },
        ),
        (frames) => {
          const { store, keep, alikes } = field(t);
          const gates = store.forTask('gates', { holdoutShare: SHARE, holdoutAfterSamples: 0 });
          const ids = frames.map(({ degrees, group, window }, i) =>
            keep(degrees, {
              group: `group-${group}`,
              capturedAtMs: START_MS + window * WINDOW_MS + i,
            }),
          );
          frames.forEach(({ single, gates: forGates }, i) => {
            if (forGates) gates.label(ids[i]!, 'open', 'cli');
            if (single) store.label(ids[i]!, 'weed', 'cli');
          });
          const learnt = new Set(
            store.list({ labelled: true, holdout: false }).map(({ group }) => group),
          );
          const together = ids.filter((_, i) => !frames[i]!.single);
          if (together.length > 0) alikes().label(together, 'weed', 'cli');
          for (const group of learnt) {
            for (const { holdout } of store.list({ group })) assert.equal(holdout, false);
          }
          const vectorOf = new Map(ids.map((id, i) => [id, at(frames[i]!.degrees)]));
          // Features are stored with 11 significant bits.
          const areAlike = (a: string, b: string): boolean =>
            cosine(vectorOf.get(a)!, vectorOf.get(b)!) >= NEAR_DUPLICATE_COSINE + 1e-3;
          for (const id of together) {
            for (const other of ids.filter((each) => areAlike(id, each))) {
              assert.equal(store.get(id)?.holdout, store.get(other)?.holdout);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
