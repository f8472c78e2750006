import type { Config } from '../../src/config/schema.js';
import { RollbackMonitor } from '../../src/head/compare.js';
import type { Head } from '../../src/head/head.js';
import { type SeededRandom, seededRandom } from '../../src/head/random.js';
import { naiveGate, type Served, SimulatedGate, type Verdict } from './gate-policies.js';
import {
  type Counts,
  count,
  countTakenBack,
  type Injected,
  newCounts,
  POLICIES,
  type Policy,
} from './gate-tally.js';
import {
  answersTo,
  classes,
  classesOf,
  FEATURES,
  type Trained,
  train,
  trainable,
} from './simulated-heads.js';
import { type SimulatedFrame, SimulatedStream } from './streams.js';

export const ROUNDS = 10;
export const FIRST_LABELS = 40;
export const ROUND_LABELS = 24;
/** Labels after which an injected head is given up on. */
const PATIENCE = 400;

/** A promoted head beside the one that it replaced. */
interface Trial {
  previous: Served;
  monitor: RollbackMonitor;
  labels: number;
  /** By how much the promoted head was truly better when it took over. */
  truly: number;
}

/** One policy on one stream. */
interface Robot {
  policy: Policy;
  gate: SimulatedGate;
  current: Served | null;
  trial: Trial | null;
  versions: number;
}

/** Streams `from` up to before `to` of a seed. */
export async function simulateStreams(
  { seed, from, to }: { seed: number; from: number; to: number },
  settings: Config['gate'],
): Promise<Counts> {
  const counts = newCounts();
  for (let i = from; i < to; i++) {
    await simulate(seededRandom(seed * 1_000_003 + i), settings, counts);
  }
  return counts;
}

async function simulate(
  random: SeededRandom,
  settings: Config['gate'],
  counts: Counts,
): Promise<void> {
  const stream = new SimulatedStream(random, {
    ...{ features: FEATURES, wrongLabels: 0.14, examShare: 0.2 },
  });
  const robots = POLICIES.map((policy): Robot => {
    const gate = new SimulatedGate(settings);
    return { policy, gate, current: null, trial: null, versions: 0 };
  });
  const frames: SimulatedFrame[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const fresh = stream.round(round, round === 0 ? FIRST_LABELS : ROUND_LABELS);
    for (const robot of robots) {
      if (robot.policy === 'gate') watch(robot, fresh, counts, settings);
    }
    frames.push(...fresh);
    const training = frames.filter((frame) => !frame.exam);
    const fitted = trainable(training) ? train(training) : null;
    const truthOf = measure(stream, round);
    for (const robot of robots) {
      if (fitted) {
        const verdict = await judge(robot, frames, fitted, random);
        apply(robot, verdict, truthOf, counts, settings);
      }
      const tally = counts.tallies[robot.policy];
      const f1 = robot.current ? truthOf(robot.current.head) : 0;
      tally.rounds += 1;
      tally.served += f1;
      if (!robot.current) tally.withoutHead += 1;
      if (round === ROUNDS - 1) {
        tally.finals += 1;
        tally.finalServed += f1;
      }
    }
  }
  const last = robots.find(({ policy }) => policy === 'gate')?.current;
  if (last) injectBad(stream, frames, last.head, counts, settings);
}

/** True macro-F1 at a time, each head measured once. */
function measure(stream: SimulatedStream, time: number): (head: Head) => number {
  const measured = new Map<Head, number>();
  return (head) => {
    const known = measured.get(head);
    if (known !== undefined) return known;
    const f1 = stream.trueMacroF1(time, (features) => classes(head, features));
    measured.set(head, f1);
    return f1;
  };
}

async function judge(
  { policy, gate, current }: Robot,
  frames: readonly SimulatedFrame[],
  fitted: Trained,
  random: SeededRandom,
): Promise<Verdict> {
  if (policy === 'naive') return naiveGate(frames, current, random);
  if (policy === 'none') return { offered: fitted, promote: true, failed: [] };
  return gate.judge(frames, fitted, current);
}

function apply(
  robot: Robot,
  { offered, promote, failed }: Verdict,
  truthOf: (head: Head) => number,
  { tallies }: Counts,
  { rollbackAlarm: alarmAt }: Config['gate'],
): void {
  if (!offered) return;
  const { current, policy } = robot;
  if (current) {
    const truly = truthOf(offered.head) - truthOf(current.head);
    count(tallies[policy], truly, promote, failed);
    if (promote) {
      const monitor = new RollbackMonitor({ classes: classCount(current, offered), alarmAt });
      robot.trial = { previous: current, monitor, labels: 0, truly };
    }
  }
  if (promote) robot.current = { ...offered, version: ++robot.versions };
}

/** The labels of a round come before its training: the replaced head may come back by them. */
function watch(
  robot: Robot,
  fresh: readonly SimulatedFrame[],
  { tallies }: Counts,
  settings: Config['gate'],
): void {
  const { trial, current } = robot;
  if (!trial || !current) return;
  for (const frame of fresh) {
    trial.labels += 1;
    if (observe(trial.monitor, frame, trial.previous.head, current.head)) {
      countTakenBack(tallies[robot.policy], trial.truly);
      robot.current = trial.previous;
      robot.trial = null;
      return;
    }
    if (trial.labels === settings.shadowLabels) {
      robot.trial = null;
      return;
    }
  }
}

function observe(
  monitor: RollbackMonitor,
  frame: SimulatedFrame,
  previous: Head,
  current: Head,
): boolean {
  const [old, promoted] = [previous, current].map(
    (head) => answersTo(head, [frame], [String(frame.label)])[0]!.probability,
  ) as [number, number];
  return monitor.observe(old, promoted);
}

/** Heads that learnt wrong names take over from the last one that the gate let serve. */
function injectBad(
  stream: SimulatedStream,
  frames: readonly SimulatedFrame[],
  head: Head,
  { bad, halfBad }: Counts,
  settings: Config['gate'],
): void {
  const names = classesOf(frames);
  const truthOf = measure(stream, ROUNDS);
  for (const [injected, confused] of [
    [bad, names],
    [halfBad, names.slice(0, 2)],
  ] as [Injected, number[]][]) {
    const misnamed = frames
      .filter((frame) => !frame.exam)
      .map((frame) => {
        const at = confused.indexOf(frame.label);
        return at < 0 ? frame : { ...frame, label: confused[(at + 1) % confused.length]! };
      });
    if (!trainable(misnamed)) continue;
    const offered = train(misnamed);
    injected.loss += truthOf(head) - truthOf(offered.head);
    const monitor = new RollbackMonitor({
      ...{ classes: classCount({ head }, offered), alarmAt: settings.rollbackAlarm },
    });
    injected.labels.push(labelsUntilAlarm(stream, monitor, head, offered.head));
  }
}

function labelsUntilAlarm(
  stream: SimulatedStream,
  monitor: RollbackMonitor,
  previous: Head,
  current: Head,
): number | null {
  for (let labels = 0; labels < PATIENCE; ) {
    for (const frame of stream.round(ROUNDS, 1)) {
      labels += 1;
      if (observe(monitor, frame, previous, current)) return labels;
    }
  }
  return null;
}

function classCount(one: { head: Head }, other: { head: Head }): number {
  return new Set([...one.head.labels, ...other.head.labels]).size;
}
