import { configSchema } from '../src/config/schema.js';
import { RollbackMonitor, spentAlpha } from '../src/head/compare.js';
import type { Head } from '../src/head/head.js';
import { type SeededRandom, seededRandom } from '../src/head/random.js';
import { chooseEvidence, type JudgedSample } from '../src/training/evidence.js';
import { type Ledger, nextLook } from '../src/training/exam-ledger.js';
import { decide } from '../src/training/gate.js';
import { headAnswers } from '../src/training/scorecard.js';
import { writeMarkdown } from './support/gate-report.js';
import {
  count,
  newTally,
  POLICIES,
  type Policy,
  type Rollback,
  SHADOW_LABELS,
  summary,
  type Tally,
} from './support/gate-tally.js';
import {
  accuracy,
  answersTo,
  classes,
  classesOf,
  FEATURES,
  type Serving,
  type Trained,
  train,
  trainable,
} from './support/simulated-heads.js';
import { type SimulatedFrame, SimulatedStream } from './support/streams.js';

const ROUNDS = 10;
const FIRST_LABELS = 40;
const ROUND_LABELS = 24;
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
  writeMarkdown(figures, {
    ...{ rounds: ROUNDS, firstLabels: FIRST_LABELS, roundLabels: ROUND_LABELS },
    ...{ features: FEATURES, shadowLabels: SHADOW_LABELS },
  });
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

function numberOption(options: string[], name: string, fallback: number): number {
  const at = options.indexOf(name);
  return at < 0 ? fallback : Number(options[at + 1]);
}
