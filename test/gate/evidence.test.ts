import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  chooseEvidence,
  type EvidenceSample,
  type JudgedSample,
  type ServingHead,
} from '../../src/gate/evidence.js';
import type { HeadAnswer } from '../../src/gate/scorecard.js';

/** `count` samples of each of two classes; the challenger is right, the champion says `champion`. */
function some(
  count: number,
  where: { holdout: boolean; group: string; champion?: string | null; judged?: boolean },
): JudgedSample[] {
  return ['crop', 'weed'].flatMap((label) =>
    Array.from({ length: count }, (_, i) => ({
      id: `${where.group}-${label}-${i}`,
      label,
      group: where.group,
      holdout: where.holdout,
      challenger: says(label, label),
      champion: where.champion === null ? null : says(where.champion ?? 'crop', label),
      judged: where.judged ?? true,
      relabelled: false,
    })),
  );
}

/** An answer with nine tenths of certainty. */
function says(answer: string, truth: string): HeadAnswer {
  return { label: answer, confidence: 0.9, probability: answer === truth ? 0.9 : 0.1 };
}

const accuracy = (samples: readonly EvidenceSample[], head: 'challenger' | 'champion'): number =>
  samples.filter((sample) => sample[head]?.label === sample.label).length / samples.length;

const LIMITS = { minHoldoutSamples: 20, holdoutAloneSamples: 20 };

const serving = (over: Partial<ServingHead> = {}): ServingHead => ({
  version: 4,
  labels: ['crop', 'weed'],
  groups: new Set(['old']),
  learnt: 40,
  otherFeatures: null,
  answersOfRecipe: null,
  ...over,
});

describe('the evidence for the gate', () => {
  const holdout = some(10, { holdout: true, group: 'holdout' });
  const fewHoldout = some(2, { holdout: true, group: 'holdout' });
  const learnt = some(20, { holdout: false, group: 'old' });
  const fresh = some(9, { holdout: false, group: 'new' });

  it('is the holdout when it is large enough', async () => {
    const evidence = await chooseEvidence([...learnt, ...holdout], serving(), LIMITS);
    assert.equal(evidence.source, 'holdout');
    assert.equal(evidence.note, null);
    assert.equal(evidence.compared, 'heads');
    assert.equal(evidence.samples.length, 20);
    assert.ok(evidence.samples.every((sample) => sample.holdout));
    assert.equal(accuracy(evidence.samples, 'challenger'), 1);
    assert.equal(accuracy(evidence.samples, 'champion'), 0.5);
  });

  it('is not a holdout of one class', async () => {
    const oneClass = holdout.filter((sample) => sample.label === 'crop');
    const evidence = await chooseEvidence([...learnt, ...oneClass, ...oneClass], null, LIMITS);
    assert.equal(evidence.source, 'leave-group-out');
    assert.equal(evidence.samples.length, 60);
    assert.match(evidence.note as string, /The holdout has 20 samples of 1 classes/);
  });

  it('is leave-group-out for a first head without a holdout', async () => {
    const evidence = await chooseEvidence(learnt, null, LIMITS);
    assert.equal(evidence.source, 'leave-group-out');
    assert.equal(evidence.champion, null);
    assert.equal(evidence.compared, 'nothing');
    assert.match(evidence.note as string, /No sample is held out yet/);
  });

  it('leaves out classes that no left-out head could know, if two others are there', async () => {
    const single = some(3, { holdout: false, group: 'only', judged: false }).map((sample) => ({
      ...sample,
      label: 'stone',
    }));
    assert.equal((await chooseEvidence([...learnt, ...single], null, LIMITS)).samples.length, 40);
    const alone = learnt.filter((sample) => sample.label === 'crop');
    assert.equal((await chooseEvidence([...alone, ...single], null, LIMITS)).samples.length, 26);
  });

  it('never takes what the serving head says to a sample that it has learnt', async () => {
    const evidence = await chooseEvidence([...learnt, ...fresh, ...fewHoldout], serving(), LIMITS);
    assert.equal(evidence.source, 'leave-group-out');
    assert.equal(evidence.samples.length, 22);
    assert.ok(evidence.samples.every((sample) => sample.group !== 'old' && sample.champion));
    assert.equal(evidence.newlyLearnt, 18);
    assert.match(evidence.note as string, /too few to decide alone; 18 training samples/);
    const relearnt = await chooseEvidence(
      [...fresh, ...holdout],
      serving({ groups: new Set(['holdout']) }),
      LIMITS,
    );
    assert.equal(relearnt.compared, 'heads');
    assert.equal(relearnt.samples.length, 18, 'few samples weigh little, but they are heard');
  });

  it('takes what its recipe says to learnt samples by leave-group-out', async () => {
    let asked = 0;
    const champion = serving({
      answersOfRecipe: async () => {
        asked += 1;
        return new Map(learnt.map(({ id, label }) => [id, says('weed', label)]));
      },
    });
    const evidence = await chooseEvidence([...learnt, ...fresh, ...fewHoldout], champion, LIMITS);
    assert.equal(asked, 1);
    assert.equal(evidence.source, 'leave-group-out');
    assert.equal(evidence.samples.length, 40 + 18 + 4);
    for (const { group, champion: answer } of evidence.samples) {
      assert.equal(answer?.label, group === 'old' ? 'weed' : 'crop');
    }
    await chooseEvidence([...learnt, ...holdout], champion, LIMITS);
    assert.equal(asked, 1, 'the recipe is only fitted when it is needed');
  });

  it('counts what is new, named otherwise and removed', async () => {
    const renamed = learnt.map((sample, i) => ({ ...sample, relabelled: i < 3 }));
    const {
      newlyLearnt,
      removed,
      learnt: count,
    } = await chooseEvidence([...renamed.slice(0, 38), ...fresh], serving(), LIMITS);
    assert.deepEqual([newlyLearnt, removed, count], [3 + 18, 2, 56]);
    const more = await chooseEvidence(learnt, serving({ learnt: 30 }), LIMITS);
    assert.equal(more.newlyLearnt, 10, 'frames that joined a group that it knows');
  });

  it('lets a small holdout decide only together with training samples', async () => {
    const limits = { minHoldoutSamples: 20, holdoutAloneSamples: 21 };
    const evidence = await chooseEvidence([...fresh, ...holdout], serving(), limits);
    assert.equal(evidence.samples.length, 38);
    assert.equal(evidence.samples.filter((sample) => sample.holdout).length, 20);
  });

  it('takes a head of another backbone by its own features', async () => {
    const champion = serving({ otherFeatures: 'its backbone is older' });
    const evidence = await chooseEvidence([...learnt, ...holdout], champion, LIMITS);
    assert.equal(evidence.source, 'holdout');
    assert.equal(evidence.compared, 'heads');
    assert.match(evidence.note as string, /own features: its backbone is older/);
  });

  it('says so when a head of another backbone has no features', async () => {
    const unknown = [...learnt, ...holdout].map((sample) => ({ ...sample, champion: null }));
    const champion = serving({ otherFeatures: 'its backbone is older' });
    const evidence = await chooseEvidence(unknown, champion, LIMITS);
    assert.equal(evidence.compared, 'nothing');
    assert.equal(evidence.source, 'holdout');
    assert.equal(evidence.note, 'No comparison with head 4 was possible: its backbone is older');
  });
});
