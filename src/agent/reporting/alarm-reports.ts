import type { Alarm, AlarmListener } from '../../base/alarms.js';
import type { Log } from '../../base/log.js';
import { alarmClearedMessage, alarmRaisedMessage } from './agent-messages.js';
import type { TelemetryService } from './telemetry-service.js';

/** Reports each change of an alarm once: as a log line, an event and a new status. */
export class AlarmReports implements AlarmListener {
  constructor(
    private readonly telemetry: () => Pick<TelemetryService, 'event' | 'statusChanged'>,
    private readonly onChange: (alarm: Alarm, raised: boolean) => void,
    private readonly log: Log,
  ) {}

  onRaised(alarm: Alarm): void {
    const { name, severity, error } = alarm;
    const { code, message, remedy } = error;
    const level = severity === 'critical' ? 'error' : 'warn';
    this.log[level]({ alarm: name, code, remedy }, `alarm: ${message}`);
    this.#report(alarm, true, alarmRaisedMessage(alarm));
  }

  onCleared(alarm: Alarm, raisedForMs: number): void {
    const { name, error } = alarm;
    const seconds = Math.round(raisedForMs / 1_000);
    this.log.info({ alarm: name, code: error.code, seconds }, `alarm cleared: ${error.message}`);
    this.#report(alarm, false, alarmClearedMessage(alarm, raisedForMs));
  }

  #report(alarm: Alarm, raised: boolean, message: Parameters<TelemetryService['event']>[0]): void {
    const telemetry = this.telemetry();
    telemetry.event(message);
    telemetry.statusChanged();
    this.onChange(alarm, raised);
  }
}
