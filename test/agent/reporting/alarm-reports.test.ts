import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AlarmReports } from '../../../src/agent/reporting/alarm-reports.js';
import { Alarms } from '../../../src/base/alarms.js';
import { HeadlandError } from '../../../src/base/errors.js';
import type { EventBody } from '../../../src/telemetry/contract/messages.js';
import { recordedLog } from '../../recorder.js';
import { outgoing } from '../support.js';

function reported() {
  const { log, lines } = recordedLog();
  const events: EventBody[] = [];
  const changes: [string, boolean][] = [];
  let statuses = 0;
  const telemetry = {
    event: (body: EventBody) => void events.push(body),
    statusChanged: () => {
      statuses += 1;
    },
  };
  const alarms = new Alarms(
    new AlarmReports(
      () => telemetry,
      ({ name }, raised) => changes.push([name, raised]),
      log,
    ),
  );
  return { alarms, events, changes, lines, statuses: () => statuses };
}

const FULL = new HeadlandError('HL_STORE_FULL', 'the disk is full', { remedy: 'Free space.' });
const GONE = new HeadlandError('HL_STORE_IO', 'the disk fails', { remedy: 'Replace it.' });

describe('an alarm', () => {
  test('is a line of the log, an event and a new status, once each', () => {
    const { alarms, events, changes, lines, statuses } = reported();
    for (let i = 0; i < 3; i++) alarms.raise('store', FULL, 'critical');
    const raised = outgoing('event', events[0]!);
    assert.deepEqual([raised.severity, raised.code], ['critical', 'HL_STORE_FULL']);
    assert.match(raised.message, /the disk is full/);
    assert.equal(raised.details.alarm, 'store');
    assert.equal(raised.details.remedy, 'Free space.');
    assert.deepEqual(
      lines.all.map(({ level, alarm, code, remedy }) => [level, alarm, code, remedy]),
      [[50, 'store', 'HL_STORE_FULL', 'Free space.']],
    );
    alarms.clear('store');
    alarms.clear('store');
    const cleared = outgoing('event', events[1]!);
    assert.deepEqual(
      [cleared.kind, cleared.severity],
      [raised.kind.replace('raised', 'cleared'), 'info'],
    );
    assert.equal(lines.all[1]?.level, 30);
    assert.deepEqual(changes, [
      ['store', true],
      ['store', false],
    ]);
    assert.deepEqual([events.length, lines.all.length, statuses()], [2, 2, 2]);
  });

  test('is said again when its reason has changed; a warning is one in the log too', () => {
    const { alarms, events, lines } = reported();
    alarms.raise('picture-limit', FULL);
    alarms.raise('picture-limit', GONE);
    assert.deepEqual(
      events.map(({ severity, code }) => [severity, code]),
      [
        ['warning', 'HL_STORE_FULL'],
        ['warning', 'HL_STORE_IO'],
      ],
    );
    assert.deepEqual(
      lines.all.map(({ level }) => level),
      [40, 40],
    );
  });
});
