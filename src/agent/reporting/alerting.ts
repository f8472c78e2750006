import type { OutputDriver } from '../../alerts/alert-output.js';
import { openOutputs } from '../../alerts/open-outputs.js';
import { type AlertEvent, AlertRules, type RuleDecision } from '../../alerts/rules.js';
import type { AlarmSwitch } from '../../base/alarms.js';
import { isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { SideService } from '../../base/side-service.js';
import { UNKNOWN_LABEL } from '../../base/words/label.js';
import type { Config } from '../../config/schema.js';
import type { Decision, SceneDecision } from '../../perception/decision.js';
import { alertMessage } from './agent-messages.js';
import type { TelemetryService } from './telemetry-service.js';

/** One output: its line while it is open, and what opens it again. */
interface Output {
  driver: OutputDriver | null;
  service: SideService;
}

/**
 * Lets decisions raise alerts, and alerts switch outputs: all off before, after and on every exit. An
 * output that cannot be opened or switched is an alarm and tried again; the others go on, and alerts
 * are events in any case.
 */
export class Alerting {
  readonly #rules: AlertRules;
  readonly #outputs: ReadonlyMap<string, Output>;

  constructor(
    private readonly config: Pick<Config, 'alerts' | 'gpio'>,
    private readonly telemetry: Pick<TelemetryService, 'event'>,
    alarms: AlarmSwitch,
    private readonly log: Log,
    /** Monotonic milliseconds: an output must not stay on because the wall clock was set. */
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#rules = new AlertRules(config.alerts.rules);
    this.#outputs = new Map(
      config.gpio.outputs.map(({ name }) => {
        const service = new SideService({
          alarm: `output-${name}`,
          severity: 'critical',
          alarms,
          open: () => this.#open(name),
        });
        return [name, { driver: null, service }];
      }),
    );
  }

  /** Opens the outputs, all off; resolves when each has been tried once. */
  async open(): Promise<void> {
    await Promise.all([...this.#outputs.values()].map(({ service }) => service.start()));
  }

  /** @param scene Null: none is known, and the frame stands for it. */
  observe(camera: string, decision: Decision, scene: SceneDecision | null): void {
    const frame = ruleDecision(decision);
    const joint = scene ? ruleDecision(scene) : frame;
    this.#apply(this.#rules.observe({ camera, frame, scene: joint, atMs: this.nowMs() }));
  }

  /** Lets time pass, so that alerts end also when no frame comes. */
  tick(): void {
    this.#apply(this.#rules.tick(this.nowMs()));
  }

  /** Synchronous and safe at the very end of the process. */
  allOff(): void {
    for (const { driver } of this.#outputs.values()) driver?.allOff();
  }

  async close(): Promise<void> {
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
    output.driver = await openOutputs({ driver, outputs: [line] }, this.log);
    if (this.#rules.activeOutputs().has(name)) output.driver.set(name, true);
  }

  #apply(alerts: readonly AlertEvent[]): void {
    for (const alert of alerts) {
      const { atMs: _, ...facts } = alert;
      this.log.info(facts, alert.state === 'raised' ? 'alert raised' : 'alert cleared');
      if (alert.output !== null) this.#switch(alert.output);
      this.telemetry.event(alertMessage(alert, Date.now()));
    }
  }

  #switch(name: string): void {
    const output = this.#outputs.get(name);
    try {
      output?.driver?.set(name, this.#rules.activeOutputs().has(name));
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      output?.service.failed(error);
    }
  }
}

/** Rules match `unknown` at any probability; that of a frame is of the label that it did not get. */
function ruleDecision({ label, probability, guess }: RuleDecision): RuleDecision {
  return { label, probability: label === UNKNOWN_LABEL ? 1 : probability, guess };
}
