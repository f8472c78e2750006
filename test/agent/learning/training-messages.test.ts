import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  trainingProgressMessage,
  trainingReportMessage,
} from '../../../src/agent/learning/training-messages.js';
import type { TrainingProgress } from '../../../src/training/job/job-protocol.js';
import {
  type JobResult,
  TRAINING_OUTCOMES,
  type TrainingReport,
} from '../../../src/training/report.js';
import { someCard, someHead } from '../../training/fixture.js';
import { outgoing } from '../support.js';

const { holdout: METRICS, gate } = someCard(someHead(1));

const RESULT: JobResult = {
  version: 3,
  championVersion: 2,
  decision: gate,
  verdict: { key: 'verdict.first', values: { right: 9, samples: 10 }, text: 'First head.' },
  score: null,
  gained: [],
  lost: [],
  effect: {
    since: null,
    labels: [],
    corrected: 0,
    removed: 0,
    newClasses: [],
    compared: 0,
    nowRight: 0,
    nowWrong: 0,
    messages: [],
  },
  learner: 'softmax',
  lambda: 0.25,
  transform: 'sqrt',
  temperature: 1.5,
  trust: {
    level: 'useful',
    answers: 12,
    groups: 4,
    meanRecall: 0.9,
    lowerBound: 0.7,
    needs: [],
    next: '"weed" needs 3 more labels.',
  },
  caution: null,
  classes: [
    { label: 'crop', training: 6, holdout: 2, leftOut: false, missing: 0 },
    { label: 'weed', training: 5, holdout: 1, leftOut: false, missing: 0 },
    { label: 'stone', training: 1, holdout: 0, leftOut: true, missing: 1 },
  ],
  samples: { training: 11, holdout: 3, skipped: 1 },
  skipped: [],
  holdout: METRICS,
  championHoldout: null,
  leaveGroupOut: METRICS!,
  candidates: [],
  durationsMs: { fit: 10 },
  forwards: 4,
};

const REPORT: TrainingReport = {
  task: 'main',
  trainingId: 'training-1',
  trigger: 'labels',
  outcome: 'promoted',
  verdict: RESULT.verdict,
  reason: 'Better: 9 of 10 right instead of 7.',
  error: null,
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:00:02.500Z',
  durationMs: 2_500,
  result: RESULT,
};

describe('the messages of a training', () => {
  test('tell what came of it, class by class', () => {
    const { schema, boot, seq, at, ...body } = outgoing(
      'training_report',
      trainingReportMessage(REPORT),
    );
    assert.deepEqual(body, {
      task: 'main',
      training_id: 'training-1',
      trigger: 'labels',
      outcome: 'promoted',
      verdict: RESULT.verdict,
      reason: 'Better: 9 of 10 right instead of 7.',
      head_version: 3,
      samples: 14,
      classes: 2,
      holdout: {
        accuracy: 1,
        macro_precision: 1,
        macro_recall: 1,
        macro_f1: 1,
        macro_auc: null,
        log_loss: 0.1,
        samples: 2,
        confusion: [
          [1, 0],
          [0, 1],
        ],
        labels: ['crop', 'weed'],
      },
      champion_holdout: null,
      learner: 'softmax',
      lambda: 0.25,
      duration_seconds: 2.5,
      trust: 'useful',
      next_step: '"weed" needs 3 more labels.',
      left_out: [{ label: 'stone', labels_missing: 1 }],
    });
  });

  test('say why nothing came of it, with code and remedy', () => {
    const error = {
      code: 'HL_TRAINING_TOO_FEW_LABELS' as const,
      message: 'there are 3 labels',
      remedy: 'Label more samples.',
      details: { labels: 3 },
    };
    const body = outgoing(
      'training_report',
      trainingReportMessage({ ...REPORT, outcome: 'failed', error, result: null }),
    );
    assert.deepEqual(
      [body.head_version, body.samples, body.classes, body.holdout, body.learner, body.trust],
      [null, 0, 0, null, null, null],
    );
    const { details: _, ...said } = error;
    assert.deepEqual(body.error, said);
    assert.deepEqual(body.left_out, []);
  });

  test('keep to the contract whatever the reason and the classes are', () => {
    const count = fc.integer({ min: 0, max: 1e6 });
    const classes = fc.array(
      fc.record({
        label: fc.string({ minLength: 1, maxLength: 64 }),
        training: count,
        holdout: count,
        leftOut: fc.boolean(),
        missing: count,
      }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...TRAINING_OUTCOMES),
        // Without slashes: addresses are redacted on the way out.
        fc.string({ maxLength: 6_000, size: 'max' }).map((text) => text.replaceAll('/', '|')),
        fc.option(classes),
        fc.integer({ min: 0, max: 1e9 }),
        (outcome, reason, found, durationMs) => {
          const result = found && { ...RESULT, classes: found };
          const report = { ...REPORT, outcome, reason, durationMs, result };
          const body = outgoing('training_report', trainingReportMessage(report));
          assert.ok(reason.startsWith(body.reason));
          assert.equal(body.classes + body.left_out!.length, found?.length ?? 0);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('tell how far it is', () => {
    const step: TrainingProgress = {
      phase: 'embed',
      done: 3,
      total: 8,
      etaSeconds: 1.5,
      paused: 'heat',
    };
    const { schema, boot, seq, at, ...body } = outgoing(
      'training_progress',
      trainingProgressMessage(step, 'main', 'training-1'),
    );
    assert.deepEqual(body, {
      task: 'main',
      training_id: 'training-1',
      phase: 'embed',
      done: 3,
      total: 8,
      eta_seconds: 1.5,
      paused: 'heat',
    });
    for (const phase of ['collect', 'fit', 'evaluate', 'publish'] as const) {
      const next = { phase, done: 0, total: 0, etaSeconds: null, paused: null };
      assert.equal(
        outgoing('training_progress', trainingProgressMessage(next, 'main', 't')).eta_seconds,
        null,
      );
    }
  });
});
