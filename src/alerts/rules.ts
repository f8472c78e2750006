import { type Eye, eyeOf } from '../base/words/eye.js';
import { UNKNOWN_LABEL } from '../base/words/label.js';
import type { AlertRuleConfig, Config } from '../config/schema.js';
import { Odometer } from './odometer.js';
import { OutputTimeline } from './output-timeline.js';

/** A decision as rules read it. */
export interface RuleDecision {
  /** The decided label, or "unknown". */
  label: string;
  /** Probability of the label, 0..1. */
  probability: number;
  /** The label is a guess, which counts only for rules with `guesses`. */
  guess: boolean;
}

/** The answer of one task to a frame. */
export interface RuleAnswer {
  task: string;
  decision: RuleDecision;
  /** Null: not known; the decision on the frame is used instead. */
  scene: RuleDecision | null;
}

export function observationOf(
  { camera, region }: Eye,
  { task, decision, scene }: RuleAnswer,
  atMs: number,
): Observation {
  const frame = ruleDecision(decision);
  return { task, camera, region, frame, scene: scene ? ruleDecision(scene) : frame, atMs };
}

/** For `unknown`, the probability is that of the most probable known label, which is irrelevant here. */
function ruleDecision({ label, probability, guess }: RuleDecision): RuleDecision {
  return { label, probability: label === UNKNOWN_LABEL ? 1 : probability, guess };
}

/** The decisions of one task on one frame. */
export interface Observation extends Eye {
  task: string;
  /** On the frame alone. */
  frame: RuleDecision;
  /** On all frames of its scene. */
  scene: RuleDecision;
  /** Monotonic time from `performance.now()`, milliseconds. */
  atMs: number;
}

/** The decision that a rule matched. */
interface Match extends RuleDecision {
  atMs: number;
}

/** A rule was raised or cleared for a task and camera. */
export interface AlertEvent extends Eye, Omit<Match, 'guess'> {
  rule: string;
  task: string;
  state: 'raised' | 'cleared';
  /** Name of the GPIO output to switch; null = event only. */
  output: string | null;
}

/** State of a rule for one task, camera and region. */
interface Watch extends Eye {
  task: string;
  rule: AlertRuleConfig;
  /** Ring buffer of the last M frames: 1 = matched. */
  recent: Uint8Array;
  next: number;
  matches: number;
  /** The last match of a raised alert; null = not raised. */
  raisedBy: Match | null;
}

/**
 * Applies alert rules to the stream of decisions. A matching frame raises a rule for its task, camera
 * and region when at least N of their last M frames matched. The rule clears once `holdMs` have passed since
 * its last match, even if no more frames arrive, so that a hung camera leaves no output on. Pure
 * computation: the caller switches outputs and sends events.
 */
export class AlertRules {
  readonly #rules: AlertRuleConfig[];
  readonly #watches = new Map<string, Watch[]>();
  readonly #odometer: Odometer;
  readonly #outputs: OutputTimeline;

  constructor({ rules, metersPerSecond, speedMaxAgeMs }: Config['alerts']) {
    this.#rules = rules;
    this.#odometer = new Odometer(metersPerSecond ?? 0, speedMaxAgeMs);
    this.#outputs = new OutputTimeline(this.#odometer);
  }

  /** The robot moves at this speed at `nowMs`. @param metersPerSecond 0 or more */
  reportSpeed(metersPerSecond: number, nowMs: number): void {
    this.#odometer.report(metersPerSecond, nowMs);
  }

  /** Adds one decision. Returns the alerts it raised and those that have expired at its time. */
  observe(observation: Observation): AlertEvent[] {
    const raised: AlertEvent[] = [];
    const matched = new Set<Watch>();
    for (const watch of this.#watchesOf(observation)) {
      const { rule, recent } = watch;
      const { label, probability, guess } = observation[rule.decision];
      const match =
        probability >= rule.minProbability &&
        (rule.guesses || !guess) &&
        rule.labels.includes(label);
      watch.matches += Number(match) - recent[watch.next]!;
      recent[watch.next] = Number(match);
      watch.next = (watch.next + 1) % recent.length;
      if (!match) continue;
      matched.add(watch);
      const by: Match = { label, probability, guess, atMs: observation.atMs };
      if (watch.raisedBy !== null) watch.raisedBy = by;
      else if (watch.matches >= rule.matches) {
        watch.raisedBy = by;
        raised.push(this.#change(watch, 'raised', by));
      }
    }
    return [...this.#clearExpired(observation.atMs, matched), ...raised];
  }

  /** Clears expired alerts. Call it a few times a second while any is raised. */
  tick(atMs: number): AlertEvent[] {
    return this.#clearExpired(atMs, new Set());
  }

  /** Outputs that are to be on at `nowMs`, the time of the last call or later. */
  activeOutputs(nowMs: number): Set<string> {
    return this.#outputs.active(nowMs);
  }

  /** When an output is to be switched next; null: not before another call. */
  get nextSwitchMs(): number | null {
    return this.#outputs.nextMs;
  }

  #clearExpired(atMs: number, except: Set<Watch>): AlertEvent[] {
    const events: AlertEvent[] = [];
    for (const watch of [...this.#watches.values()].flat()) {
      if (watch.raisedBy === null || except.has(watch)) continue;
      const { holdMs } = watch.rule;
      if (atMs - watch.raisedBy.atMs < holdMs) continue;
      const { raisedBy } = watch;
      watch.raisedBy = null;
      events.push(this.#change(watch, 'cleared', { ...raisedBy, atMs }));
    }
    return events;
  }

  #change(
    { rule, task, camera, region }: Watch,
    state: AlertEvent['state'],
    { label, probability, atMs }: Match,
  ): AlertEvent {
    const { name, output, delayMs, delayMeters } = rule;
    if (output !== null) {
      const alert = `${name} ${task} ${eyeOf({ camera, region })}`;
      const due =
        delayMeters === null
          ? { atMs: atMs + delayMs }
          : { atMeters: this.#odometer.metersAt(atMs) + delayMeters };
      this.#outputs.add({ due, alert, output, on: state === 'raised' });
    }
    return { rule: name, task, state, camera, region, label, probability, atMs, output };
  }

  #watchesOf({ task, camera, region }: Observation): Watch[] {
    const key = `${task} ${eyeOf({ camera, region })}`;
    let watches = this.#watches.get(key);
    if (watches === undefined) {
      watches = this.#rules
        .filter((rule) => rule.task === null || rule.task === task)
        .filter((rule) => rule.camera === null || rule.camera === camera)
        .filter((rule) => rule.region === null || rule.region === region)
        .map((rule) => ({
          rule,
          task,
          camera,
          region,
          recent: new Uint8Array(rule.ofFrames),
          next: 0,
          matches: 0,
          raisedBy: null,
        }));
      this.#watches.set(key, watches);
    }
    return watches;
  }
}
