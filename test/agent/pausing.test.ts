import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Pausing } from '../../src/agent/pausing.js';

describe('pausing', () => {
  test('tells after each change what is paused then', () => {
    const told: string[][] = [];
    const pausing: Pausing = new Pausing(() => told.push(pausing.paused));
    assert.deepEqual([pausing.paused, pausing.has('training')], [[], false]);
    pausing.pause('training');
    pausing.pause('inference');
    assert.deepEqual([pausing.has('training'), pausing.has('inference')], [true, true]);
    pausing.resume('training');
    assert.deepEqual([pausing.has('training'), pausing.has('inference')], [false, true]);
    assert.deepEqual(told, [['training'], ['inference', 'training'], ['inference']]);
  });

  test('is the same twice', () => {
    const pausing = new Pausing(() => {});
    pausing.pause('training');
    pausing.pause('training');
    assert.deepEqual(pausing.paused, ['training']);
    pausing.resume('training');
    pausing.resume('training');
    assert.deepEqual(pausing.paused, []);
  });

  test('gives its list away only as a copy', () => {
    const pausing = new Pausing(() => {});
    pausing.paused.push('training');
    assert.equal(pausing.has('training'), false);
  });
});
