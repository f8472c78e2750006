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

/** One output: its driver while it is open, and the service that reopens it. */
interface Output {
  driver: OutputDriver | null;
  service: SideService;
}

/**
 * Raises alerts from decisions and switches outputs accordingly. All outputs are off at start, after
 * close and on every exit. An output that cannot be opened or switched raises an alarm and is retried;
 * the others keep working, and alerts are sent as events in any case.
 */
export class Alerting {
  readonly #rules: AlertRules;
  readonly #outputs: ReadonlyMap<string, Output>;

  constructor(
    private readonly config: Pick<Config, 'alerts' | 'gpio'>,
    private readonly telemetry: Pick<TelemetryService, 'event'>,
    alarms: AlarmSwitch,
    private readonly log: Log,
    /** Monotonic time, milliseconds: setting the wall clock must not keep an output on. */
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

  /** Opens the outputs, all off; resolves after one attempt at each. */
  async open(): Promise<void> {
    await Promise.all([...this.#outputs.values()].map(({ service }) => service.start()));
  }

  /** @param scene Null: not known; the decision on the frame is used instead. */
  observe(camera: string, decision: Decision, scene: SceneDecision | null): void {
    const frame = ruleDecision(decision);
    const joint = scene ? ruleDecision(scene) : frame;
    this.#apply(this.#rules.observe({ camera, frame, scene: joint, atMs: this.nowMs() }));
  }

  /** Clears expired alerts, also while no frame arrives. */
  tick(): void {
    this.#apply(this.#rules.tick(this.nowMs()));
  }

  /** Switches all outputs off, synchronously; for the `exit` event of the process. */
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

/** For `unknown`, the probability is that of the most probable known label, which is irrelevant here. */
function ruleDecision({ label, probability, guess }: RuleDecision): RuleDecision {
  return { label, probability: label === UNKNOWN_LABEL ? 1 : probability, guess };
}
