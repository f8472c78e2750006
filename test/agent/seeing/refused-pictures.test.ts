import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RefusedPictures } from '../../../src/agent/seeing/refused-pictures.js';
import { HeadlandError } from '../../../src/base/errors.js';
import { recordedAlarms } from '../../recorder.js';

const ERROR = new HeadlandError('HL_PICTURE_INVALID', 'no picture', { remedy: 'None.' });

describe('pictures that were refused', () => {
  test('are news one by one, and an alarm when they do not end', () => {
    const { alarms, said } = recordedAlarms();
    const pictures = new RefusedPictures(alarms);
    for (let i = 1; i < 10; i++) assert.equal(pictures.refused('front', ERROR), true, String(i));
    assert.deepEqual(said, []);
    for (let i = 0; i < 5; i++) assert.equal(pictures.refused('front', ERROR), false);
    assert.deepEqual(said, ['raised pictures-front critical HL_PICTURE_INVALID']);
    pictures.used('front');
    pictures.used('front');
    assert.deepEqual(said.slice(1), ['cleared pictures-front']);
  });

  test('are counted camera by camera, and anew after one that could be used', () => {
    const { alarms, said } = recordedAlarms();
    const pictures = new RefusedPictures(alarms);
    for (let i = 0; i < 50; i++) {
      pictures.refused('left', ERROR);
      if (i % 9 === 8) pictures.used('left');
    }
    assert.deepEqual(said, []);
    for (let i = 0; i < 10; i++) pictures.refused('right', ERROR);
    pictures.used('left');
    assert.deepEqual(said, ['raised pictures-right critical HL_PICTURE_INVALID']);
  });
});
