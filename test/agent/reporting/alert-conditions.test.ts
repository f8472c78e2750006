import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { conditionsOf } from '../../../src/agent/reporting/alerts/alert-conditions.js';
import type { Alarm, AlarmName } from '../../../src/base/alarms.js';
import { HeadlandError, serialiseError } from '../../../src/base/errors.js';
import { Moment } from '../../../src/base/moment.js';

function alarm(name: AlarmName, code: `HL_${Uppercase<string>}`): Alarm {
  const error = serialiseError(new HeadlandError(code, 'an alarm', { remedy: 'Look.' }));
  return { name, severity: 'warning', error, since: new Moment() };
}

describe('the conditions of alert rules', () => {
  for (const [name, code, condition, camera] of [
    ['camera-front', 'HL_CAMERA_STALLED', 'camera_lost', 'front'],
    ['pictures-front', 'HL_PICTURE_DAMAGED', 'camera_lost', 'front'],
    ['board-hot', 'HL_BOARD_HOT', 'board_hot', null],
    ['disk-low', 'HL_DISK_LOW', 'disk_low', null],
    ['store', 'HL_STORE_FULL', 'disk_low', null],
    ['picture-limit', 'HL_STORE_LIMIT', 'disk_low', null],
  ] as const) {
    test(`${name} is ${condition}`, () => {
      assert.deepEqual(conditionsOf([alarm(name, code)]), [{ condition, camera, task: null }]);
    });
  }

  test('are not those of other alarms', () => {
    const others = [
      alarm('store', 'HL_STORE_DAMAGED'),
      alarm('board-supply', 'HL_BOARD_UNDERVOLTAGE'),
    ];
    assert.deepEqual(conditionsOf(others), []);
  });
});
