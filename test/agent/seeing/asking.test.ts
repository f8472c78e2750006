import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Labelling } from '../../../src/agent/learning/labelling.js';
import { Asking, type AskingSettings } from '../../../src/agent/seeing/asking.js';
import { RecentFrames } from '../../../src/agent/seeing/recent-frames.js';
import type { Decision } from '../../../src/perception/decision.js';
import { LookAlikes } from '../../../src/samples/look-alikes.js';
import type { EventBody } from '../../../src/telemetry/contract/messages.js';
import { recordedAlarms, recordedLog } from '../../recorder.js';
import { BACKBONE, openRobot, outgoing, recentFrame } from '../support.js';

const SURE: Partial<Decision> = {
  label: 'crop',
  probability: 0.95,
  top: [{ label: 'crop', probability: 0.95 }],
  noveltyPValue: 0.5,
};

/** A robot that asks, with a clock that the test moves. */
function asking(
  t: Parameters<typeof openRobot>[0],
  changes: Partial<AskingSettings> = {},
  maxPictureStoreBytes = 1_000_000,
) {
  const { config, state } = openRobot(t, { samples: { maxPictureStoreBytes } });
  const { log, lines } = recordedLog();
  const events: EventBody[] = [];
  const { alarms, said } = recordedAlarms();
  const clock = { nowMs: 0 };
  const asker = new Asking({
    settings: { ...config.samples, ...config.inference, ...changes },
    labelling: new Labelling(
      state.task().samples,
      new RecentFrames({ maxFrames: 1, maxBytes: 1 }),
      new LookAlikes(state.task().samples, {
        groupWindowMs: 30_000,
        backboneChecksum: () => BACKBONE,
      }),
    ),
    samples: state.task().samples,
    telemetry: { event: (body) => void events.push(body) },
    alarms,
    log,
    nowMs: () => clock.nowMs,
  });
  let sequence = 0;
  const consider = (decision: Partial<Decision>, camera = 'main'): string | null => {
    const recent = recentFrame({ camera, sequence: ++sequence }, { ...SURE, ...decision });
    return asker.consider(recent, recent.perceived.answers[0]!);
  };
  const keep = (camera = 'main'): string | null => {
    const recent = recentFrame({ camera, sequence: ++sequence }, SURE);
    return asker.keep(recent, recent.perceived.answers[0]!);
  };
  return { state, events, said, lines, clock, consider, keep };
}

describe('the daemon asks', () => {
  test('about a doubtful frame: it is kept, waits, and the event names it', (t) => {
    const { state, events, consider } = asking(t);
    const top = [
      { label: 'weed', probability: 0.412_345 },
      { label: 'crop', probability: 0.4 },
    ];
    const id = consider({ label: 'weed', probability: 0.412_345, top });
    const sample = state.task().samples.get(id!);
    assert.deepEqual([sample?.label, sample?.source], [null, 'main']);
    assert.equal(events.length, 1);
    const { kind, details } = outgoing('event', events[0]!);
    assert.equal(kind, 'label_requested');
    assert.deepEqual(details, {
      task: 'main',
      sample_id: id,
      frame_id: 'boot-main-1',
      camera: 'main',
      top: [
        { label: 'weed', probability: 0.4123 },
        { label: 'crop', probability: 0.4 },
      ],
    });
    assert.ok(state.task().samples.features([id!], BACKBONE, '', 0).get(id!)?.[0]);
  });

  test('not about what it is sure of, whether it is asked often or never', (t) => {
    const { state, consider } = asking(t, { askIntervalMs: 0 });
    assert.equal(consider({}), null);
    assert.equal(consider({ probability: 0.6 }), null, 'the bound itself is sure enough');
    assert.notEqual(consider({ probability: 0.599 }), null);
    assert.equal(state.task().samples.counts().waiting, 1);
  });

  test('about what is strange, however probable its label is', (t) => {
    const { consider } = asking(t, { askIntervalMs: 0 });
    assert.notEqual(consider({ noveltyPValue: 0.01 }), null);
    assert.equal(consider({ noveltyPValue: null }), null, 'the head cannot tell');
    assert.equal(consider({ noveltyPValue: 0.05 }), null);
    const { consider: deaf } = asking(t, { askIntervalMs: 0, unknownAlpha: 0 });
    assert.equal(deaf({ noveltyPValue: 0 }), null, 'off');
  });

  test('about every frame while no head serves', (t) => {
    const { consider } = asking(t, { askIntervalMs: 0 });
    assert.notEqual(consider({ probability: 0, top: [], noveltyPValue: null }), null);
  });

  test('once a camera and interval, by a clock that nobody sets', (t) => {
    const { clock, consider } = asking(t, { askIntervalMs: 10_000 });
    const doubtful = { probability: 0.3 };
    assert.notEqual(consider(doubtful, 'left'), null);
    assert.equal(consider(doubtful, 'left'), null);
    assert.notEqual(consider(doubtful, 'right'), null, 'each camera has its own turn');
    clock.nowMs = 9_999;
    assert.equal(consider(doubtful, 'left'), null);
    clock.nowMs = 10_000;
    // Sure frames take no turn away.
    assert.equal(consider({}, 'left'), null);
    const real = Date.now;
    t.mock.method(Date, 'now', () => real() - 86_400_000);
    assert.notEqual(consider(doubtful, 'left'), null, 'the wall clock was set back by a day');
  });

  test('for at most so many answers at once: the oldest question goes', (t) => {
    const { state, consider } = asking(t, {
      askIntervalMs: 0,
      askMaxWaiting: 3,
      askWhenFullIntervalMs: 0,
    });
    const ids = Array.from({ length: 5 }, () => consider({ probability: 0.1 }));
    const waiting = state
      .task()
      .samples.list({ labelled: false })
      .map(({ id }) => id);
    assert.deepEqual(waiting, ids.slice(2));
  });

  test('about frames of alerts, sure or not, each camera once in the interval, and few wait', (t) => {
    const { state, events, clock, keep } = asking(t, { askIntervalMs: 1_000, askMaxWaiting: 2 });
    const first = keep();
    assert.ok(first && keep('rear'));
    clock.nowMs = 999;
    assert.equal(keep(), null);
    clock.nowMs = 1_000;
    assert.ok(keep());
    assert.equal(events.length, 3);
    assert.equal(state.task().samples.counts().waiting, 2);
    assert.equal(state.task().samples.get(first), null, 'the oldest has gone');
    assert.equal(asking(t, { askMaxWaiting: 0 }).keep(), null);
  });

  test('seldom while as many wait as may, because each replaces another', (t) => {
    const { state, clock, consider } = asking(t, {
      askIntervalMs: 1_000,
      askMaxWaiting: 2,
      askWhenFullIntervalMs: 60_000,
    });
    const ask = (afterMs: number): string | null => {
      clock.nowMs += afterMs;
      return consider({ probability: 0.1 });
    };
    const ids = [0, 1_000, 1_000].map(ask);
    assert.ok(ids.every((id) => id !== null));
    assert.equal(ask(59_000), null);
    const next = ask(1_000);
    assert.notEqual(next, null);
    for (const { id } of state.task().samples.list({ labelled: false })) {
      state.task().samples.label(id, 'weed', 'cli');
    }
    assert.notEqual(ask(60_000), null, 'there is room again');
    assert.notEqual(ask(1_000), null);
  });

  test('never when nothing may wait', (t) => {
    const { state, events, consider } = asking(t, { askIntervalMs: 0, askMaxWaiting: 0 });
    assert.equal(consider({ probability: 0.1 }), null);
    assert.deepEqual([state.task().samples.counts().waiting, events.length], [0, 0]);
  });

  test('but a full store is an alarm, and is no question', (t) => {
    const { state, events, said, consider } = asking(t, { askIntervalMs: 0 }, 1_000_000);
    state.task().samples.admit({
      jpeg: new Uint8Array(999_990),
      label: 'crop',
      labelSource: 'cli',
      group: 'g',
      source: 'main',
      capturedAtMs: 1,
      dhash: '0000000000000000',
    });
    assert.equal(consider({ probability: 0.1 }), null);
    assert.deepEqual([state.task().samples.counts().waiting, events.length], [0, 0]);
    assert.deepEqual(said, ['raised picture-limit warning HL_STORE_LIMIT']);
  });
});
