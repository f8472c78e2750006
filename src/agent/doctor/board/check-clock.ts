import { HeadlandError } from '../../../base/errors.js';
import { clockReadings } from '../../../host/clock-readings.js';
import { type DoctorContext, type Finding, failed, ok, warning } from '../doctor-check.js';

/** No robot runs this headland before or after. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);
const LATEST_MS = Date.UTC(2046, 0, 1);

/** Whether the date can be right, and whether something sets it. */
export async function checkClock({ environment, roots }: DoctorContext): Promise<Finding[]> {
  const nowMs = Date.now();
  const now = new Date(nowMs).toISOString();
  const { synchronised, hasRtc } = await clockReadings({
    environment,
    sysRoot: roots.sys,
    runRoot: roots.run,
  });
  const rtc = hasRtc
    ? 'the board has a clock that runs without power'
    : 'the board has no clock that runs without power';
  const facts = { now, synchronised, hasRtc };
  if (nowMs < EARLIEST_MS || nowMs > LATEST_MS) {
    const error = new HeadlandError('HL_DOCTOR_CLOCK_WRONG', `the clock says ${now}; ${rtc}`, {
      remedy:
        'Set it: `timedatectl set-time "2026-05-03 12:00"` once `timedatectl set-ntp false`; better, give the robot a network with time, GPS, or a battery for its clock.',
    });
    return [failed(error, { facts })];
  }
  if (synchronised === false) {
    const message = `the clock says ${now}, but nothing has set it since the start; ${rtc}`;
    const error = new HeadlandError('HL_DOCTOR_CLOCK_UNSYNCHRONISED', message, {
      remedy:
        'Switch synchronisation on: `timedatectl set-ntp true`; without a network, `timedatectl set-time`.',
    });
    return [warning(error, { facts })];
  }
  const source = synchronised ? 'synchronised' : 'nobody here tells whether it is synchronised';
  return [ok(`${now}, ${source}; ${rtc}`, { facts })];
}
