import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolChoice } from '../../src/telemetry/connection/protocol-choice.js';

test('a broker that refuses MQTT 5 is spoken to in 3.1.1 at once, and asked again in ten minutes', () => {
  let nowMs = 1_000;
  const choice = new ProtocolChoice('auto', () => nowMs);
  assert.equal(choice.next(), 5);
  assert.equal(choice.ended(5, 'version'), true, 'the next attempt need not wait');
  assert.equal(choice.next(), 4);
  assert.equal(choice.ended(4, 'lost'), false);
  nowMs += 599_999;
  assert.equal(choice.next(), 4);
  nowMs += 1;
  assert.equal(choice.next(), 5);
});

test('a broker that hangs up on MQTT 5 is not hammered, and silence to both is not the version', () => {
  const choice = new ProtocolChoice('auto', () => 0);
  assert.equal(choice.ended(5, 'silent'), false, 'it may be going down');
  assert.equal(choice.next(), 4);
  assert.equal(choice.ended(4, 'silent'), false);
  assert.equal(choice.next(), 5);
  for (const kind of ['refused', 'unreachable', 'lost'] as const) {
    assert.equal(choice.ended(5, kind), false);
    assert.equal(choice.next(), 5, kind);
  }
});

test('a version that is set is the only one', () => {
  for (const [setting, version] of [
    ['5', 5],
    ['3.1.1', 4],
  ] as const) {
    const choice = new ProtocolChoice(setting);
    assert.equal(choice.next(), version);
    assert.equal(choice.ended(version, 'version'), false);
    assert.equal(choice.next(), version);
  }
});
