import { type Eye, eyeOf } from '../base/words/eye.js';
import { UNKNOWN_LABEL } from '../base/words/label.js';
import type { AlertCondition, AlertRuleConfig, Config } from '../config/schema.js';
import { Odometer } from './odometer.js';
import { type OutputLimit, OutputLimits } from './output-limits.js';
import { earlier } from './output-signals.js';
import { OutputTimeline } from './output-timeline.js';
import { applies, type LocalTime } from './schedule.js';

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
  /** `noveltyPValue`: share of known samples that are at least as novel, 0..1; null: not known. */
  decision: RuleDecision & { noveltyPValue: number | null };
  /** Null: not known; the decision on the frame is used instead. */
  scene: RuleDecision | null;
}

export function observationOf(
  { camera, region }: Eye,
  { task, decision, scene }: RuleAnswer,
  atMs: number,
): Observation {
  const frame = ruleDecision(decision);
  return {
    task,
    camera,
    region,
    frame,
    scene: scene ? ruleDecision(scene) : frame,
    noveltyPValue: decision.noveltyPValue,
    atMs,
  };
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
  /** Of the frame; null: not known. */
  noveltyPValue: number | null;
  /** Monotonic time from `performance.now()`, milliseconds. */
  atMs: number;
}

/** A state of the robot that rules can watch, and what it is about. */
export interface ConditionSubject {
  condition: AlertCondition;
  /** Null: not about one camera. */
  camera: string | null;
  /** Null: not about one task. */
  task: string | null;
}

/** What an alert is about. */
interface Subject {
  task: string | null;
  camera: string | null;
  /** Null: the whole image, or no image at all. */
  region: string | null;
}

/** Why an alert is raised. */
interface Cause {
  /** The decided label; null: the alert is about a condition. */
  label: string | null;
  /** Of the label, 0..1. */
  probability: number | null;
  noveltyPValue: number | null;
  /** Null: the alert is about a decision. */
  condition: AlertCondition | null;
}

/** The last frame or moment that kept an alert raised. */
interface Match extends Cause {
  atMs: number;
}

/** A rule was raised, acknowledged by a person, or cleared. */
export interface AlertEvent extends Subject, Match {
  rule: string;
  state: 'raised' | 'acknowledged' | 'cleared';
  /** Name of the GPIO output to switch; null = event only. */
  output: string | null;
}

/** An alert that is raised now. */
export interface RaisedAlert extends Subject, Cause {
  rule: string;
  output: string | null;
  /** Monotonic time, milliseconds. */
  sinceMs: number;
  /** A person has switched its output off. */
  acknowledged: boolean;
}

interface Raised {
  by: Match;
  sinceMs: number;
  acknowledged: boolean;
}

/** State of a rule for one subject. */
interface Watch {
  /** Identifies it among all. */
  alert: string;
  rule: AlertRuleConfig;
  subject: Subject;
  /** Ring buffer of the last M frames: 1 = matched. */
  recent: Uint8Array;
  next: number;
  matches: number;
  /** Conditions of the rule that last now. */
  conditions: Set<AlertCondition>;
  raised: Raised | null;
  /** When it was last cleared; null: never raised, or raised now for the first time. */
  clearedMs: number | null;
}

type Settings = Pick<Config['alerts'], 'rules' | 'metersPerSecond' | 'speedMaxAgeMs'>;

/**
 * Applies alert rules to the stream of decisions and to the conditions of the robot. A matching frame
 * raises a rule for its task, camera and region when at least N of their last M frames matched; a
 * condition raises it at once. The rule clears once `holdMs` have passed since its last match or since
 * the condition ended, even if no more frames arrive, so that a hung camera leaves no output on. An
 * alert stays raised for `minOnMs` and cleared for `minOffMs`, whatever comes. Pure computation: the
 * caller switches outputs and sends events.
 */
export class AlertRules {
  readonly #rules: readonly AlertRuleConfig[];
  /** By task, camera and region, and by the subjects of conditions. */
  readonly #watches = new Map<string, Watch[]>();
  readonly #odometer: Odometer;
  readonly #timeline: OutputTimeline;
  readonly #limits: OutputLimits;
  /** Outputs that alerts want on, as of the last {@link activeOutputs}. */
  #wanted: ReadonlySet<string> = new Set();

  /** @param localTime what the clock of the board shows; null: it is not set */
  constructor(
    { rules, metersPerSecond, speedMaxAgeMs }: Settings,
    private readonly localTime: () => LocalTime | null,
  ) {
    this.#rules = rules;
    this.#odometer = new Odometer(metersPerSecond ?? 0, speedMaxAgeMs);
    this.#timeline = new OutputTimeline(this.#odometer);
    this.#limits = new OutputLimits(limitsOf(rules));
  }

  /** The robot moves at this speed at `nowMs`. @param metersPerSecond 0 or more */
  reportSpeed(metersPerSecond: number, nowMs: number): void {
    this.#odometer.report(metersPerSecond, nowMs);
  }

  /** Adds one decision. Returns the alerts it raised and those that have expired at its time. */
  observe(observation: Observation): AlertEvent[] {
    const { atMs } = observation;
    const raised: AlertEvent[] = [];
    const matched = new Set<Watch>();
    for (const watch of this.#watchesOf(observation)) {
      const isOn = watch.raised !== null;
      const by = this.#matchOf(watch, observation);
      if (!by) continue;
      matched.add(watch);
      if (isOn) continue;
      const event = this.#raise(watch, by);
      if (event) raised.push(event);
    }
    return [...this.#settle(atMs, matched), ...raised];
  }

  /** A condition begins or ends. Returns the alerts that change at once. */
  report(subject: ConditionSubject, lasts: boolean, atMs: number): AlertEvent[] {
    for (const watch of this.#watchesFor(subject)) {
      if (lasts) watch.conditions.add(subject.condition);
      else watch.conditions.delete(subject.condition);
    }
    return this.#settle(atMs, new Set());
  }

  /**
   * Clears expired alerts, and raises those of conditions that had to wait. Call it a few times a
   * second.
   */
  tick(atMs: number): AlertEvent[] {
    return this.#settle(atMs, new Set());
  }

  /**
   * Switches outputs off at once, until their alerts rise again: those of the alerts that are raised now,
   * and those that a cleared alert keeps on, or would switch later, by its delay or a minimum time.
   * @param rule null: of all rules
   * @returns the raised alerts that were not acknowledged yet
   */
  acknowledge(rule: string | null, atMs: number): AlertEvent[] {
    const meant = this.#all().filter((watch) => rule === null || watch.rule.name === rule);
    for (const { alert } of meant) this.#timeline.drop(alert);
    const held = this.#timeline.active(atMs);
    for (const { output } of meant.map((watch) => watch.rule)) {
      if (output !== null && !held.has(output)) this.#limits.release(output);
    }
    return meant.flatMap((watch) => {
      const { raised } = watch;
      if (!raised || raised.acknowledged) return [];
      raised.acknowledged = true;
      return [eventOf(watch, 'acknowledged', { ...raised.by, atMs })];
    });
  }

  /** Clears all alerts: the robot watches no longer. */
  end(atMs: number): AlertEvent[] {
    return this.#all().flatMap((watch) =>
      watch.raised ? [this.#clear(watch, watch.raised, atMs)] : [],
    );
  }

  /** The alerts that are raised now, the oldest first. */
  get raised(): RaisedAlert[] {
    return this.#all()
      .flatMap(({ rule, subject, raised }) => {
        if (!raised) return [];
        const { by, sinceMs, acknowledged } = raised;
        const { atMs: _, ...cause } = by;
        const { name, output } = rule;
        return [{ rule: name, ...subject, ...cause, output, sinceMs, acknowledged }];
      })
      .sort((one, other) => one.sinceMs - other.sinceMs);
  }

  /** Outputs that are to be on at `nowMs`, the time of the last call or later. */
  activeOutputs(nowMs: number): Set<string> {
    this.#wanted = this.#timeline.active(nowMs);
    return this.#limits.follow(this.#wanted, nowMs);
  }

  /** When an output is to be switched next; null: not before another call. */
  get nextSwitchMs(): number | null {
    return earlier(this.#timeline.nextMs, this.#limits.nextMs(this.#wanted));
  }

  /** Notes a frame in the window of a rule. @returns the match, if it raises or keeps the alert */
  #matchOf(watch: Watch, observation: Observation): Match | null {
    const { rule, recent, raised } = watch;
    const { noveltyPValue, atMs } = observation;
    const seen = { ...observation[rule.decision], noveltyPValue };
    const now = applies(rule, this.#timeFor(rule));
    const matches = now && isMatch(rule, seen, rule.minProbability);
    watch.matches += Number(matches) - recent[watch.next]!;
    recent[watch.next] = Number(matches);
    watch.next = (watch.next + 1) % recent.length;
    const { label, probability } = seen;
    const by: Match = { label, probability, noveltyPValue, condition: null, atMs };
    if (!raised) return matches && watch.matches >= rule.matches ? by : null;
    const keeps = now && isMatch(rule, seen, rule.clearBelowProbability);
    if (!matches && !keeps) return null;
    raised.by = by;
    return by;
  }

  /** @returns null when it was cleared too short a time ago */
  #raise(watch: Watch, by: Match): AlertEvent | null {
    const { clearedMs, rule } = watch;
    if (clearedMs !== null && by.atMs - clearedMs < rule.minOffMs) return null;
    watch.raised = { by, sinceMs: by.atMs, acknowledged: false };
    this.#switch(watch, true, by.atMs);
    return eventOf(watch, 'raised', by);
  }

  /** @param except alerts that a frame of this moment keeps */
  #settle(atMs: number, except: ReadonlySet<Watch>): AlertEvent[] {
    return this.#all().flatMap((watch) => {
      if (except.has(watch)) return [];
      const event = this.#followConditions(watch, atMs) ?? this.#clearExpired(watch, atMs);
      return event ? [event] : [];
    });
  }

  /** Raises, or keeps raised, the alert of a condition that lasts. */
  #followConditions(watch: Watch, atMs: number): AlertEvent | null {
    const [condition] = watch.conditions;
    if (condition === undefined || !applies(watch.rule, this.#timeFor(watch.rule))) return null;
    const by: Match = { label: null, probability: null, noveltyPValue: null, condition, atMs };
    if (!watch.raised) return this.#raise(watch, by);
    watch.raised.by = by;
    return null;
  }

  #clearExpired(watch: Watch, atMs: number): AlertEvent | null {
    const { rule, raised, conditions } = watch;
    if (!raised || atMs - raised.sinceMs < rule.minOnMs) return null;
    // Outside of its schedule a rule holds nothing.
    if (applies(rule, this.#timeFor(rule))) {
      if (conditions.size > 0 || atMs - raised.by.atMs < rule.holdMs) return null;
    }
    return this.#clear(watch, raised, atMs);
  }

  #clear(watch: Watch, raised: Raised, atMs: number): AlertEvent {
    watch.raised = null;
    watch.clearedMs = atMs;
    // An acknowledged alert has nothing on: its "off" would undo the next "on" at the same place.
    if (!raised.acknowledged) this.#switch(watch, false, atMs);
    return eventOf(watch, 'cleared', { ...raised.by, atMs });
  }

  /** Switches the output of an alert after the delay of its rule. */
  #switch({ alert, rule }: Watch, on: boolean, atMs: number): void {
    const { output, delayMs, delayMeters } = rule;
    if (output === null) return;
    const due =
      delayMeters === null
        ? { atMs: atMs + delayMs }
        : { atMeters: this.#odometer.metersAt(atMs) + delayMeters };
    this.#timeline.add({ due, alert, output, on });
  }

  /** The clock is read only for rules that need it. */
  #timeFor({ schedule }: AlertRuleConfig): LocalTime | null {
    return schedule.length === 0 ? null : this.localTime();
  }

  #all(): Watch[] {
    return [...this.#watches.values()].flat();
  }

  #watchesOf({ task, camera, region }: Observation): Watch[] {
    return this.#watchesAt(
      `${task} ${eyeOf({ camera, region })}`,
      { task, camera, region },
      (rule) => isAbout(rule, { task, camera, region }),
    );
  }

  #watchesFor({ condition, camera, task }: ConditionSubject): Watch[] {
    const subject = { task, camera, region: null };
    const key = `on ${task ?? '-'} ${camera ?? '-'}`;
    return this.#watchesAt(
      key,
      subject,
      (rule) => rule.on.length > 0 && concerns(rule, subject),
    ).filter(({ rule }) => rule.on.includes(condition));
  }

  #watchesAt(key: string, subject: Subject, ofRule: (rule: AlertRuleConfig) => boolean): Watch[] {
    let watches = this.#watches.get(key);
    if (watches === undefined) {
      watches = this.#rules.flatMap((rule, index) =>
        ofRule(rule) ? [watchOf(rule, `${index} ${key}`, subject)] : [],
      );
      this.#watches.set(key, watches);
    }
    return watches;
  }
}

function watchOf(rule: AlertRuleConfig, alert: string, subject: Subject): Watch {
  return {
    alert,
    rule,
    subject,
    recent: new Uint8Array(rule.ofFrames),
    next: 0,
    matches: 0,
    conditions: new Set(),
    raised: null,
    clearedMs: null,
  };
}

/** Whether a rule watches the decisions of a task on a camera and region. */
function isAbout(rule: AlertRuleConfig, { task, camera, region }: Subject): boolean {
  return (
    rule.on.length === 0 &&
    (rule.task === null || rule.task === task) &&
    (rule.camera === null || rule.camera === camera) &&
    (rule.region === null || rule.region === region)
  );
}

/** Whether a rule watches conditions of a camera, a task or the robot, which has neither. */
function concerns(rule: AlertRuleConfig, { task, camera }: Subject): boolean {
  return (
    (rule.task === null || task === null || rule.task === task) &&
    (rule.camera === null || camera === null || rule.camera === camera)
  );
}

/** @param minProbability null: no label can match */
function isMatch(
  { noveltyBelow, labels, guesses }: AlertRuleConfig,
  { label, probability, guess, noveltyPValue }: RuleAnswer['decision'],
  minProbability: number | null,
): boolean {
  if (noveltyBelow !== null) return noveltyPValue !== null && noveltyPValue < noveltyBelow;
  const probable = minProbability !== null && probability >= minProbability;
  return probable && (guesses || !guess) && labels.includes(label);
}

function eventOf({ rule, subject }: Watch, state: AlertEvent['state'], by: Match): AlertEvent {
  const { name, output } = rule;
  return { rule: name, state, ...subject, ...by, output };
}

/** Rules that share an output: it obeys the longest limits. */
function limitsOf(rules: readonly AlertRuleConfig[]): Map<string, OutputLimit> {
  const limits = new Map<string, OutputLimit>();
  for (const { output, minOnMs, minOffMs } of rules) {
    if (output === null) continue;
    const before = limits.get(output) ?? { minOnMs: 0, minOffMs: 0 };
    limits.set(output, {
      minOnMs: Math.max(before.minOnMs, minOnMs),
      minOffMs: Math.max(before.minOffMs, minOffMs),
    });
  }
  return limits;
}
