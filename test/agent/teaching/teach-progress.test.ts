import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nothingLabel } from '../../../src/agent/teaching/nothing-label.js';
import { type TeachFacts, teachProgress } from '../../../src/agent/teaching/teach-progress.js';

const NONE: TeachFacts = {
  counts: new Map(),
  headServes: false,
  trainedServes: false,
  instantLabelsPerClass: 2,
  minLabelsPerClass: 2,
  newLabels: 0,
  newLabelsOf: new Map(),
  everyNewLabels: 20,
  minLabels: 4,
  training: 'waits',
  trust: null,
  instantTrust: null,
};

const counted = (counts: Record<string, number>): ReadonlyMap<string, number> =>
  new Map(Object.entries(counts));

/** What a robot without a trained head says with these labels. */
function first(counts: Record<string, number>, given: Partial<TeachFacts> = {}) {
  const newLabels = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const headServes = Object.values(counts).filter((n) => n >= 2).length >= 2;
  return teachProgress({ ...NONE, counts: counted(counts), newLabels, headServes, ...given });
}

describe('the progress of teaching', () => {
  it('leads to the first head', () => {
    const texts = [
      first({}),
      first({ Apple: 1 }),
      first({ Apple: 9 }),
      first({ Apple: 2, Tomato: 1 }),
      first({ Apple: 1, Tomato: 1, Stone: 1 }),
    ].map(({ step, share, next: { text } }) => [step, share, text]);
    assert.deepEqual(texts, [
      ['first-head', 0, 'Label 2 images of each of two classes.'],
      ['first-head', 0.125, '"Apple" needs 1 more label.'],
      ['first-head', 0.9, 'Label 2 images of a second class.'],
      ['first-head', 0.375, '"Tomato" needs 1 more label.'],
      ['first-head', 0.3, '"Apple" needs 1 more label, "Stone" 1.'],
    ]);
    assert.deepEqual(first({ Apple: 2, Tomato: 1 }).needs, [{ label: 'Tomato', labels: 1 }]);
    assert.deepEqual(first({ Apple: 2, Tomato: 1 }).next.values, { label: 'Tomato', labels: 1 });
  });

  it('leads to the first training, and then to the next', () => {
    const labelled = { Apple: 4, Tomato: 3 };
    const before = first(labelled);
    assert.deepEqual(
      [before.step, before.share, before.next.text],
      ['training', 0.7, '3 more labels until the next training.'],
    );
    assert.deepEqual(first({ Apple: 2, Tomato: 2 }).share, 0.5);
    const trained = { headServes: true, trainedServes: true };
    const after = first(labelled, { ...trained, newLabels: 19 });
    assert.deepEqual(
      [after.share, after.next],
      [
        0.95,
        {
          key: 'teach.until-training',
          values: { labels: 1 },
          text: '1 more label until the next training.',
        },
      ],
    );
    const few = first({ Apple: 2, Tomato: 2 }, { minLabels: 30, newLabels: 9 });
    assert.equal(few.next.text, '26 more labels until the next training.');
  });

  it('says that a training runs, is due or is paused', () => {
    const given = { headServes: true, trainedServes: true, newLabels: 25 };
    const say = (training: TeachFacts['training'], more: Partial<TeachFacts> = {}) => {
      const { share, next } = first({ a: 20, b: 20 }, { ...given, training, ...more });
      return [share, next.key];
    };
    assert.deepEqual(say('runs'), [1, 'teach.training']);
    assert.deepEqual(say('waits'), [1, 'teach.training-due']);
    assert.deepEqual(say('paused'), [1, 'teach.paused']);
    assert.deepEqual(say('paused', { newLabels: 10 }), [0.5, 'teach.until-training']);
  });

  it('names what the head needs less what was labelled since', () => {
    const trust = {
      needs: [
        { label: 'Tomato', labels: 3 },
        { label: 'Stone', labels: 2 },
      ],
      next: '',
    };
    const given = {
      headServes: true,
      trainedServes: true,
      newLabels: 4,
      trust,
      newLabelsOf: counted({ Tomato: 2, Stone: 2 }),
      instantTrust: { needs: [{ label: 'Pear', labels: 4 }] },
    };
    const { needs } = first({ Apple: 9, Tomato: 5 }, given);
    assert.deepEqual(needs, [
      { label: 'Pear', labels: 4 },
      { label: 'Tomato', labels: 1 },
    ]);
    const byHand = first(
      { Apple: 9, Tomato: 5 },
      { ...given, instantTrust: null, everyNewLabels: 0 },
    );
    assert.deepEqual(
      [byHand.step, byHand.share, byHand.next.text],
      ['trust', 0.8, '"Tomato" needs 1 more label.'],
    );
    const learnt = { ...given, newLabelsOf: counted({ Tomato: 3, Stone: 2 }), instantTrust: null };
    const done = first({ Apple: 9 }, { ...learnt, everyNewLabels: 0 });
    assert.deepEqual([done.share, done.next.key], [1, 'teach.train-now']);
  });

  it('only grows from label to label until a training', () => {
    const life = fc.record({
      labels: fc.array(fc.nat(4), { maxLength: 60 }),
      everyNewLabels: fc.constantFrom(1, 5, 20, 50),
      minLabels: fc.constantFrom(4, 10, 30),
      instant: fc.boolean(),
    });
    fc.assert(
      fc.property(life, ({ labels, everyNewLabels, minLabels, instant }) => {
        const counts: Record<string, number> = {};
        const seen: number[] = [];
        for (const [i, label] of labels.entries()) {
          counts[`c${label}`] = (counts[`c${label}`] ?? 0) + 1;
          const headServes = instant && Object.values(counts).filter((n) => n >= 2).length >= 2;
          const { share } = first(counts, {
            headServes,
            instantLabelsPerClass: instant ? 2 : null,
            newLabels: i + 1,
            everyNewLabels,
            minLabels,
          });
          assert.ok(share >= 0 && share <= 1);
          assert.ok(share >= (seen.at(-1) ?? 0) - 1e-12, `${seen.at(-1)} then ${share}`);
          seen.push(share);
        }
      }),
    );
  });
});

describe('the label for an image without anything', () => {
  it('is the class that the task has for it, else the configured one', () => {
    assert.equal(nothingLabel(new Map(), null), 'nothing');
    assert.equal(nothingLabel(counted({ Apple: 9, Background: 3, none: 1 }), null), 'Background');
    assert.equal(nothingLabel(counted({ Apple: 9, HINTERGRUND: 1 }), null), 'HINTERGRUND');
    assert.equal(nothingLabel(counted({ 苹果: 9, 背景: 1 }), null), '背景');
    assert.equal(nothingLabel(counted({ Apple: 9, other: 8 }), null), 'nothing');
    assert.equal(nothingLabel(counted({ none: 9 }), 'bare soil'), 'bare soil');
    assert.equal(nothingLabel(counted({ 'Bare-Soil': 9 }), 'bare soil'), 'Bare-Soil');
  });
});
