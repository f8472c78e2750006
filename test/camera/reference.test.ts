import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { referenceLabel, referencesOfRegion } from '../../src/camera/reference.js';

describe('references of a picture', () => {
  const references = [
    { region: 'track', task: 'way', label: 'free' },
    { region: 'row', task: 'weeds', label: 'crop' },
    { region: 'row', task: 'water', label: 'dry' },
    { label: 'field' },
  ];

  it('answer the question of a task, where the source knows the answer', () => {
    const row = { references: referencesOfRegion({ references }, 'row') };
    assert.equal(referenceLabel(row, 'water'), 'dry');
    assert.equal(referenceLabel(row, 'weeds'), 'crop');
    assert.equal(referenceLabel(row, 'way'), undefined);
    assert.equal(referenceLabel({}, 'way'), undefined);
  });

  it('answer any question with the class that a source gives without one', () => {
    const picture = { references: [{ label: 'Apple' }] };
    assert.equal(referenceLabel(picture, 'main'), 'Apple');
    assert.equal(referenceLabel(picture), 'Apple');
  });
});
