import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ModelStatus } from '../../../src/agent/learning/model-status.js';
import {
  alertMessage,
  clipSavedMessage,
  failureMessage,
  isoTime,
  labelRequestedMessage,
  modelMessage,
  predictionMessage,
  rateLimitMessage,
  round,
  sampleTotals,
  trialMessage,
  unusableMessage,
} from '../../../src/agent/reporting/agent-messages.js';
import type { AlertEvent } from '../../../src/alerts/rules.js';
import { HeadlandError } from '../../../src/base/errors.js';
import { newTrial, observed, type ShadowTrial } from '../../../src/gate/shadow.js';
import type { Decision } from '../../../src/perception/decision.js';
import type { HeadCard } from '../../../src/registry/head-card.js';
import { EVENT_KINDS } from '../../../src/telemetry/contract/messages.js';
import type { InstantHead } from '../../../src/training/instant/instant-protocol.js';
import { someCard, someHead } from '../../training/fixture.js';
import { openRobot, outgoing, recentFrame } from '../support.js';

const label = fc.string({ minLength: 1, maxLength: 64 });
const probability = fc.double({ min: 0, max: 1, noNaN: true });
const version = fc.integer({ min: 1, max: 1e6 });
const count = fc.integer({ min: 0, max: 1e6 });

const decision: fc.Arbitrary<Decision> = fc.record(
  {
    label,
    probability,
    guess: fc.boolean(),
    top: fc.array(fc.record({ label, probability }), { maxLength: 20 }),
    headVersion: fc.option(version),
    trust: fc.constantFrom('beginner' as const, 'useful' as const, 'proven' as const),
    learnt: fc.record({ labels: count, revision: count }),
    noveltyPValue: fc.option(probability),
    labelSet: fc.array(label),
  },
  { requiredKeys: ['label', 'probability', 'guess', 'top', 'headVersion', 'noveltyPValue'] },
);

const ERROR = new HeadlandError('HL_HEAD_INVALID', `a byte is wrong ${'x'.repeat(3_000)}`, {
  remedy: 'Train again.',
  details: { version: 2 },
});

const LEARNT: InstantHead = {
  head: someHead(2, ['crop', 'stone', 'weed']),
  prior: null,
  labels: 7,
  newClasses: ['stone'],
  revision: 31,
  trust: null,
};

describe('a prediction', () => {
  test('says what was decided, by what, and how long it took', () => {
    const recent = recentFrame(
      { camera: 'left', sequence: 7, capturedAtMs: 1_700_000_000_000 },
      {
        label: 'weed',
        probability: 0.912_345,
        guess: true,
        top: [{ label: 'weed', probability: 0.912_345 }],
        headVersion: 3,
        trust: 'useful',
        learnt: { labels: 4, revision: 60 },
        noveltyPValue: 0.123_456,
      },
    );
    const { schema, boot, seq, at, ...body } = outgoing(
      'prediction',
      predictionMessage(recent, recent.perceived.answers[0]!, 'sample-1'),
    );
    assert.deepEqual(body, {
      task: 'main',
      frame_id: 'boot-left-7',
      camera: 'left',
      sequence: 7,
      captured_at: '2023-11-14T22:13:20.000Z',
      label: 'weed',
      probability: 0.9123,
      guess: true,
      top: [{ label: 'weed', probability: 0.9123 }],
      head_version: 3,
      trust: 'useful',
      head_labels: 4,
      label_revision: 60,
      novelty_p_value: 0.1235,
      timings: { decode_ms: 2, backbone_ms: 5, head_ms: 0.1, total_ms: 8 },
      sample_id: 'sample-1',
    });
  });

  test('leaves out what there is not', () => {
    const frame = recentFrame();
    const body = outgoing(
      'prediction',
      predictionMessage(frame, frame.perceived.answers[0]!, null),
    );
    assert.deepEqual(
      [body.label, body.head_version, body.novelty_p_value],
      ['unknown', null, null],
    );
    for (const field of ['trust', 'head_labels', 'label_revision', 'sample_id']) {
      assert.ok(!(field in body), field);
    }
  });

  test('and a question keep to the contract whatever was decided', () => {
    fc.assert(
      fc.property(decision, count, (decided, sequence) => {
        const recent = recentFrame({ sequence }, decided);
        const body = outgoing(
          'prediction',
          predictionMessage(recent, recent.perceived.answers[0]!, null),
        );
        assert.equal(body.label, decided.label);
        assert.ok(Math.abs(body.probability - decided.probability) <= 0.000_05);
        const question = outgoing(
          'event',
          labelRequestedMessage(recent, recent.perceived.answers[0]!, 'sample-1'),
        );
        assert.deepEqual(
          [question.kind, question.details.sample_id, question.details.top],
          ['label_requested', 'sample-1', body.top],
        );
      }),
    );
  });
});

describe('the model', () => {
  const base: ModelStatus = {
    task: 'main',
    backbone: 'tiny',
    card: null,
    learnt: null,
    pinned: false,
    trust: null,
    next: null,
    nextSteps: [],
  };
  const cardOf = async (t: Parameters<typeof openRobot>[0]): Promise<HeadCard> => {
    const { heads } = openRobot(t).state.task();
    const head = someHead(1);
    return (await heads.load(await heads.publish(head, someCard(head), []))).card;
  };

  test('is none', () => {
    const body = outgoing('model', modelMessage(base));
    assert.deepEqual(
      [body.head_version, body.labels, body.learner, body.trained_at, body.trust],
      [null, [], null, null, null],
    );
  });

  test('is the trained head that serves', async (t) => {
    const card = await cardOf(t);
    const next = '"weed" needs 3 more labels.';
    const body = outgoing('model', modelMessage({ ...base, card, trust: 'useful', next }));
    assert.deepEqual(
      [body.head_version, body.labels, body.learner, body.holdout_macro_f1, body.trained_at],
      [1, ['crop', 'weed'], 'ridge', 1, '2026-01-01T00:00:00.000Z'],
    );
    assert.deepEqual([body.trust, body.next_step], ['useful', next]);
    assert.ok(!('head_labels' in body));
  });

  test('is that head with what it has learnt since, or the first labels alone', async (t) => {
    const card = await cardOf(t);
    const both = outgoing('model', modelMessage({ ...base, card, learnt: LEARNT }));
    assert.deepEqual(
      [both.head_version, both.labels, both.head_labels, both.label_revision],
      [1, ['crop', 'stone', 'weed'], 7, 31],
    );
    const first = outgoing('model', modelMessage({ ...base, learnt: LEARNT, trust: 'beginner' }));
    assert.deepEqual(
      [first.head_version, first.learner, first.trained_at, first.head_labels],
      [null, 'ridge', null, 7],
    );
  });
});

describe('events', () => {
  test('of alerts name rule, camera, label and output, and when', () => {
    const alert: AlertEvent = {
      task: 'main',
      rule: 'stop',
      state: 'raised',
      camera: 'left',
      region: null,
      label: 'stone',
      probability: 0.9,
      noveltyPValue: null,
      condition: null,
      atMs: 12.5,
      output: 'horn',
    };
    const raised = outgoing('event', alertMessage(alert, 0));
    assert.deepEqual(
      [raised.kind, raised.severity, raised.message],
      ['alert_raised', 'critical', 'stop: "stone" on left'],
    );
    assert.deepEqual(raised.details, {
      rule: 'stop',
      task: 'main',
      camera: 'left',
      label: 'stone',
      probability: 0.9,
      output: 'horn',
      occurred_at: '1970-01-01T00:00:00.000Z',
    });
    const nozzle = outgoing('event', alertMessage({ ...alert, region: '3' }, 1_000));
    assert.equal(nozzle.message, 'stop: "stone" on left/3');
    assert.equal(nozzle.details.region, '3');
    const cleared = outgoing('event', alertMessage({ ...alert, state: 'cleared' }, 1_000));
    assert.deepEqual(
      [cleared.kind, cleared.severity, cleared.message],
      ['alert_cleared', 'info', 'stop: cleared on left'],
    );
    const evidence = { sampleId: 's-1', clip: '000001-stop-left.avi' };
    const kept = outgoing(
      'event',
      alertMessage({ ...alert, noveltyPValue: 0.0123456 }, 0, evidence),
    );
    assert.deepEqual(
      [kept.details.sample_id, kept.details.clip, kept.details.novelty_p_value],
      ['s-1', '000001-stop-left.avi', 0.0123],
    );
  });

  test('of alerts on conditions name the condition and what it is about', () => {
    const alert: AlertEvent = {
      task: null,
      rule: 'eye',
      state: 'raised',
      camera: 'left',
      region: null,
      label: null,
      probability: null,
      noveltyPValue: null,
      condition: 'camera_lost',
      atMs: 0,
      output: null,
    };
    const lost = outgoing('event', alertMessage(alert, 0));
    assert.equal(lost.message, 'eye: camera_lost on left');
    assert.deepEqual(lost.details, {
      rule: 'eye',
      camera: 'left',
      condition: 'camera_lost',
      output: null,
      occurred_at: '1970-01-01T00:00:00.000Z',
    });
    const hot = { ...alert, camera: null, condition: 'board_hot' as const };
    assert.equal(outgoing('event', alertMessage(hot, 0)).message, 'eye: board_hot on the robot');
    const seen = outgoing('event', alertMessage({ ...alert, state: 'acknowledged' }, 0));
    assert.deepEqual([seen.kind, seen.severity], ['alert_acknowledged', 'info']);
  });

  test('of clips name the file, and how much is in it', () => {
    const clip = {
      rule: 'stop',
      camera: 'left',
      region: '2',
      file: '000001-stop-left-2.avi',
      bytes: 1_234,
      frames: 40,
      durationMs: 4_000,
    };
    const saved = outgoing('event', clipSavedMessage(clip));
    assert.deepEqual(saved.details, {
      rule: 'stop',
      camera: 'left',
      region: '2',
      clip: '000001-stop-left-2.avi',
      bytes: 1_234,
      frames: 40,
      duration_ms: 4_000,
    });
  });

  test('of trials say which head serves now instead of which, and by what odds', () => {
    const start = {
      version: 3,
      previous: 2,
      since: '2026-01-01T00:00:00.000Z',
      revision: 0,
      maxLabels: 50,
      alarmAt: 3,
      classes: 2,
    };
    const wrong = { label: 'weed', probability: 0.05 };
    const right = { label: 'crop', probability: 0.95 };
    const decided = (role: ShadowTrial['role']): ShadowTrial => {
      let trial = newTrial({ role, ...start });
      for (let i = 0; trial.outcome === 'running'; i++) {
        const id = `s${i}`;
        const answers =
          role === 'serving'
            ? { previous: right, current: wrong }
            : { previous: wrong, current: right };
        trial = observed(trial, { sampleId: id, group: id, label: 'crop', ...answers }, 0);
      }
      return trial;
    };
    const back = outgoing('event', trialMessage('main', decided('serving')));
    assert.deepEqual([back.kind, back.severity], ['head_changed', 'warning']);
    assert.match(back.message, /^head 2 serves again; rolled back to head 2: of \d+ new labels/);
    const { labels } = back.details;
    assert.deepEqual(
      [back.details.from_version, back.details.to_version, back.details.cause],
      [3, 2, 'shadow_trial'],
    );
    assert.deepEqual([back.details.right_only_from, back.details.right_only_to], [0, labels]);
    assert.ok(Number(back.details.odds) >= Number(back.details.odds_alarm));

    const forth = outgoing('event', trialMessage('main', decided('candidate')));
    assert.equal(forth.severity, 'info');
    assert.match(forth.message, /^head 3 serves now; proved better than head 2/);
    assert.deepEqual([forth.details.from_version, forth.details.to_version], [2, 3]);
    assert.deepEqual([forth.details.right_only_from, forth.details.right_only_to], [0, labels]);
  });

  test('of a head that cannot serve say which one does instead', () => {
    const instead = outgoing('event', unusableMessage('main', 2, ERROR, 1));
    assert.deepEqual([instead.kind, instead.code], ['head_changed', 'HL_HEAD_INVALID']);
    assert.match(instead.message, /^head 2 cannot serve; head 1 serves instead: a byte is wrong/);
    assert.deepEqual(instead.details, {
      task: 'main',
      cause: 'unusable',
      from_version: 2,
      to_version: 1,
      remedy: 'Train again.',
    });
    const none = outgoing('event', unusableMessage('main', 2, ERROR, null));
    assert.match(none.message, /no usable head, none serves/);
  });

  test('of a limit of frames give the rate, the reason and the temperature', () => {
    const slower = rateLimitMessage({ framesPerSecond: 7.423_456, reason: 'heat' }, 81.2);
    const { severity, message, details } = outgoing('event', slower);
    assert.deepEqual([severity, message], ['warning', 'frame rate limited to 7.4 frames/s: heat']);
    assert.deepEqual(details, {
      max_frames_per_second: 7.4235,
      reason: 'heat',
      temperature_c: 81.2,
    });
    const free = outgoing('event', rateLimitMessage({ framesPerSecond: null, reason: null }, null));
    assert.deepEqual([free.severity, free.message], ['info', 'frame rate no longer limited']);
  });

  test('of failures carry code, remedy and details, and are cut to what the contract takes', () => {
    const plain = outgoing('event', failureMessage(ERROR));
    assert.deepEqual(
      [plain.kind, plain.severity, plain.code, plain.message.length],
      ['failure', 'warning', 'HL_HEAD_INVALID', 2_048],
    );
    assert.deepEqual(plain.details, { remedy: 'Train again.', version: 2 });
    for (const kind of EVENT_KINDS) {
      assert.equal(outgoing('event', failureMessage(ERROR, kind, 'critical')).kind, kind);
    }
  });
});

describe('figures', () => {
  test('of samples are summed over the classes', () => {
    const classes = [
      { label: 'crop', training: 5, holdout: 2, groups: 3, holdoutGroups: 1 },
      { label: 'weed', training: 4, holdout: 1, groups: 3, holdoutGroups: 1 },
    ];
    const counts = {
      total: 20,
      labelled: 12,
      waiting: 8,
      excluded: 0,
      trash: 0,
      thinned: 3,
      pictureBytes: 1,
      classes,
    };
    assert.deepEqual(sampleTotals([counts]), {
      total: 20,
      labelled: 12,
      waiting: 8,
      thinned: 3,
      holdout: 3,
    });
  });

  test('have four decimals, and times are ISO 8601', () => {
    assert.deepEqual([round(0.123_456), round(1), round(0.000_04)], [0.1235, 1, 0]);
    assert.equal(isoTime(86_400_000), '1970-01-02T00:00:00.000Z');
  });
});
