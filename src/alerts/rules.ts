import type { AlertRuleConfig } from '../config/schema.js';

/** A decision as rules read it. */
export interface RuleDecision {
  /** The decided label, or "unknown". */
  label: string;
  /** Probability of the label, 0..1. */
  probability: number;
  /** The label is a guess, which counts only for rules with `guesses`. */
  guess: boolean;
}

/** The decisions on one frame. */
export interface Observation {
  camera: string;
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

/** A rule was raised or cleared for a camera. */
export interface AlertEvent extends Omit<Match, 'guess'> {
  rule: string;
  camera: string;
  state: 'raised' | 'cleared';
  /** Name of the GPIO output to switch; null = event only. */
  output: string | null;
}

/** State of a rule for one camera. */
interface Watch {
  rule: AlertRuleConfig;
  camera: string;
  /** Ring buffer of the last M frames: 1 = matched. */
  recent: Uint8Array;
  next: number;
  matches: number;
  /** The last match of a raised alert; null = not raised. */
  raisedBy: Match | null;
}

/**
 * Applies alert rules to the stream of decisions. A matching frame raises a rule for its camera when
 * at least N of the camera's last M frames matched. The rule clears once `holdMs` have passed since
 * its last match, even if no more frames arrive, so that a hung camera leaves no output on. Pure
 * computation: the caller switches outputs and sends events.
 */
export class AlertRules {
  readonly #rules: AlertRuleConfig[];
  readonly #watches = new Map<string, Watch[]>();

  constructor(rules: AlertRuleConfig[]) {
    this.#rules = rules;
  }

  /** Adds one decision. Returns the alerts it raised and those that have expired at its time. */
  observe(observation: Observation): AlertEvent[] {
    const raised: AlertEvent[] = [];
    const matched = new Set<Watch>();
    for (const watch of this.#watchesOf(observation.camera)) {
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
        raised.push(event(watch, 'raised', by));
      }
    }
    return [...this.#clearExpired(observation.atMs, matched), ...raised];
  }

  /** Clears expired alerts. Call it a few times a second while any is raised. */
  tick(atMs: number): AlertEvent[] {
    return this.#clearExpired(atMs, new Set());
  }

  /** Outputs of all raised rules; every other output must be off. */
  activeOutputs(): Set<string> {
    const outputs = new Set<string>();
    for (const { rule, raisedBy } of [...this.#watches.values()].flat()) {
      if (raisedBy !== null && rule.output !== null) outputs.add(rule.output);
    }
    return outputs;
  }

  #clearExpired(atMs: number, except: Set<Watch>): AlertEvent[] {
    const events: AlertEvent[] = [];
    for (const watch of [...this.#watches.values()].flat()) {
      if (watch.raisedBy === null || except.has(watch)) continue;
      const { holdMs } = watch.rule;
      if (atMs - watch.raisedBy.atMs < holdMs) continue;
      const { raisedBy } = watch;
      watch.raisedBy = null;
      events.push(event(watch, 'cleared', { ...raisedBy, atMs }));
    }
    return events;
  }

  #watchesOf(camera: string): Watch[] {
    let watches = this.#watches.get(camera);
    if (watches === undefined) {
      watches = this.#rules
        .filter((rule) => rule.camera === null || rule.camera === camera)
        .map((rule) => ({
          rule,
          camera,
          recent: new Uint8Array(rule.ofFrames),
          next: 0,
          matches: 0,
          raisedBy: null,
        }));
      this.#watches.set(camera, watches);
    }
    return watches;
  }
}

function event({ rule, camera }: Watch, state: AlertEvent['state'], by: Match): AlertEvent {
  const { label, probability, atMs } = by;
  return { rule: rule.name, state, camera, label, probability, atMs, output: rule.output };
}
