import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  alarmClearedMessage,
  alarmRaisedMessage,
  alertMessage,
  clipSavedMessage,
  failureMessage,
  fleetHeadMessage,
  labelRequestedMessage,
  rateLimitMessage,
  trialMessage,
} from '../../../src/agent/reporting/agent-messages.js';
import { TelemetryService } from '../../../src/agent/reporting/telemetry-service.js';
import { CameraReports } from '../../../src/agent/seeing/camera-reports.js';
import type { AlertEvent } from '../../../src/alerts/rules.js';
import type { Alarm } from '../../../src/base/alarms.js';
import { HeadlandError } from '../../../src/base/errors.js';
import { silentLog } from '../../../src/base/log.js';
import { Moment } from '../../../src/base/moment.js';
import { newTrial } from '../../../src/gate/shadow.js';
import { EVENT_KINDS, type EventBody } from '../../../src/telemetry/contract/messages.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { recordedAlarms } from '../../recorder.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { Observer } from '../../telemetry/tools.js';
import { openRobot, recentFrame } from '../support.js';

const ERROR = new HeadlandError('HL_STORE_FULL', 'the disk is full', { remedy: 'Free space.' });
const ALARM: Alarm = {
  name: 'store',
  severity: 'critical',
  error: ERROR.toJSON(),
  since: new Moment(),
};

function alert(state: AlertEvent['state']): EventBody {
  const event: AlertEvent = {
    rule: 'weeds',
    state,
    task: 'main',
    camera: 'main',
    region: null,
    label: 'weed',
    probability: 0.9,
    condition: null,
    atMs: 0,
    noveltyPValue: null,
    output: null,
  };
  return alertMessage(event, 0);
}

function requested(): EventBody {
  const recent = recentFrame();
  return labelRequestedMessage(recent, recent.perceived.answers[0]!, 'sample-1');
}

const trial = newTrial({
  role: 'serving',
  version: 2,
  previous: 1,
  since: '2026-01-01T00:00:00.000Z',
  revision: 0,
  maxLabels: 50,
  alarmAt: 10,
  classes: 2,
});

/** What makes an event of each kind; null: the telemetry does, of a broken command. */
const MAKERS: Record<EventBody['kind'], ((send: (body: EventBody) => void) => void) | null> = {
  alert_raised: (send) => send(alert('raised')),
  alert_acknowledged: (send) => send(alert('acknowledged')),
  alert_cleared: (send) => send(alert('cleared')),
  clip_saved: (send) =>
    send(
      clipSavedMessage({
        rule: 'weeds',
        camera: 'main',
        region: null,
        file: 'a.avi',
        bytes: 1,
        frames: 1,
        durationMs: 1,
      }),
    ),
  alarm_raised: (send) => send(alarmRaisedMessage(ALARM)),
  alarm_cleared: (send) => send(alarmClearedMessage(ALARM, 1_000)),
  label_requested: (send) => send(requested()),
  camera: (send) =>
    new CameraReports({ event: send, cameraQuality: () => undefined }, silentLog()).measured(
      'main',
      { condition: 'blurred', measuredAtMs: 0, measured: null, usualSharpness: null },
    ),
  head_changed: (send) => send(trialMessage('main', { ...trial, outcome: 'rolled-back' })),
  fleet_head: (send) =>
    send(
      fleetHeadMessage('main', {
        kind: 'fleet_head_taken',
        fleetVersion: 3,
        localVersion: 2,
        reason: null,
      }),
    ),
  temperature: (send) => send(rateLimitMessage({ framesPerSecond: 1, reason: 'heat' }, 80)),
  command_refused: null,
  failure: (send) => send(failureMessage(ERROR)),
};

test('every kind of event that the contract declares is made, and a broker gets it', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const robot = openRobot(t, { mqtt: { url: broker.url, backoffInitialMs: 50 } });
  const observer = await Observer.connect(t, broker.url);
  const service = new TelemetryService(robot.config, {
    boot: 'boot-1',
    environment: {},
    database: robot.state.database,
    alarms: recordedAlarms().alarms,
    log: silentLog(),
  });
  await service.start(async () => ({}));
  service.status('online', []);
  await observer.next('headland/r1/status');
  for (const make of Object.values(MAKERS)) make?.((body) => service.event(body));
  await observer.client.publishAsync('headland/r1/cmd/label', '{"frmae": 1}', { qos: 1 });
  const told = (kind: string) =>
    observer.next('headland/r1/event', ({ json }) => (json as { kind: string }).kind === kind);
  for (const kind of EVENT_KINDS) await told(kind);
  assert.deepEqual(Object.keys(MAKERS).sort(), [...EVENT_KINDS].sort());
  await service.stop();
});
