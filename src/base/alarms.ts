import { type SerialisedError, serialiseError } from './errors.js';
import { Moment } from './moment.js';

/**
 * What an alarm is about. Each is raised and cleared by one part of the daemon; docs/reference/mqtt.md
 * says what they mean. Some end with the name of a camera or of an output.
 */
export type AlarmName =
  | 'store'
  | 'picture-limit'
  | 'backbone'
  | 'console'
  | 'broker'
  | 'mqtt'
  | 'mqtt-client-id'
  | 'mqtt-commands'
  | 'mqtt-messages'
  | `output-${string}`
  | `camera-${string}`
  | `pictures-${string}`;

/** Something is out of order, and stays so until it is cleared. */
export interface Alarm {
  name: AlarmName;
  /** `critical`: what the robot is there for suffers. */
  severity: 'warning' | 'critical';
  error: SerialisedError;
  /** When it was raised. */
  since: Moment;
}

/** What a part of the daemon needs to say that it is out of order, and that it is in order again. */
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
 * What is out of order now: one place for every part beside the main job that may fail. An alarm that
 * is raised again says nothing new unless its code has changed.
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

  /** The longest raised first. */
  list(): Alarm[] {
    return [...this.#raised.values()].sort((one, other) => one.since.ms - other.since.ms);
  }
}

/** For processes in which nobody watches: commands report by what they throw. */
export const NO_ALARMS: AlarmSwitch = { raise: () => {}, clear: () => {} };
