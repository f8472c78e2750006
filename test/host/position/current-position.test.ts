import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CurrentPosition } from '../../../src/host/position/current-position.js';

const HERE = {
  latitude: 48,
  longitude: 11,
  accuracyMeters: 1,
  altitudeMeters: null,
  speedMetersPerSecond: null,
  courseDegrees: null,
};

test('a position is used until it is too old, by the monotonic clock, and none after a lost fix', () => {
  let nowMs = 0;
  const current = new CurrentPosition(3_000, () => nowMs);
  assert.equal(current.get(), null);
  current.set(HERE);
  nowMs = 3_000;
  assert.deepEqual(current.get(), HERE);
  nowMs = 3_001;
  assert.equal(current.get(), null);
  current.set(HERE);
  current.set(null);
  assert.equal(current.get(), null);
});
