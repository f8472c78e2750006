import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ClockState, EARLIEST_DATE_MS, readings } from '../../../host/board-readings.js';
import { runToEnd } from '../../../host/run-to-end.js';
import { clockUnset } from '../../care/board-faults.js';
import { type DoctorContext, type Finding, failed, ok, warning } from '../doctor-check.js';

/** No robot runs this headland later. */
const LATEST_MS = Date.UTC(2046, 0, 1);
const ASK_TIMEOUT_MS = 3_000;
/** Where a date comes from that no time server has set. */
const UNSYNCHRONISED = {
  rtc: 'set from the clock of the board, and not synchronised',
  none: 'nobody here tells whether it is synchronised',
};

/** Whether the date can be right, and whether something sets it. */
export async function checkClock({ environment, roots }: DoctorContext): Promise<Finding[]> {
  const nowMs = Date.now();
  const now = new Date(nowMs).toISOString();
  const { clock } = readings({ procRoot: roots.proc, sysRoot: roots.sys, runRoot: roots.run });
  const isSynchronised =
    clock === 'synchronized' || ((await askTimedate(environment)) ?? unknown(clock));
  const hasRtc = existsSync(join(roots.sys, 'class/rtc/rtc0'));
  const rtc = hasRtc
    ? 'the board has a clock that runs without power'
    : 'the board has no clock that runs without power';
  const facts = { now, clock, isSynchronised, hasRtc };
  const isWrong = nowMs < EARLIEST_DATE_MS || nowMs > LATEST_MS;
  // A robot without a network lives by its own clock.
  if (isWrong || (isSynchronised === false && clock !== 'rtc')) {
    const error = clockUnset();
    const reason = `${error.message}: it says ${now}; ${rtc}`;
    const finding = isWrong ? failed(error, { facts }) : warning(error, { facts });
    return [{ ...finding, reason }];
  }
  const source = isSynchronised ? 'synchronised' : UNSYNCHRONISED[clock === 'rtc' ? 'rtc' : 'none'];
  return [ok(`${now}, ${source}; ${rtc}`, { facts })];
}

function unknown(clock: ClockState): false | null {
  return clock === 'unset' ? false : null;
}

/** What systemd knows of any source of time, chrony among them; null: it does not answer. */
async function askTimedate(environment: NodeJS.ProcessEnv): Promise<boolean | null> {
  const { status, stdout } = await runToEnd(
    ['timedatectl', 'show', '--property=NTPSynchronized', '--value'],
    { environment, timeoutMs: ASK_TIMEOUT_MS },
  );
  const answer = status === 0 ? stdout.trim() : '';
  return answer === 'yes' ? true : answer === 'no' ? false : null;
}
