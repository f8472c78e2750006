import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefusedPictures } from '../../../src/agent/seeing/refused-pictures.js';
import { HeadlandError } from '../../../src/base/errors.js';
import { recordedAlarms } from '../../recorder.js';

test('damaged pictures now and then are no alarm; ten in a row of one camera are', () => {
  const { alarms, said } = recordedAlarms();
  const pictures = new RefusedPictures(alarms);
  const damaged = new HeadlandError('HL_PICTURE_INVALID', 'cut off', { remedy: 'None.' });
  assert.equal(pictures.refused('front', damaged), true, 'the very first picture');
  pictures.used('front');
  for (let round = 0; round < 3; round++) {
    for (let count = 0; count < 9; count++) pictures.refused('front', damaged);
    pictures.refused('rear', damaged);
    pictures.used('front');
  }
  assert.deepEqual(said, []);
  const news = Array.from({ length: 20 }, () => pictures.refused('front', damaged));
  assert.deepEqual(said, ['raised pictures-front critical HL_PICTURE_INVALID']);
  assert.equal(news.filter(Boolean).length, 9);
  pictures.used('rear');
  pictures.used('front');
  assert.deepEqual(said.slice(1), ['cleared pictures-front']);
});
