import { join } from 'node:path';
import { AlertCommand } from '../../../alerts/alert-command.js';
import { ClipFolder } from '../../../alerts/clips/clip-folder.js';
import { ClipRecorder } from '../../../alerts/clips/clip-recorder.js';
import type { AlertEvent } from '../../../alerts/rules.js';
import type { AlarmSwitch } from '../../../base/alarms.js';
import { HeadlandError } from '../../../base/errors.js';
import type { Log } from '../../../base/log.js';
import { SideService } from '../../../base/side-service.js';
import type { Eye } from '../../../base/words/eye.js';
import type { AlertRuleConfig, Config } from '../../../config/schema.js';
import { diskFreeBytes } from '../../../host/board-readings.js';
import { clipSavedMessage } from '../agent-messages.js';
import type { TelemetryService } from '../telemetry-service.js';
import { type AlertActor, type AlertEvidence, NO_EVIDENCE } from './alert-actor.js';

export interface AlertActionsParts {
  config: Pick<Config, 'alerts' | 'cameras' | 'paths' | 'robot' | 'samples'>;
  telemetry: Pick<TelemetryService, 'event'>;
  alarms: AlarmSwitch;
  log: Log;
  /** Keeps the newest frame as a sample that waits for a label. @returns its id; null: not kept */
  keep(eye: Eye, task: string | null): string | null;
  /** Monotonic time, milliseconds. */
  nowMs?: () => number;
}

/** Samples, clips and programs of alerts. A failure is an alarm and stops nothing else. */
export class AlertActions implements AlertActor {
  readonly #rules: ReadonlyMap<string, AlertRuleConfig>;
  readonly #commands: ReadonlyMap<string, AlertCommand>;
  /** Null: no rule asks for clips. */
  readonly #clips: { recorder: ClipRecorder; service: SideService } | null;
  readonly #nowMs: () => number;

  constructor(private readonly parts: AlertActionsParts) {
    const { rules } = parts.config.alerts;
    this.#nowMs = parts.nowMs ?? (() => performance.now());
    this.#rules = new Map(rules.map((rule) => [rule.name, rule]));
    this.#commands = new Map(
      rules.flatMap(({ name, command }) =>
        command === null ? [] : [[name, this.#commandOf(name, command)] as const],
      ),
    );
    this.#clips = rules.some(({ clip }) => clip !== null) ? this.#makeClips() : null;
  }

  /** Opens the folder of clips; resolves after one attempt. */
  async open(): Promise<void> {
    await this.#clips?.service.start();
  }

  /** Remembers a frame for clips. */
  seen(eye: Eye, jpeg: Uint8Array): void {
    this.#clips?.recorder.add(eye, jpeg, this.#nowMs());
  }

  raised(alert: AlertEvent): AlertEvidence {
    const rule = this.#rules.get(alert.rule);
    if (!rule) return NO_EVIDENCE;
    const eye = this.#eyeOf(rule, alert);
    const sampleId = rule.snapshot && eye ? this.parts.keep(eye, alert.task) : null;
    const clip =
      (eye && this.#clips?.recorder.start(rule, eye, this.#nowMs(), new Date(Date.now()))) ?? null;
    const command = this.#commands.get(rule.name);
    if (command && !command.start(this.#factsOf(alert, { sampleId, clip }), this.#nowMs())) {
      this.parts.log.info({ rule: rule.name }, 'command of the alert not started: too soon');
    }
    return { sampleId, clip };
  }

  /**
   * Runs the command of a rule for a person who tries it, with HEADLAND_TEST=1 and no alert.
   * @throws HeadlandError HL_ALERT_RULE_UNKNOWN, HL_ALERT_COMMAND_FAILED, HL_OUTPUT_BUSY
   */
  async tryCommand(rule: string): Promise<void> {
    const command = this.#commands.get(rule);
    if (!command) {
      const rules = [...this.#commands.keys()];
      throw new HeadlandError('HL_ALERT_RULE_UNKNOWN', `no alert rule "${rule}" has a command`, {
        remedy: 'Name a rule of alerts.rules with a command.',
        details: { rule, rules },
      });
    }
    const facts = {
      HEADLAND_ROBOT: this.parts.config.robot.id,
      HEADLAND_RULE: rule,
      HEADLAND_TEST: '1',
    };
    const failure = await command.try(facts);
    if (failure) throw failure;
  }

  /** Saves clips that have ended, also while no frame arrives. */
  tick(): void {
    this.#clips?.recorder.tick(this.#nowMs());
  }

  /** Ends programs and saves the clips that are being taken. */
  async close(): Promise<void> {
    await Promise.all([...this.#commands.values()].map((command) => command.stop()));
    await this.#clips?.recorder.close();
    await this.#clips?.service.stop();
  }

  /** Ends programs at once and synchronously, for the `exit` event of the process. */
  killNow(): void {
    for (const command of this.#commands.values()) command.killNow();
  }

  /** The picture that an alert is about; null: none. */
  #eyeOf(rule: AlertRuleConfig, { camera, region }: AlertEvent): Eye | null {
    const { cameras } = this.parts.config;
    const name = camera ?? rule.camera ?? (cameras.length === 1 ? cameras[0]?.name : undefined);
    return name === undefined ? null : { camera: name, region };
  }

  #factsOf(alert: AlertEvent, { sampleId, clip }: AlertEvidence): Record<string, string | null> {
    const { rule, label, probability, condition, task, camera, region } = alert;
    return {
      HEADLAND_ROBOT: this.parts.config.robot.id,
      HEADLAND_RULE: rule,
      HEADLAND_LABEL: label,
      HEADLAND_PROBABILITY: probability === null ? null : String(probability),
      HEADLAND_CONDITION: condition,
      HEADLAND_TASK: task,
      HEADLAND_CAMERA: camera,
      HEADLAND_REGION: region,
      HEADLAND_SAMPLE: sampleId,
      HEADLAND_CLIP: clip === null ? null : join(this.#clipsDir, clip),
    };
  }

  #commandOf(rule: string, settings: NonNullable<AlertRuleConfig['command']>): AlertCommand {
    const { alarms } = this.parts;
    return new AlertCommand({
      rule,
      settings,
      onEnd: (error) => {
        if (error) alarms.raise(`command-${rule}`, error);
        else alarms.clear(`command-${rule}`);
      },
    });
  }

  get #clipsDir(): string {
    return join(this.parts.config.paths.stateDir, 'clips');
  }

  #makeClips(): { recorder: ClipRecorder; service: SideService } {
    const { config, alarms, telemetry, log } = this.parts;
    const { maxBytes } = config.alerts.clips;
    const { minFreeBytes } = config.samples;
    const folder = new ClipFolder(this.#clipsDir, { maxBytes, minFreeBytes }, () =>
      diskFreeBytes(config.paths.stateDir),
    );
    const service = new SideService({ alarm: 'clips', alarms, open: () => folder.open() });
    const recorder = new ClipRecorder({
      settings: config.alerts,
      folder,
      onSaved: (clip) => {
        log.info(clip, 'clip saved');
        telemetry.event(clipSavedMessage(clip));
      },
      onFailure: (error) => service.failed(error),
    });
    return { recorder, service };
  }
}
