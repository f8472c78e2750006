import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadCard } from '../../src/backbone/card-folders.js';
import { augmentationRecipe, Embedder } from '../../src/backbone/embedder.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { type EvaluationInput, evaluateHead } from '../../src/evaluation/evaluate.js';
import { advise } from '../../src/evaluation/evaluation-advice.js';
import { groupIntervals, reliabilityBins } from '../../src/evaluation/evaluation-statistics.js';
import type { Evaluation } from '../../src/evaluation/evaluation-types.js';
import { evaluationPage } from '../../src/evaluation/report/report-evaluation.js';
import { labelledMetrics } from '../../src/head/labelled-metrics.js';
import { calibrationError } from '../../src/head/metrics.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import { Trainer } from '../../src/training/trainer.js';
import { TEST_HANG_MS } from '../liveness.js';
import {
  createRobot,
  groupNames,
  openStore,
  type Robot,
  someCard,
  someHead,
  teach,
} from '../training/fixture.js';

const LIMIT = { timeout: TEST_HANG_MS };

async function train(robot: Robot): Promise<void> {
  const { dbPath, cacheDir, settings, registryDir } = robot;
  const registry = new HeadRegistry(registryDir, { keep: 5 });
  const trainer = new Trainer({
    task: 'main',
    dbPath,
    cacheDir,
    settings,
    registry,
    log: silentLog(),
  });
  const report = await trainer.start({ trigger: 'cli' }).finished;
  assert.equal(report.outcome, 'promoted', report.reason);
}

async function evaluate(robot: Robot, changes: Partial<EvaluationInput> = {}): Promise<Evaluation> {
  const { settings, cacheDir, registryDir } = robot;
  const card = await loadCard(settings.models.backbone, settings.models.cardsDir);
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  const { store, close } = openStore(robot);
  const { seed, ...augmentation } = settings.augmentation;
  try {
    const stored = await new HeadRegistry(registryDir, { keep: 5 }).openServing();
    assert.ok(stored);
    return await evaluateHead({
      store,
      stored,
      seed,
      augmentation,
      training: settings.training,
      embedder: new Embedder(backbone, { fit: 'squash', maxBytes: 1e7, maxPixels: 1e7 }),
      recipe: augmentationRecipe(augmentation, seed),
      minHoldoutSamples: settings.gate.minHoldoutSamples,
      maxErrorShare: 0.1,
      thumbnail: async (picture) => Buffer.from(picture).toString('base64'),
      onProgress: () => {},
      ...changes,
    });
  } finally {
    close();
    await backbone.close();
  }
}

describe('an evaluation', () => {
  it(
    'finds wrong labels, measures on the holdout, and its page needs nothing else',
    LIMIT,
    async (t) => {
      const robot = await createRobot(t, { gate: { minHoldoutSamples: 8 } });
      const groups = groupNames({ training: 10, holdout: 4 });
      await teach(robot, { labels: ['crop', 'weed', 'stone'], groups, perGroup: 2 });
      await train(robot);
      const { store, close } = openStore(robot);
      const victim = store.list({ label: 'stone', holdout: false })[0]!;
      store.label(victim.id, 'crop', 'cli');
      const nasty = store.list({ label: 'weed', holdout: true })[0]!;
      store.label(nasty.id, '<script>alert(1)', 'cli');
      close();

      const evaluation = await evaluate(robot);
      assert.equal(evaluation.evidence, 'holdout');
      assert.equal(evaluation.metrics.samples, 24);
      assert.ok(evaluation.metrics.accuracy >= 0.8, String(evaluation.metrics.accuracy));
      assert.equal(evaluation.data.holdout, 24);
      assert.equal(evaluation.data.trainingGroups, 10);
      assert.equal(evaluation.interval, null, 'four groups are too few');
      assert.ok(
        evaluation.suspects.shown.some((s) => s.id === victim.id && s.answer === 'stone'),
        'the wrong label is found',
      );
      const mistake = evaluation.mistakes.find((m) => m.id === nasty.id);
      assert.ok(
        mistake?.jpeg,
        'a class that the head does not know counts as a mistake, with picture',
      );
      assert.equal(evaluation.advice[0]?.kind, 'labels');
      assert.ok(evaluation.advice.some((a) => a.kind === 'left-out'));
      const shares = evaluation.learningCurve.map((p) => p.share);
      assert.equal(shares.at(-1), 1);
      assert.ok(shares.length >= 3);
      for (const { macroF1Least, macroF1, macroF1Most } of evaluation.learningCurve) {
        assert.ok(macroF1Least <= macroF1 + 1e-12 && macroF1 <= macroF1Most + 1e-12);
      }
      assert.deepEqual(JSON.parse(JSON.stringify(evaluation)), evaluation);

      const page = evaluationPage(evaluation);
      assert.doesNotMatch(page, /<script/i, 'a label is text');
      assert.match(page, /&lt;script&gt;/);
      assert.doesNotMatch(page, /(src|href)="(?!data:)/, 'no request');
      assert.doesNotMatch(page, /url\(|@import|NaN|undefined/);
      assert.match(page, /data:image\/jpeg;base64,/);

      const repeated = await evaluate(robot);
      assert.deepEqual(
        { ...repeated, createdAt: 0, durationMs: 0, learningCurve: 0 },
        { ...evaluation, createdAt: 0, durationMs: 0, learningCurve: 0 },
        'the same samples give the same report',
      );
    },
  );

  it('goes by leave-group-out where the holdout is small, and says so', LIMIT, async (t) => {
    const robot = await createRobot(t, { gate: { minHoldoutSamples: 30 } });
    await teach(robot, {
      labels: ['crop', 'weed'],
      groups: groupNames({ training: 6, holdout: 1 }),
      perGroup: 2,
    });
    await train(robot);
    const evaluation = await evaluate(robot);
    assert.equal(evaluation.evidence, 'leave-group-out');
    assert.equal(evaluation.metrics.samples, 24);
    assert.ok(evaluation.advice.some((a) => a.kind === 'holdout' && /4 samples/.test(a.text)));
    assert.ok(evaluation.advice.some((a) => a.kind === 'groups' && /6 groups/.test(a.text)));
    assert.match(evaluationPage(evaluation), /by leave-group-out/);
  });

  it('refuses a head of other features', LIMIT, async (t) => {
    const robot = await createRobot(t);
    const registry = new HeadRegistry(robot.registryDir, { keep: 5 });
    const head = someHead(1);
    await registry.promote(await registry.publish(head, someCard(head), ['g']));
    await teach(robot, {
      labels: ['crop', 'weed'],
      groups: groupNames({ training: 3, holdout: 1 }),
      perGroup: 2,
    });
    await assert.rejects(evaluate(robot), (error) =>
      isHeadlandError(error, 'HL_EVALUATE_OTHER_FEATURES'),
    );
  });
});

describe('its statistics', () => {
  const answers = (n: number, rightEvery: number) => {
    const probabilities = new Float64Array(n * 2);
    for (let i = 0; i < n; i++) {
      const p = 0.5 + (0.5 * (i + 1)) / (n + 1);
      probabilities.set(i % rightEvery === 0 ? [1 - p, p] : [p, 1 - p], i * 2);
    }
    const groups = Array.from({ length: n }, (_, i) => `g${i % 12}`);
    return { probabilities, truth: new Int32Array(n), groups, classCount: 2 };
  };

  it('has bins that hold every sample once and agree with the calibration error', () => {
    const bins = reliabilityBins(answers(103, 4));
    assert.equal(bins.length, 10);
    assert.equal(
      bins.reduce((sum, b) => sum + b.samples, 0),
      103,
    );
    const ece = bins.reduce(
      (sum, b) => sum + (b.samples / 103) * Math.abs(b.accuracy - b.confidence),
      0,
    );
    const { probabilities, truth } = answers(103, 4);
    const confidence = Float64Array.from(truth, (_, i) =>
      Math.max(...probabilities.subarray(2 * i, 2 * i + 2)),
    );
    const right = Uint8Array.from(truth, (_, i) => Number(probabilities[2 * i]! > 0.5));
    assert.ok(Math.abs(ece - calibrationError(confidence, right, 10)) < 1e-12);
  });

  it('has intervals around the figure, wider with fewer groups, and none with too few', () => {
    const many = groupIntervals(answers(240, 4));
    assert.ok(many && many.accuracy.lower < 0.75 && many.accuracy.upper > 0.75 - 1e-9);
    const few = answers(240, 4);
    assert.equal(groupIntervals({ ...few, groups: few.groups.map((_, i) => `g${i % 4}`) }), null);
    const uneven = groupIntervals({
      ...few,
      groups: few.groups.map((_, i) => `g${i % 4 === 0 ? 0 : i % 20}`),
    });
    assert.ok(uneven);
    const width = (i: { lower: number; upper: number }) => i.upper - i.lower;
    assert.ok(width(uneven.accuracy) > width(many.accuracy), 'mistakes of one group count as one');
  });

  it('says which class would gain most, and which two are confused', () => {
    const truth = [...Array(20).fill('a'), ...Array(20).fill('b'), ...Array(7).fill('c')];
    const said = truth.map((label, i) => (i < 6 ? 'b' : i >= 43 ? 'a' : label));
    const labels = ['a', 'b', 'c'];
    const pooled = labelledMetrics(
      Float64Array.from(said.flatMap((label) => labels.map((l) => (l === label ? 1 : 0)))),
      labels,
      truth,
    )!;
    const classes = labels.map((label, i) => ({
      label,
      training: [200, 200, 7][i]!,
      holdout: 40,
      trainingGroups: 12,
      holdoutGroups: 12,
      leftOut: false,
      pooledF1: pooled.perClass[i]!.f1,
    }));
    const advice = advise({
      data: { training: 407, holdout: 120, trainingGroups: 36, holdoutGroups: 36, classes },
      suspects: { total: 0, shown: [] },
      metrics: { ...pooled, ece: 0.01 },
      pooled,
      learningCurve: [],
    } as unknown as Parameters<typeof advise>[0]);
    assert.deepEqual(
      advice.map((a) => a.kind),
      ['samples', 'confused'],
    );
    assert.equal(advice[0]?.text, '“c” has 7 samples; 20 more would help most.');
    assert.equal(advice[1]?.text, '“a” and “b” are confused most: 6 of 40 images.');
  });
});
