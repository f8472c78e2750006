import { type SerialisedError, serialiseError } from './errors.js';
import { Moment } from './moment.js';

/**
 * The subject of an alarm. One part of the daemon raises and clears each; docs/reference/mqtt.md
 * describes them. Some end with the name of a task, camera, output or input.
 */
export type AlarmName =
  | 'config'
  | 'store'
  | 'store-repaired'
  | 'backup'
  | 'picture-limit'
  | 'cameras'
  | 'backbone'
  | 'head'
  | `head-${string}`
  | 'accelerator'
  | 'board-hot'
  | 'board-supply'
  | 'clock'
  | 'disk-low'
  | 'disk-wear'
  | 'disk-writes'
  | 'console'
  | 'broker'
  | 'mqtt'
  | 'mqtt-client-id'
  | 'mqtt-commands'
  | 'mqtt-fleet'
  | 'mqtt-messages'
  | 'outbox'
  | 'sync'
  | 'position'
  | 'clips'
  | 'frames'
  | `timer-${string}`
  | `command-${string}`
  | `output-${string}`
  | `input-${string}`
  | `camera-${string}`
  | `pictures-${string}`
  | `fleet-${string}`;

/** A fault that lasts until it is cleared. */
export interface Alarm {
  name: AlarmName;
  /** `critical`: the fault affects the robot's main job. */
  severity: 'warning' | 'critical';
  error: SerialisedError;
  /** When it was raised. */
  since: Moment;
}

/** Raises and clears alarms: the view of {@link Alarms} that a part of the daemon gets. */
export interface AlarmSwitch {
  raise(name: AlarmName, error: unknown, severity?: Alarm['severity']): void;
  clear(name: AlarmName): void;
}

export interface AlarmListener {
  onRaised(alarm: Alarm): void;
  /** @param raisedForMs how long it was raised, milliseconds */
  onCleared(alarm: Alarm, raisedForMs: number): void;
}

/**
 * All alarms that are raised now. Raising an alarm again notifies the listener only if the error
 * code has changed.
 */
export class Alarms implements AlarmSwitch {
  readonly #raised = new Map<AlarmName, Alarm>();

  constructor(private readonly listener: AlarmListener) {}

  raise(name: AlarmName, error: unknown, severity: Alarm['severity'] = 'warning'): void {
    const before = this.#raised.get(name);
    const serialised = serialiseError(error);
    if (before?.error.code === serialised.code) {
      this.#raised.set(name, { ...before, error: serialised });
      return;
    }
    const since = before?.since ?? new Moment();
    const alarm: Alarm = { name, severity, error: serialised, since };
    this.#raised.set(name, alarm);
    this.listener.onRaised(alarm);
  }

  clear(name: AlarmName): void {
    const alarm = this.#raised.get(name);
    if (!alarm) return;
    this.#raised.delete(name);
    this.listener.onCleared(alarm, alarm.since.ageMs());
  }

  has(name: AlarmName): boolean {
    return this.#raised.has(name);
  }

  /** Oldest first. */
  list(): Alarm[] {
    return [...this.#raised.values()].sort((one, other) => one.since.ms - other.since.ms);
  }
}

/** For commands: they report failures by throwing, and nobody watches alarms. */
export const NO_ALARMS: AlarmSwitch = { raise: () => {}, clear: () => {} };
