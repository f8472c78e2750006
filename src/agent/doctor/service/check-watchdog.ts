import { HeadlandError } from '../../../base/errors.js';
import { runToEnd } from '../../../host/run-to-end.js';
import { timeSpan } from '../../../host/service-unit.js';
import { type DoctorContext, type Finding, ok, skipped, warning } from '../doctor-check.js';

const ASK_TIMEOUT_MS = 5_000;

/** Whether systemd restarts a daemon that hangs, and whether the board restarts when systemd hangs. */
export async function checkWatchdog({ environment, unit }: DoctorContext): Promise<Finding[]> {
  const service = await unit();
  if (service === null) return [skipped('systemd does not run here')];
  if (!service.installed) return [skipped('headland is not installed as a service')];
  const board = await boardWatchdog(environment);
  const facts = { service: service.watchdog, board };
  if (service.watchdog === null) {
    const error = new HeadlandError(
      'HL_DOCTOR_WATCHDOG_OFF',
      'the unit has no watchdog: a daemon that hangs is not restarted',
      {
        remedy:
          'Run `systemctl edit headland`, write [Service] and WatchdogSec=30, then `systemctl restart headland`.',
      },
    );
    return [warning(error, { facts })];
  }
  const ofBoard = board === null ? 'that of the board is off' : `that of the board after ${board}`;
  return [ok(`systemd restarts a hung daemon after ${service.watchdog}; ${ofBoard}`, { facts })];
}

/** RuntimeWatchdogSec of systemd; null: off or unknown. */
async function boardWatchdog(environment: NodeJS.ProcessEnv): Promise<string | null> {
  const { status, stdout } = await runToEnd(
    ['systemctl', 'show', '--property=RuntimeWatchdogUSec', '--value'],
    { environment, timeoutMs: ASK_TIMEOUT_MS },
  );
  return status === 0 ? timeSpan(stdout.trim()) : null;
}
