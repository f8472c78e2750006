import { isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { StoredHead } from '../../registry/version-directory.js';
import type { EventLog, LoggedEvent } from '../../storage/event-log.js';
import type { EventBody } from '../../telemetry/contract/messages.js';
import type { TrainingReport } from '../../training/report.js';

/** What the list of events is filtered by. */
type EventKind = 'alarm' | 'camera' | 'training' | 'head' | 'alert' | 'change';

/** Null: of no interest in the list, or there in another way. */
const KIND_OF: Readonly<Record<EventBody['kind'], EventKind | null>> = {
  alert_raised: 'alert',
  alert_acknowledged: 'alert',
  alert_cleared: 'alert',
  clip_saved: 'alert',
  alarm_raised: 'alarm',
  alarm_cleared: 'alarm',
  label_requested: null,
  camera: 'camera',
  head_changed: 'head',
  fleet_head: 'head',
  temperature: 'alarm',
  command_refused: null,
  failure: 'alarm',
};

/** Notes what has happened, for the list of events. A disk that fails has raised an alarm. */
export class RobotEvents {
  constructor(
    private readonly events: EventLog,
    private readonly log: Log,
  ) {}

  started(version: string): void {
    this.#add('change', 'info', 'started', { version }, `headland ${version} has started`);
  }

  /** An event of the MQTT contract. */
  told({ kind, severity, message, details }: EventBody): void {
    const listed = isOfCamera(kind, details) ? 'camera' : KIND_OF[kind];
    if (listed !== null) this.#add(listed, severity, kind, details, message);
  }

  trained({ task, outcome, reason, result }: TrainingReport): void {
    const severity = outcome === 'failed' ? 'warning' : 'info';
    const version = result?.version ?? 0;
    const values = { task, outcome, version, reason };
    this.#add(
      'training',
      severity,
      `training_${outcome}`,
      values,
      `training ${outcome}: ${reason}`,
    );
  }

  serving(task: string, stored: StoredHead | null): void {
    const version = stored?.card.version ?? null;
    const text = version === null ? 'no head serves' : `head ${version} serves`;
    const name = version === null ? 'no_head' : 'serving';
    const details = version === null ? { task } : { task, version };
    this.#add('head', 'info', name, details, text);
  }

  settingsChanged(paths: readonly string[]): void {
    const changed = paths.join(', ');
    this.#add(
      'change',
      'info',
      'settings_changed',
      { paths: changed },
      `settings changed: ${changed}`,
    );
  }

  /** Writes what waits. */
  flush(): void {
    try {
      this.events.flush();
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      this.log.debug({ err: error }, 'cannot write the events');
    }
  }

  #add(
    kind: EventKind,
    severity: LoggedEvent['severity'],
    name: string,
    details: Record<string, unknown>,
    text: string,
  ): void {
    const known = Object.entries(details).filter(
      (entry): entry is [string, string | number] =>
        typeof entry[1] === 'string' || typeof entry[1] === 'number',
    );
    this.events.add({
      atMs: Date.now(),
      kind,
      severity,
      key: `event.${name}`,
      values: Object.fromEntries(known),
      text,
    });
  }
}

/** The alarms of a camera tell that it is lost, and that it is back. */
function isOfCamera(kind: EventBody['kind'], { alarm }: Record<string, unknown>): boolean {
  return (
    kind.startsWith('alarm_') && typeof alarm === 'string' && /^(camera|pictures)-/.test(alarm)
  );
}
