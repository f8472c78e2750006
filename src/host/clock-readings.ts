import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runToEnd } from './run-to-end.js';

/** What is known of the wall clock. */
export interface ClockReadings {
  /** Set from the network, or by another source that the kernel trusts; null: unknown. */
  synchronised: boolean | null;
  /** The board has a clock that runs while it is switched off. */
  hasRtc: boolean;
}

const ASK_TIMEOUT_MS = 3_000;

/** Reads the state of the clock: systemd's mark, else `timedatectl`. Never rejects. */
export async function clockReadings(options: {
  environment: NodeJS.ProcessEnv;
  sysRoot?: string;
  runRoot?: string;
}): Promise<ClockReadings> {
  const { environment, sysRoot = '/sys', runRoot = '/run' } = options;
  const hasRtc = existsSync(join(sysRoot, 'class/rtc/rtc0'));
  if (existsSync(join(runRoot, 'systemd/timesync/synchronized'))) {
    return { synchronised: true, hasRtc };
  }
  const { status, stdout } = await runToEnd(
    ['timedatectl', 'show', '--property=NTPSynchronized', '--value'],
    { environment, timeoutMs: ASK_TIMEOUT_MS },
  );
  const answer = status === 0 ? stdout.trim() : '';
  return { synchronised: answer === 'yes' ? true : answer === 'no' ? false : null, hasRtc };
}
