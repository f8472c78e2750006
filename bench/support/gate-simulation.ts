import { createRandom, type Random } from '../../src/base/random.js';
import type { Config } from '../../src/config/schema.js';
import { alarmAt } from '../../src/gate/shadow.js';
import { RollbackMonitor } from '../../src/head/compare.js';
import type { Head } from '../../src/head/head.js';
import { naiveGate, type Served, SimulatedGate, type Verdict } from './gate-policies.js';
import {
  type Counts,
  count,
  type Injected,
  Lag,
  newCounts,
  POLICIES,
  type Policy,
  type Tally,
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
export const FIRST_LABELS = [12, 40] as const;
export const ROUND_LABELS = 24;
/** Labels after which an injected head is given up on. */
const PATIENCE = 400;

type Settings = Pick<Config, 'gate' | 'samples'>;
/** True macro-F1 at one time. */
type Truth = (head: Head) => number;

/** A head in the shadow of the one that serves. */
interface Trial {
  shadow: Served;
  monitor: RollbackMonitor;
  labels: number;
  /** By how much the head in the shadow was truly better when the trial began. */
  truly: number;
}

/** One policy on one stream. */
interface Robot {
  policy: Policy;
  gate: SimulatedGate;
  current: Served | null;
  /** The head that was replaced, and the last one that was refused. */
  replaced: Trial | null;
  refused: Trial | null;
  /** Every head that it was ever offered. */
  offered: Head[];
  versions: number;
  lag: Lag;
}

/** Streams `from` up to before `to` of a seed. */
export async function simulateStreams(
  { seed, from, to, wrongLabels }: { seed: number; from: number; to: number; wrongLabels: number },
  settings: Settings,
): Promise<Counts> {
  const counts = newCounts();
  for (let i = from; i < to; i++) {
    await simulate(createRandom(seed * 1_000_003 + i), wrongLabels, settings, counts);
  }
  return counts;
}

async function simulate(
  random: Random,
  wrongLabels: number,
  settings: Settings,
  counts: Counts,
): Promise<void> {
  const stream = new SimulatedStream(random, {
    features: FEATURES,
    wrongLabels,
    holdout: settings.samples,
  });
  const robots = POLICIES.map((policy): Robot => {
    const gate = new SimulatedGate(settings.gate);
    const heads = { current: null, replaced: null, refused: null, offered: [] };
    return { policy, gate, ...heads, versions: 0, lag: new Lag() };
  });
  const frames: SimulatedFrame[] = [];
  const [least, most] = FIRST_LABELS;
  const firstLabels = least + random.int(most - least + 1);
  for (let round = 0; round <= ROUNDS; round++) {
    const truthOf = measure(stream, round);
    const fresh = stream.round(round, round === 0 ? firstLabels : ROUND_LABELS);
    for (const robot of robots) {
      if (round > 0) live(robot, fresh, truthOf, counts.tallies[robot.policy], settings.gate);
    }
    frames.push(...fresh);
    // After the last training heads only serve.
    if (round < ROUNDS) await trainAll(robots, frames, truthOf, random, settings.gate, counts);
  }
  const truthOf = measure(stream, ROUNDS);
  for (const robot of robots) tallyEnd(robot, truthOf, counts.tallies[robot.policy]);
  const last = robots.find(({ policy }) => policy === 'gate')?.current;
  if (last) injectBad(stream, frames, last.head, counts, settings.gate);
}

/** Offers every robot the head that its policy trains on the frames so far. */
async function trainAll(
  robots: readonly Robot[],
  frames: readonly SimulatedFrame[],
  truthOf: Truth,
  random: Random,
  settings: Config['gate'],
  counts: Counts,
): Promise<void> {
  const fitted = fit(frames.filter((frame) => !frame.holdout));
  const onAll = frames.some((frame) => frame.holdout) ? fit(frames) : fitted;
  for (const robot of robots) {
    const offered = robot.policy === 'none' ? onAll : fitted;
    if (!offered) continue;
    const verdict = await judge(robot, frames, offered, random);
    apply(robot, verdict, truthOf, counts.tallies[robot.policy], settings);
  }
}

function tallyEnd({ current, lag }: Robot, truthOf: Truth, tally: Tally): void {
  tally.streams += 1;
  tally.finalServed += current ? truthOf(current.head) : 0;
  tally.keptTooLong += Number(lag.kept);
  tally.behindTooLong += Number(lag.behind);
}

function fit(frames: readonly SimulatedFrame[]): Trained | null {
  return trainable(frames) ? train(frames) : null;
}

/** True macro-F1 at a time, each head measured once. */
function measure(stream: SimulatedStream, time: number): Truth {
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
  random: Random,
): Promise<Verdict> {
  if (policy === 'naive') return naiveGate(frames, current, random);
  if (policy === 'none') return { offered: fitted, promote: true, checks: [] };
  return gate.judge(frames, fitted, current);
}

function apply(
  robot: Robot,
  { offered, promote, checks }: Verdict,
  truthOf: Truth,
  tally: Tally,
  settings: Config['gate'],
): void {
  if (!offered) return;
  robot.offered.push(offered.head);
  const { current } = robot;
  const served: Served = { ...offered, version: ++robot.versions };
  if (current) {
    const truly = truthOf(offered.head) - truthOf(current.head);
    count(tally, truly, promote);
    const trial = (shadow: Served, gain: number): Trial => ({
      shadow,
      labels: 0,
      truly: gain,
      monitor: new RollbackMonitor({
        classes: classCount(current, offered),
        alarmAt: alarmAt(checks, settings),
      }),
    });
    if (promote) robot.replaced = trial(current, -truly);
    robot.refused = promote ? null : trial(served, truly);
  }
  if (promote) robot.current = served;
}

/** The labels of a round come before its training: each of them may let the other head serve. */
function live(
  robot: Robot,
  fresh: readonly SimulatedFrame[],
  truthOf: Truth,
  tally: Tally,
  { shadowLabels }: Config['gate'],
): void {
  const best = Math.max(0, ...robot.offered.map(truthOf));
  for (const frame of fresh) {
    const f1 = robot.current ? truthOf(robot.current.head) : 0;
    tally.labels += 1;
    tally.served += f1;
    if (!robot.current) tally.withoutHead += 1;
    robot.lag.label(robot.current?.head ?? null, best - f1);
    if (robot.policy !== 'gate') continue;
    const { replaced, refused } = robot;
    if (replaced && observe(robot, replaced, frame)) {
      tally.takenBack += 1;
      tally.takenBackBetter += Number(replaced.truly < 0);
    } else if (refused && observe(robot, refused, frame)) {
      tally.letIn += 1;
      tally.letInBetter += Number(refused.truly > 0);
      robot.replaced = null;
    }
    if (replaced?.labels === shadowLabels) robot.replaced = null;
    if (refused?.labels === shadowLabels) robot.refused = null;
  }
}

/** True when the head in the shadow serves from here on. */
function observe(robot: Robot, trial: Trial, frame: SimulatedFrame): boolean {
  const current = robot.current as Served;
  trial.labels += 1;
  if (!heard(trial.monitor, frame, trial.shadow.head, current.head)) return false;
  robot.current = trial.shadow;
  robot.replaced = null;
  robot.refused = null;
  return true;
}

function heard(monitor: RollbackMonitor, frame: SimulatedFrame, shadow: Head, serving: Head) {
  const [hidden, serves] = [shadow, serving].map(
    (head) => answersTo(head, [frame], [String(frame.label)])[0]!.probability,
  ) as [number, number];
  return monitor.observe(hidden, serves, frame.group);
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
      .filter((frame) => !frame.holdout)
      .map((frame) => {
        const at = confused.indexOf(frame.label);
        return at < 0 ? frame : { ...frame, label: confused[(at + 1) % confused.length]! };
      });
    if (!trainable(misnamed)) continue;
    const offered = train(misnamed);
    injected.loss += truthOf(head) - truthOf(offered.head);
    const monitor = new RollbackMonitor({
      classes: classCount({ head }, offered),
      alarmAt: settings.rollbackAlarm,
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
      if (heard(monitor, frame, previous, current)) return labels;
    }
  }
  return null;
}

function classCount(one: { head: Head }, other: { head: Head }): number {
  return new Set([...one.head.labels, ...other.head.labels]).size;
}
