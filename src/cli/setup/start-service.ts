import { HeadlandError } from '../../base/errors.js';
import { runToEnd } from '../../host/run-to-end.js';
import type { ServiceUnit } from '../../host/service-unit.js';

/** The first start may fetch a backbone. */
const START_TIMEOUT_MS = 600_000;

/** The commands that start the service with its new configuration, now and at each start of the board. */
export function startCommands(unit: Pick<ServiceUnit, 'active'>, hasDropIn: boolean): string[][] {
  const { active } = unit;
  // systemd refuses a unit that has failed too often in a short time. One that is not loaded has no count.
  const hasFailed = active === 'failed' || active === 'activating';
  const running = active === 'active' || active === 'activating';
  return [
    ...(hasDropIn ? [['systemctl', 'daemon-reload']] : []),
    ...(hasFailed ? [['systemctl', 'reset-failed', 'headland']] : []),
    ['systemctl', 'enable', ...(running ? [] : ['--now']), 'headland'],
    ...(running ? [['systemctl', 'restart', 'headland']] : []),
  ];
}

/** @throws HeadlandError HL_SETUP_START_FAILED */
export async function startService(
  commands: readonly (readonly string[])[],
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  for (const command of commands) {
    const { status, stderr } = await runToEnd(command, {
      environment,
      timeoutMs: START_TIMEOUT_MS,
    });
    if (status === 0) continue;
    const why = stderr.trim().split('\n')[0] || `exit code ${status}`;
    throw new HeadlandError('HL_SETUP_START_FAILED', `${command.join(' ')}: ${why}`, {
      remedy:
        'The configuration is written. Run `headland doctor`, do what it says, then `sudo systemctl reset-failed headland` and `sudo systemctl enable --now headland`.',
    });
  }
}
