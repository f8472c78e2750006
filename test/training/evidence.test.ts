import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  chooseEvidence,
  type JudgedSample,
  type ServingHead,
} from '../../src/training/evidence.js';

/** `count` samples of each of two classes; the challenger is right, the champion says `champion`. */
function some(
  count: number,
  where: { exam: boolean; group: string; champion?: string | null; judged?: boolean },
): JudgedSample[] {
  return ['crop', 'weed'].flatMap((label) =>
    Array.from({ length: count }, () => ({
      label,
      group: where.group,
      exam: where.exam,
      challenger: label,
      champion: where.champion === undefined ? 'crop' : where.champion,
      judged: where.judged ?? true,
    })),
  );
}

const serving = (over: Partial<ServingHead> = {}): ServingHead => ({
  version: 4,
  labels: ['crop', 'weed'],
  groups: new Set(['old']),
  otherFeatures: null,
  answersOfRecipe: null,
  ...over,
});

describe('the evidence for the gate', () => {
  const exam = some(10, { exam: true, group: 'exam' });
  const fewExam = some(2, { exam: true, group: 'exam' });
  const learnt = some(20, { exam: false, group: 'old' });
  const fresh = some(9, { exam: false, group: 'new' });

  it('is the exam when it is large enough', () => {
    const evidence = chooseEvidence([...learnt, ...exam], serving(), 20);
    assert.equal(evidence.source, 'exam');
    assert.equal(evidence.note, null);
    assert.equal(evidence.challenger.samples, 20);
    assert.equal(evidence.champion?.scores?.samples, 20);
    assert.equal(evidence.champion?.scores?.accuracy, 0.5);
  });

  it('is not an exam of one class', () => {
    const oneClass = exam.filter((sample) => sample.label === 'crop');
    const evidence = chooseEvidence([...learnt, ...oneClass, ...oneClass], null, 20);
    assert.equal(evidence.source, 'leave-group-out');
    assert.equal(evidence.challenger.samples, 40);
    assert.match(evidence.note as string, /The exam has 20 samples of 1 classes/);
  });

  it('is leave-group-out for a first head without an exam', () => {
    const evidence = chooseEvidence(learnt, null, 20);
    assert.equal(evidence.source, 'leave-group-out');
    assert.equal(evidence.champion, null);
    assert.match(evidence.note as string, /never saw the group/);
  });

  it('leaves out classes that no left-out head could know, if two others are there', () => {
    const single = some(3, { exam: false, group: 'only', judged: false }).map((sample) => ({
      ...sample,
      label: 'stone',
    }));
    assert.equal(chooseEvidence([...learnt, ...single], null, 20).challenger.samples, 40);
    const alone = learnt.filter((sample) => sample.label === 'crop');
    assert.equal(chooseEvidence([...alone, ...single], null, 20).challenger.samples, 26);
  });

  it('never compares on what the serving head has learnt', () => {
    const evidence = chooseEvidence([...learnt, ...fresh, ...fewExam], serving(), 20);
    assert.equal(evidence.source, 'leave-group-out');
    assert.equal(evidence.challenger.samples, 22);
    assert.equal(evidence.champion?.scores?.samples, 22);
    assert.match(evidence.note as string, /compared on samples that head 4 has not learnt/);
    const relearnt = chooseEvidence(
      [...fresh, ...exam],
      serving({ groups: new Set(['exam']) }),
      20,
    );
    assert.equal(relearnt.champion?.scores, null);
    assert.match(relearnt.note as string, /No comparison with head 4 was possible/);
  });

  it('compares recipes where too little is new', () => {
    let asked = 0;
    const champion = serving({
      answersOfRecipe: () => {
        asked += 1;
        return learnt.map(() => 'weed');
      },
    });
    const evidence = chooseEvidence([...learnt, ...fewExam], champion, 20);
    assert.equal(asked, 1);
    assert.equal(evidence.source, 'leave-group-out');
    assert.equal(evidence.champion?.scores?.accuracy, 0.5);
    assert.equal(evidence.challenger.samples, 40);
    assert.match(evidence.note as string, /its recipe was fitted/);
    chooseEvidence([...learnt, ...exam], champion, 20);
    assert.equal(asked, 1, 'the recipe is only fitted when it is needed');
  });

  it('takes a head of another backbone by its own features', () => {
    const champion = serving({ otherFeatures: 'its backbone is older' });
    const evidence = chooseEvidence([...learnt, ...exam], champion, 20);
    assert.equal(evidence.source, 'exam');
    assert.ok(evidence.champion?.scores);
    assert.match(evidence.note as string, /own features: its backbone is older/);
  });

  it('says so when a head of another backbone has no features', () => {
    const unknown = [...learnt, ...exam].map((sample) => ({ ...sample, champion: null }));
    const champion = serving({ otherFeatures: 'its backbone is older' });
    const evidence = chooseEvidence(unknown, champion, 20);
    assert.equal(evidence.champion?.scores, null);
    assert.equal(evidence.source, 'exam');
    assert.equal(evidence.note, 'No comparison with head 4 was possible: its backbone is older');
  });
});
