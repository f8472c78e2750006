import type { OutputDriver } from '../../alerts/alert-output.js';
import { openOutputs } from '../../alerts/open-outputs.js';
import { type AlertEvent, AlertRules } from '../../alerts/rules.js';
import { type HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { UNKNOWN_LABEL } from '../../base/unknown-label.js';
import type { Config } from '../../config/schema.js';
import type { Decision } from '../../perception/decision.js';
import { alertMessage, failureMessage } from './agent-messages.js';
import type { TelemetryService } from './telemetry-service.js';

/** Lets decisions raise alerts, and alerts switch outputs: all off before, after and on every exit. */
export class Alerting {
  readonly #rules: AlertRules;
  #outputs: OutputDriver | null = null;
  /** Why there are no outputs, until telemetry can carry it. */
  #unreported: HeadlandError | null = null;

  constructor(
    private readonly config: Pick<Config, 'alerts' | 'gpio'>,
    private readonly telemetry: Pick<TelemetryService, 'event'>,
    private readonly log: Log,
    /** Monotonic milliseconds: an output must not stay on because the wall clock was set. */
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#rules = new AlertRules(config.alerts.rules);
  }

  /**
   * Opens the outputs, all off. Outputs that cannot be opened are logged, and the first tick reports
   * them: alerts are events only then, and classifying goes on.
   */
  async open(): Promise<void> {
    try {
      this.#outputs = await openOutputs(this.config.gpio, this.log);
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      this.log.error({ code: error.code, remedy: error.remedy }, error.message);
      this.#unreported = error;
    }
  }

  observe(camera: string, { label, probability, guess }: Decision): void {
    // `unknown` is an answer of its own; the probability is that of the label it was not given.
    const certainty = label === UNKNOWN_LABEL ? 1 : probability;
    const atMs = this.nowMs();
    this.#apply(this.#rules.observe({ camera, label, probability: certainty, guess, atMs }));
  }

  /** Lets time pass, so that alerts end also when no frame comes. */
  tick(): void {
    if (this.#unreported)
      this.telemetry.event(failureMessage(this.#unreported, 'gpio', 'critical'));
    this.#unreported = null;
    this.#apply(this.#rules.tick(this.nowMs()));
  }

  /** Synchronous and safe at the very end of the process. */
  allOff(): void {
    this.#outputs?.allOff();
  }

  close(): void {
    this.#outputs?.close();
  }

  #apply(alerts: readonly AlertEvent[]): void {
    for (const alert of alerts) {
      const { atMs: _, ...facts } = alert;
      this.log.info(facts, alert.state === 'raised' ? 'alert raised' : 'alert cleared');
      if (alert.output !== null) this.#switch(alert.output);
      this.telemetry.event(alertMessage(alert, Date.now()));
    }
  }

  #switch(output: string): void {
    try {
      this.#outputs?.set(output, this.#rules.activeOutputs().has(output));
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      this.log.error({ code: error.code }, error.message);
      this.telemetry.event(failureMessage(error, 'gpio', 'critical'));
    }
  }
}
