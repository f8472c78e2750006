import { mkdirSync, writeFileSync } from 'node:fs';
import { configSchema } from '../src/config/schema.js';
import { fitTemperature } from '../src/head/calibrate.js';
import { RollbackMonitor, spentAlpha } from '../src/head/compare.js';
import type { Head } from '../src/head/head.js';
import { type SeededRandom, seededRandom } from '../src/head/random.js';
import { fitRidge } from '../src/head/ridge.js';
import { headProbabilities, indexOfLargest, softmaxRows } from '../src/head/score.js';
import { groupingOf, judgedRows, type TrainingSet } from '../src/head/train.js';
import { chooseEvidence, type JudgedSample } from '../src/training/evidence.js';
import { type Ledger, nextLook } from '../src/training/exam-ledger.js';
import { decide } from '../src/training/gate.js';
import { type HeadAnswer, headAnswers } from '../src/training/scorecard.js';
import { type SimulatedFrame, SimulatedStream } from './support/streams.js';

const FEATURES = 32;
const ROUNDS = 10;
const FIRST_LABELS = 40;
const ROUND_LABELS = 24;
const LAMBDAS = [1e-3, 1e-2, 1e-1, 1, 10];
const WORSE = 0.01;
const SHADOW_LABELS = 50;
const POLICIES = ['gate', 'naive', 'none'] as const;
type Policy = (typeof POLICIES)[number];

/** What became of the heads that one policy was offered when another one served already. */
interface Tally {
  offered: number;
  promoted: number;
  promotedWorse: number;
  better: number;
  promotedBetter: number;
  clearlyBetter: number;
  promotedClearlyBetter: number;
  /** Sum over rounds of the true macro-F1 of what serves. */
  served: number;
  rounds: number;
  finalServed: number;
  finals: number;
}

interface Serving {
  head: Head;
  groups: Set<string>;
  /** Of the frames it has learnt, by sample id: by leave-group-out. */
  recipe: Map<string, HeadAnswer>;
}

/**
 * Simulated robots whose challengers are trained, judged and promoted by the gate itself, by a naive
 * gate (frames split at random, promote when accuracy is higher) and by none. The truth is measured
 * on thousands of clean samples of the world as it is at that time.
 *
 * Options: `--streams N` (default 1000), `--seed N`.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const streams = numberOption(options, '--streams', 1_000);
  const seed = numberOption(options, '--seed', 1);
  const settings = configSchema.parse({}).gate;
  const tallies = Object.fromEntries(POLICIES.map((p) => [p, newTally()])) as Record<Policy, Tally>;
  const rollback: Rollback = {
    bad: { labels: [], loss: 0 },
    halfBad: { labels: [], loss: 0 },
    ...{ watched: 0, wrongly: 0 },
  };
  const reasons = new Map<string, number>();
  const startedAt = performance.now();
  for (let i = 0; i < streams; i++) {
    simulate(seededRandom(seed * 1_000_003 + i), settings, tallies, rollback, reasons);
  }
  const figures = summary(streams, tallies, rollback, (performance.now() - startedAt) / 1e3);
  writeMarkdown(figures, tallies);
  if (options.includes('--reasons')) console.error(reasons);
  return figures;
}

type GateSection = ReturnType<typeof configSchema.parse>['gate'];

function simulate(
  random: SeededRandom,
  settings: GateSection,
  tallies: Record<Policy, Tally>,
  rollback: Rollback,
  reasons: Map<string, number>,
): void {
  const stream = new SimulatedStream(random, {
    ...{ features: FEATURES, wrongLabels: 0.14, examShare: 0.2 },
  });
  const frames: SimulatedFrame[] = [];
  const serving = new Map<Policy, Serving>();
  let ledger: Ledger | null = null;
  for (let round = 0; round < ROUNDS; round++) {
    frames.push(...stream.round(round, round === 0 ? FIRST_LABELS : ROUND_LABELS));
    const training = frames.filter((frame) => !frame.exam);
    if (!trainable(training)) continue;
    const fitted = train(training);
    const measured = new Map<Head, number>();
    const truthOf = (head: Head): number => {
      const known = measured.get(head);
      if (known !== undefined) return known;
      const f1 = stream.trueMacroF1(round, (features) => classes(head, features));
      measured.set(head, f1);
      return f1;
    };
    for (const policy of POLICIES) {
      const current = serving.get(policy) ?? null;
      let offered: Serving | null = fitted;
      let promote = true;
      if (policy === 'gate') {
        const judged = judgeByGate(frames, fitted, current, settings, ledger);
        ({ promote, ledger } = judged);
        for (const name of judged.failed) reasons.set(name, (reasons.get(name) ?? 0) + 1);
      } else if (policy === 'naive') {
        ({ offered, promote } = naive(frames, current, random));
      }
      if (!offered) continue;
      const tally = tallies[policy];
      if (current) count(tally, truthOf(offered.head) - truthOf(current.head), promote);
      if (policy === 'gate' && current && promote) {
        const truly = truthOf(offered.head) - truthOf(current.head);
        if (truly > 0) watchGood(stream, round, current.head, offered.head, rollback, settings);
      }
      if (promote) serving.set(policy, offered);
      const now = serving.get(policy);
      if (now) {
        const f1 = truthOf(now.head);
        tally.served += f1;
        tally.rounds += 1;
        if (round === ROUNDS - 1) {
          tally.finalServed += f1;
          tally.finals += 1;
        }
      }
    }
  }
  const last = serving.get('gate');
  if (last) injectBad(stream, frames, last, rollback, settings);
}

function judgeByGate(
  frames: readonly SimulatedFrame[],
  challenger: Trained,
  current: Serving | null,
  settings: GateSection,
  ledger: Ledger | null,
): { promote: boolean; ledger: Ledger | null; failed: string[] } {
  const training = frames.filter((frame) => !frame.exam && challenger.known.has(frame.label));
  const exam = frames.filter((frame) => frame.exam);
  const all = [...training, ...exam];
  const truth = all.map(({ label }) => String(label));
  const labels = challenger.head.labels;
  const answers = [
    ...headAnswers(challenger.leftOut, labels, truth.slice(0, training.length)),
    ...answersTo(challenger.head, exam, truth.slice(training.length)),
  ];
  const others = current ? answersTo(current.head, all, truth) : [];
  const samples = all.map(
    ({ id, group, exam: isExam }, i): JudgedSample => ({
      ...{ id, group, exam: isExam, label: truth[i]! },
      challenger: answers[i]!,
      champion: others[i] ?? null,
      judged: isExam || challenger.judged.has(i),
    }),
  );
  const evidence = chooseEvidence(
    samples,
    current && {
      ...{ version: 1, labels: current.head.labels, groups: current.groups },
      ...{ otherFeatures: null, answersOfRecipe: () => current.recipe },
    },
    settings,
  );
  let next = ledger;
  if (evidence.compared !== 'nothing') {
    next = nextLook(
      ledger,
      evidence.samples.map(({ group }) => group),
      settings.examRefreshShare,
    );
  }
  const looks = next?.looks ?? 1;
  const golden = { seed: 0, rows: 1, trained: '', readBack: '' };
  const decision = decide({
    ...evidence,
    ...{ challengerLabels: [...labels], labelsWithSamples: [...new Set(truth)] },
    ...{ unknownAuroc: null, golden, seed: frames.length, settings },
    look: { count: looks, alpha: spentAlpha(looks, settings.totalError) },
  });
  return {
    promote: decision.promote,
    ledger: next,
    failed: current ? decision.checks.filter((c) => !c.passed).map((c) => c.name) : [],
  };
}

/** What is often done: a random fifth of all frames decides, whoever has learnt them. */
function naive(
  frames: readonly SimulatedFrame[],
  current: Serving | null,
  random: SeededRandom,
): { offered: Serving | null; promote: boolean } {
  const held = frames.map(() => random.next() < 0.2);
  const training = frames.filter((_, i) => !held[i]);
  const test = frames.filter((_, i) => held[i]);
  if (!trainable(training)) return { offered: null, promote: false };
  const offered = train(training);
  if (!current) return { offered, promote: true };
  return { offered, promote: accuracy(offered.head, test) > accuracy(current.head, test) };
}

interface Trained extends Serving {
  /** Leave-group-out probabilities, in the order of the frames that were learnt. */
  leftOut: Float64Array;
  /** Rows whose class left-out heads know. */
  judged: Set<number>;
  known: Set<number>;
}

/** Classes of the frames with at least three samples, of which there must be two in two groups. */
function trainable(frames: readonly SimulatedFrame[]): boolean {
  return classesOf(frames).length >= 2 && new Set(frames.map(({ group }) => group)).size >= 2;
}

function classesOf(frames: readonly SimulatedFrame[]): number[] {
  const counts = new Map<number, number>();
  for (const { label } of frames) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count >= 3)
    .map(([label]) => label)
    .sort();
}

function train(frames: readonly SimulatedFrame[]): Trained {
  const names = classesOf(frames);
  const known = new Set(names);
  const rows = frames.filter(({ label }) => known.has(label));
  const groupOf = new Map([...new Set(rows.map((f) => f.group))].map((g, i) => [g, i]));
  const features = new Float32Array(rows.length * FEATURES);
  rows.forEach((frame, i) => {
    features.set(frame.features, i * FEATURES);
  });
  const set: TrainingSet = {
    ...{ features, rows: rows.length, featureSize: FEATURES, classCount: names.length },
    labels: Int32Array.from(rows, ({ label }) => names.indexOf(label)),
    groups: Int32Array.from(rows, ({ group }) => groupOf.get(group)!),
    isView: new Uint8Array(rows.length),
  };
  const fit = fitRidge(set, { transform: 'none', lambdas: LAMBDAS });
  const temperature = fitTemperature(fit.leaveGroupOutLogits, set.labels, names.length);
  const leftOut = fit.leaveGroupOutLogits.slice();
  softmaxRows(leftOut, names.length, 1 / temperature);
  return {
    head: {
      ...{ learner: 'ridge', labels: names.map(String), featureSize: FEATURES },
      ...{ backboneChecksum: 'simulated', transform: fit.transform, temperature },
      ...{ weights: fit.weights, bias: fit.bias },
    },
    groups: new Set(groupOf.keys()),
    recipe: new Map(
      headAnswers(
        leftOut,
        names.map(String),
        rows.map(({ label }) => String(label)),
      ).map((answer, i) => [rows[i]!.id, answer]),
    ),
    ...{ leftOut, known },
    judged: new Set(judgedRows(set, groupingOf(set)).judged),
  };
}

interface Injected {
  /** Labels until the alarm; infinite when there was none. */
  labels: number[];
  /** Sum of what these heads lost in true macro-F1. */
  loss: number;
}

interface Rollback {
  /** Every class is taken for another. */
  bad: Injected;
  /** Two classes are confused. */
  halfBad: Injected;
  watched: number;
  wrongly: number;
}

/** Heads that learnt wrong names take over from the last one that the gate let serve. */
function injectBad(
  stream: SimulatedStream,
  frames: readonly SimulatedFrame[],
  { head }: Serving,
  rollback: Rollback,
  settings: GateSection,
): void {
  const names = classesOf(frames);
  const truth = (of: Head): number =>
    stream.trueMacroF1(ROUNDS, (features) => classes(of, features));
  for (const [injected, confused] of [
    [rollback.bad, names],
    [rollback.halfBad, names.slice(0, 2)],
  ] as const) {
    const misnamed = frames
      .filter((frame) => !frame.exam)
      .map((frame) => {
        const at = confused.indexOf(frame.label);
        return at < 0 ? frame : { ...frame, label: confused[(at + 1) % confused.length]! };
      });
    if (!trainable(misnamed)) continue;
    const bad = train(misnamed).head;
    injected.loss += truth(head) - truth(bad);
    injected.labels.push(labelsUntilAlarm(stream, ROUNDS, head, bad, 400, settings));
  }
}

/** How often a promotion that was right is taken back. */
function watchGood(
  stream: SimulatedStream,
  time: number,
  old: Head,
  promoted: Head,
  rollback: Rollback,
  settings: GateSection,
): void {
  rollback.watched += 1;
  const labels = labelsUntilAlarm(stream, time, old, promoted, SHADOW_LABELS, settings);
  if (labels <= SHADOW_LABELS) rollback.wrongly += 1;
}

function labelsUntilAlarm(
  stream: SimulatedStream,
  time: number,
  old: Head,
  promoted: Head,
  limit: number,
  { rollbackAlarm }: GateSection,
): number {
  const monitor = new RollbackMonitor({ alarmAt: rollbackAlarm });
  let labels = 0;
  while (labels < limit) {
    for (const frame of stream.round(time, 1)) {
      labels += 1;
      const right = (head: Head): boolean =>
        head.labels[classes(head, frame.features, false)[0]!] === String(frame.label);
      if (monitor.observe(right(old), right(promoted))) return labels;
      if (labels === limit) break;
    }
  }
  return Number.POSITIVE_INFINITY;
}

/** The answer to each row: as a class of the world, or as an index of the head. */
function classes(head: Head, features: Float32Array, ofWorld = true): Int32Array {
  const probabilities = headProbabilities(head, features);
  const count = head.labels.length;
  return Int32Array.from({ length: probabilities.length / count }, (_, row) => {
    const best = indexOfLargest(probabilities, row * count, count);
    return ofWorld ? Number(head.labels[best]) : best;
  });
}

function answersTo(head: Head, frames: readonly SimulatedFrame[], truth: readonly string[]) {
  if (frames.length === 0) return [];
  const features = new Float32Array(frames.length * FEATURES);
  frames.forEach((frame, i) => {
    features.set(frame.features, i * FEATURES);
  });
  return headAnswers(headProbabilities(head, features), head.labels, truth);
}

function accuracy(head: Head, frames: readonly SimulatedFrame[]): number {
  const truth = frames.map(({ label }) => String(label));
  const right = answersTo(head, frames, truth).filter(({ label }, i) => label === truth[i]);
  return right.length / Math.max(1, frames.length);
}

function newTally(): Tally {
  return {
    ...{ offered: 0, promoted: 0, promotedWorse: 0, better: 0, promotedBetter: 0 },
    ...{ clearlyBetter: 0, promotedClearlyBetter: 0 },
    ...{ served: 0, rounds: 0, finalServed: 0, finals: 0 },
  };
}

function count(tally: Tally, truly: number, promote: boolean): void {
  tally.offered += 1;
  if (truly > 0) tally.better += 1;
  if (truly > 3 * WORSE) tally.clearlyBetter += 1;
  if (!promote) return;
  tally.promoted += 1;
  if (truly < -WORSE) tally.promotedWorse += 1;
  if (truly > 0) tally.promotedBetter += 1;
  if (truly > 3 * WORSE) tally.promotedClearlyBetter += 1;
}

function summary(
  streams: number,
  tallies: Record<Policy, Tally>,
  { bad, halfBad, watched, wrongly }: Rollback,
  seconds: number,
): Record<string, unknown> {
  const figures: Record<string, unknown> = { streams };
  for (const policy of POLICIES) {
    const t = tallies[policy];
    figures[`${policy}_promotions`] = t.promoted;
    figures[`${policy}_promotions_worse_share`] = round(t.promotedWorse / t.promoted);
    figures[`${policy}_better_promoted_share`] = round(t.promotedBetter / t.better);
    figures[`${policy}_better_by_3_points_promoted_share`] = round(
      t.promotedClearlyBetter / t.clearlyBetter,
    );
    figures[`${policy}_serving_macro_f1`] = round(t.served / t.rounds);
    figures[`${policy}_final_macro_f1`] = round(t.finalServed / t.finals);
  }
  for (const [name, { labels, loss }] of [
    ['bad', bad],
    ['half_bad', halfBad],
  ] as const) {
    const sorted = [...labels].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] as number;
    figures[`${name}_heads`] = labels.length;
    figures[`${name}_heads_mean_loss`] = round(loss / labels.length);
    figures[`${name}_rollback_labels_median`] = at(0.5);
    figures[`${name}_rollback_labels_p95`] = at(0.95);
    figures[`${name}_rolled_back_within_50_share`] = round(
      labels.filter((n) => n <= SHADOW_LABELS).length / labels.length,
    );
  }
  return {
    ...figures,
    good_promotions_rolled_back_share: round(wrongly / watched),
    seconds: Math.round(seconds),
  };
}

function writeMarkdown(f: Record<string, unknown>, tallies: Record<Policy, Tally>): void {
  const percent = (x: unknown): string => `${((x as number) * 100).toFixed(1)} %`;
  const row = (policy: Policy, name: string): string =>
    `| ${name} | ${tallies[policy].offered} | ${tallies[policy].promoted} | ` +
    `${percent(f[`${policy}_promotions_worse_share`])} | ` +
    `${percent(f[`${policy}_better_promoted_share`])} | ` +
    `${percent(f[`${policy}_better_by_3_points_promoted_share`])} | ` +
    `${percent(f[`${policy}_serving_macro_f1`])} | ${percent(f[`${policy}_final_macro_f1`])} |`;
  const text = `# Gate

${f.streams} simulated streams of ${ROUNDS} trainings each (${FIRST_LABELS} labels first, then ${ROUND_LABELS} a training; ${FEATURES}
features, 3 to 6 imbalanced classes, passes of 3 to 8 frames that share light and view, drift in
half of the streams, about one label in five wrong: single ones, whole passes, and in one round of
six two classes confused throughout). Truth: macro-F1 on 500 clean samples a class of the world as
it is at that training. First heads, which nothing serves beside, are not counted.

| gate | offered | promoted | of these truly worse by > 1 point | truly better heads promoted | better by > 3 points promoted | macro-F1 of what served | after the last training |
| --- | --- | --- | --- | --- | --- | --- | --- |
${row('gate', 'headland')}
${row('naive', 'naive: random split, higher accuracy')}
${row('none', 'none: always promote')}

After the last training bad heads are injected, which learnt wrong names, beside the head that the
gate let serve. The alarm needs so many labels:

| injected | heads | mean loss of macro-F1 | median | 95th percentile | within ${SHADOW_LABELS} labels |
| --- | --- | --- | --- | --- | --- |
${injectedRow(f, 'bad', 'every class takes the name of another')}
${injectedRow(f, 'half_bad', 'two classes are confused')}

Of promotions that were truly better ${percent(f.good_promotions_rolled_back_share)} were taken back within ${SHADOW_LABELS} labels.
`;
  const results = new URL('../../bench/results/', import.meta.url);
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL('gate.md', results), text);
}

function injectedRow(f: Record<string, unknown>, key: string, name: string): string {
  const within = ((f[`${key}_rolled_back_within_50_share`] as number) * 100).toFixed(1);
  return (
    `| ${name} | ${f[`${key}_heads`]} | ${f[`${key}_heads_mean_loss`]} | ` +
    `${f[`${key}_rollback_labels_median`]} | ${f[`${key}_rollback_labels_p95`]} | ${within} % |`
  );
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

function numberOption(options: string[], name: string, fallback: number): number {
  const at = options.indexOf(name);
  return at < 0 ? fallback : Number(options[at + 1]);
}
