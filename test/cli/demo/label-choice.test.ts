import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LabelChoice } from '../../../src/cli/demo/label-choice.js';

const AS_A_PERSON = { labelsPerClass: 2, reactionFrames: 2, labelsPerGroup: 3 };

/** Which frames of a group are labelled, decided as given. */
function labelled(choice: LabelChoice, group: string, decisions: string[]): number[] {
  return decisions.flatMap((decided, i) =>
    choice.see({ camera: 'main', group, decided, reference: 'weed' }) ? [i] : [],
  );
}

describe('LabelChoice', () => {
  it('labels every third frame of a group after a reaction time, up to its maximum', () => {
    const choice = new LabelChoice(AS_A_PERSON);
    assert.deepEqual(labelled(choice, 'a', Array(15).fill('crop')), [2, 5, 8]);
  });

  it('labels only wrong decisions of a class with enough labels', () => {
    const choice = new LabelChoice(AS_A_PERSON);
    assert.deepEqual(labelled(choice, 'a', Array(15).fill('weed')), [2, 5]);
    assert.deepEqual(labelled(choice, 'b', Array(15).fill('weed')), []);
    assert.deepEqual(labelled(choice, 'c', Array(15).fill('crop')), [2, 5, 8]);
  });

  it('scores only frames of groups without a label', () => {
    const choice = new LabelChoice(AS_A_PERSON);
    assert.equal(choice.rollingAccuracy(50), null);
    labelled(choice, 'a', ['weed', 'crop', 'weed', 'weed', 'weed', 'weed', 'weed', 'weed']);
    assert.equal(choice.rollingAccuracy(50), 2 / 3);
    assert.equal(choice.rollingAccuracy(2), 1 / 2);
  });

  it('labels a group again after a refusal', () => {
    const choice = new LabelChoice(AS_A_PERSON);
    assert.deepEqual(labelled(choice, 'a', Array(9).fill('crop')), [2, 5, 8]);
    choice.forget('a');
    assert.deepEqual(labelled(choice, 'a', Array(9).fill('crop')), [2, 5, 8]);
  });
});
