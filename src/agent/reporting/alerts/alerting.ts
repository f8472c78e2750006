import type { OutputDriver } from '../../../alerts/alert-output.js';
import { openOutputs } from '../../../alerts/open-outputs.js';
import { earlier, OutputSignals } from '../../../alerts/output-signals.js';
import {
  type AlertEvent,
  AlertRules,
  type ConditionSubject,
  observationOf,
  type RaisedAlert,
  type RuleAnswer,
} from '../../../alerts/rules.js';
import { localTimeOf } from '../../../alerts/schedule.js';
import type { Alarm, AlarmSwitch } from '../../../base/alarms.js';
import { HeadlandError } from '../../../base/errors.js';
import type { Log } from '../../../base/log.js';
import { SideService } from '../../../base/side-service.js';
import type { Eye } from '../../../base/words/eye.js';
import type { Config } from '../../../config/schema.js';
import type { AcknowledgedAlert } from '../../operations.js';
import { alertMessage } from '../agent-messages.js';
import type { TelemetryService } from '../telemetry-service.js';
import { type AlertActor, NO_ACTIONS } from './alert-actor.js';
import { conditionsOf } from './alert-conditions.js';

const MAX_WAIT_MS = 3_600_000;

/** Longest test of an output. */
const MAX_TEST_MS = 10_000;

/** An output as a person sees it. */
export interface OutputState {
  name: string;
  /** For people: the driver and the line; null: it cannot be opened now. */
  description: string | null;
  /** Null: it cannot be opened now. */
  isOn: boolean | null;
  /** When a test ends, milliseconds of the monotonic clock; null: none runs. */
  testUntilMs: number | null;
}

/** One output: its driver while it is open, and the service that reopens it. */
interface Output {
  driver: OutputDriver | null;
  isOn: boolean;
  service: SideService;
}

/**
 * Raises alerts from decisions and conditions, switches their outputs and carries out their actions.
 * All outputs are off at the start, after `close` and on every exit. An output that cannot be opened
 * or switched raises an alarm and is retried. The other outputs keep working, and every alert is sent
 * as an event.
 */
export class Alerting {
  readonly #rules: AlertRules;
  readonly #signals: OutputSignals;
  readonly #outputs: ReadonlyMap<string, Output>;
  #timer: NodeJS.Timeout | null = null;
  /** All outputs are off for good. */
  #ended = false;
  /** Nothing is watched any more. */
  #over = false;
  /** End of the test of each output that a person tries, milliseconds of the monotonic clock. */
  readonly #tests = new Map<string, number>();
  /** What the alarms stand for, as of their last change. */
  #alarming: ConditionSubject[] = [];
  #clockSet: boolean | null = null;

  constructor(
    private readonly config: Pick<Config, 'alerts' | 'gpio'>,
    private readonly telemetry: Pick<TelemetryService, 'event'>,
    alarms: AlarmSwitch,
    private readonly log: Log,
    /** Monotonic time, milliseconds: setting the wall clock must not keep an output on. */
    private readonly nowMs: () => number = () => performance.now(),
    private readonly actions: AlertActor = NO_ACTIONS,
    private readonly openLine = openOutputs,
  ) {
    this.#rules = new AlertRules(config.alerts, localTime);
    this.#signals = new OutputSignals(config.gpio.outputs);
    this.#outputs = new Map(
      config.gpio.outputs.map(({ name }) => {
        const service = new SideService({
          alarm: `output-${name}`,
          severity: 'critical',
          alarms,
          open: () => this.#open(name),
        });
        return [name, { driver: null, isOn: false, service }];
      }),
    );
  }

  /** Opens the outputs, all off; resolves after one attempt at each. */
  async open(): Promise<void> {
    await Promise.all([...this.#outputs.values()].map(({ service }) => service.start()));
  }

  observe(eye: Eye, answer: RuleAnswer): void {
    if (this.#over) return;
    this.#apply(this.#rules.observe(observationOf(eye, answer, this.nowMs())));
  }

  /** The robot moves at this speed now, meters per second, 0 or more. */
  reportSpeed(metersPerSecond: number): void {
    this.#rules.reportSpeed(metersPerSecond, this.nowMs());
    this.#switchOutputs();
  }

  /** A condition of the robot begins or ends; it may be reported again. */
  report(subject: ConditionSubject, lasts: boolean): void {
    if (this.#over) return;
    this.#apply(this.#rules.report(subject, lasts, this.nowMs()));
  }

  /** Reports the conditions that alarms stand for. @param alarms all that are raised now */
  alarmsChanged(alarms: readonly Alarm[]): void {
    const now = conditionsOf(alarms);
    const ended = this.#alarming.filter((before) => !now.some((one) => isSame(one, before)));
    this.#alarming = now;
    for (const subject of ended) this.report(subject, false);
    for (const subject of now) this.report(subject, true);
  }

  /** Clears expired alerts, also while no frame arrives. */
  tick(): void {
    if (this.#over) return;
    this.#watchClock();
    this.#apply(this.#rules.tick(this.nowMs()));
  }

  /** The alerts that are raised now, the oldest first. */
  get raised(): RaisedAlert[] {
    return this.#rules.raised;
  }

  /** The outputs of the settings, in their order. */
  get outputs(): OutputState[] {
    return [...this.#outputs].map(([name, { driver, isOn }]) => ({
      name,
      description: driver?.description ?? null,
      isOn: driver === null ? null : isOn,
      testUntilMs: this.#tests.get(name) ?? null,
    }));
  }

  /**
   * Switches an output on as an alert would, with its signal, for a time, then off. An alert that rises
   * meanwhile keeps it on for as long as it lasts.
   * @param durationMs more than 0; at most 10 s
   * @returns the end of the test, milliseconds of the monotonic clock
   * @throws HeadlandError HL_OUTPUT_UNKNOWN, HL_OUTPUT_UNAVAILABLE, HL_OUTPUT_BUSY
   */
  test(name: string, durationMs: number): number {
    const output = this.#outputs.get(name);
    if (!output) throw unknownOutput(name, [...this.#outputs.keys()]);
    if (this.config.gpio.driver === 'none' || !output.driver || this.#ended)
      throw unavailable(name);
    const nowMs = this.nowMs();
    if (this.#rules.activeOutputs(nowMs).has(name)) throw outputBusy(name, 'an alert has it on');
    if (this.#tests.has(name)) throw outputBusy(name, 'it is being tried');
    const untilMs = nowMs + Math.min(durationMs, MAX_TEST_MS);
    this.#tests.set(name, untilMs);
    this.#switchOutputs();
    return untilMs;
  }

  /**
   * Switches off the outputs of raised alerts until they rise again.
   * @param rule null: of all rules
   * @throws HeadlandError HL_ALERT_RULE_UNKNOWN
   */
  acknowledge(rule: string | null): AcknowledgedAlert[] {
    const names = this.config.alerts.rules.map(({ name }) => name);
    if (rule !== null && !names.includes(rule)) throw unknownRule(rule, names);
    const acknowledged = this.#rules.acknowledge(rule, this.nowMs());
    this.#apply(acknowledged);
    return acknowledged.map(({ rule: name, task, camera, region, output }) => {
      return { rule: name, task, camera, region, output };
    });
  }

  /**
   * Switches all outputs off for good, synchronously: at the end of the daemon, also for the `exit`
   * event of the process. Frames that are still in work switch nothing on again.
   */
  allOff(): void {
    this.#ended = true;
    this.#tests.clear();
    if (this.#timer) clearTimeout(this.#timer);
    for (const { driver } of this.#outputs.values()) driver?.allOff();
  }

  /** Ends the watch: switches all outputs off as {@link allOff}, and reports raised alerts as cleared. */
  end(): void {
    this.allOff();
    this.#over = true;
    for (const alert of this.#rules.end(this.nowMs())) this.#tell(alert);
  }

  async close(): Promise<void> {
    this.allOff();
    for (const { driver, service } of this.#outputs.values()) {
      await service.stop();
      driver?.close();
    }
  }

  async #open(name: string): Promise<void> {
    const output = this.#outputs.get(name);
    const line = this.config.gpio.outputs.find((candidate) => candidate.name === name);
    if (!output || !line) return;
    output.driver?.close();
    output.driver = null;
    const { driver } = this.config.gpio;
    output.driver = await this.openLine({ driver, outputs: [line] }, this.log);
    output.isOn = !this.#ended && this.#lit().has(name);
    // A failure belongs to this attempt to open.
    if (output.isOn) output.driver.set(name, true);
  }

  #apply(alerts: readonly AlertEvent[]): void {
    // Outputs come first: actions may take their time.
    this.#switchOutputs();
    for (const alert of alerts) {
      const isNew = alert.state === 'raised' && !this.#ended;
      this.#tell(alert, isNew ? this.actions.raised(alert) : undefined);
    }
  }

  #tell(alert: AlertEvent, evidence?: ReturnType<AlertActor['raised']>): void {
    const { atMs: _, ...facts } = alert;
    this.log.info(facts, `alert ${alert.state}`);
    this.telemetry.event(alertMessage(alert, Date.now(), evidence));
  }

  #watchClock(): void {
    const isSet = localTime() !== null;
    if (isSet === this.#clockSet) return;
    this.#clockSet = isSet;
    this.report({ condition: 'clock_unset', camera: null, task: null }, !isSet);
    const rules = this.config.alerts.rules.filter(({ schedule }) => schedule.length > 0);
    if (isSet || rules.length === 0) return;
    const said = rules.map(({ name, whileClockUnset }) => `${name}: ${whileClockUnset}`);
    this.log.warn(
      { rules: said },
      'the clock of the board is not set: alert rules with a schedule do what whileClockUnset says',
    );
  }

  /** Switches what is due, and comes back when the next switch is. */
  #switchOutputs(): void {
    if (this.#ended) return;
    const lit = this.#lit();
    for (const [name, output] of this.#outputs) this.#follow(name, output, lit.has(name));
    if (this.#timer) clearTimeout(this.#timer);
    const nextMs = [...this.#tests.values()].reduce(
      earlier,
      earlier(this.#rules.nextSwitchMs, this.#signals.nextMs),
    );
    this.#timer =
      nextMs === null
        ? null
        : setTimeout(() => this.#switchOutputs(), waitMs(nextMs - this.nowMs())).unref();
  }

  /** The outputs to switch on now. */
  #lit(): Set<string> {
    const nowMs = this.nowMs();
    const wanted = new Set(this.#rules.activeOutputs(nowMs));
    for (const [name, untilMs] of this.#tests) {
      if (nowMs >= untilMs) this.#tests.delete(name);
      else wanted.add(name);
    }
    return this.#signals.lit(wanted, nowMs);
  }

  #follow(name: string, output: Output, on: boolean): void {
    if (on === output.isOn || !output.driver) return;
    try {
      output.driver.set(name, on);
      output.isOn = on;
    } catch (error) {
      output.service.failed(error);
    }
  }
}

/** A slow robot needs longer for a distance than a timer can wait. */
function waitMs(ms: number): number {
  return Math.min(MAX_WAIT_MS, Math.max(1, ms));
}

function localTime() {
  return localTimeOf(new Date(Date.now()));
}

function isSame(one: ConditionSubject, other: ConditionSubject): boolean {
  return (
    one.condition === other.condition && one.camera === other.camera && one.task === other.task
  );
}

function unknownOutput(name: string, outputs: readonly string[]): HeadlandError {
  const known = outputs.length === 0 ? 'there are none' : `there are: ${outputs.join(', ')}`;
  return new HeadlandError('HL_OUTPUT_UNKNOWN', `no output is named "${name}"; ${known}`, {
    remedy: 'Give the name of an output of gpio.outputs.',
    details: { name, outputs },
  });
}

function unavailable(name: string): HeadlandError {
  return new HeadlandError('HL_OUTPUT_UNAVAILABLE', `the output "${name}" cannot be switched now`, {
    remedy: 'Look at the alarms of the robot; `gpio.driver` must not be none.',
    details: { name },
  });
}

function outputBusy(name: string, why: string): HeadlandError {
  return new HeadlandError('HL_OUTPUT_BUSY', `the output "${name}" is in use: ${why}`, {
    remedy: 'Wait until it is off, or acknowledge the alert, then try it again.',
    details: { name },
  });
}

function unknownRule(rule: string, names: readonly string[]): HeadlandError {
  const known = names.length === 0 ? 'there are none' : `there are: ${names.join(', ')}`;
  return new HeadlandError('HL_ALERT_RULE_UNKNOWN', `no alert rule is named "${rule}"; ${known}`, {
    remedy: 'Give the name of a rule of alerts.rules, or no name for all rules.',
    details: { rule, rules: names },
  });
}
