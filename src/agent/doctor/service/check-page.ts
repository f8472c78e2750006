import { HeadlandError } from '../../../base/errors.js';
import { readSecretText } from '../../../config/secrets.js';
import { Gatekeeper } from '../../../console/server/security.js';
import { type Finding, failed, ok, type RobotContext, skipped } from '../doctor-check.js';
import { requireFreePort } from './free-port.js';

const ANSWER_TIMEOUT_MS = 4_000;

/** Whether the page answers, or could be opened by the daemon. */
export async function checkPage({ config, environment, daemon }: RobotContext): Promise<Finding[]> {
  const { enabled, host, port, token } = config.console;
  if (!enabled) return [skipped('console.enabled is false')];
  // Refuses what the server would refuse at its start.
  new Gatekeeper(host, readSecretText(token, environment), []);
  if (await daemon.running()) return [await askRunning(await daemon.pageUrl())];
  if (port !== 0) await requireFreePort(host, port, 'console.port');
  return [ok(`the daemon can serve the page on ${host}, port ${port || 'any'}`)];
}

async function askRunning(url: string | null): Promise<Finding> {
  if (url === null) return skipped('the running daemon chose a port, and does not tell which');
  const alive = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
    .then((response) => response.json())
    .catch(() => null);
  if (typeof alive === 'object' && alive !== null && 'alive' in alive) {
    return ok(`${url}/ answers`);
  }
  return failed(
    new HeadlandError('HL_DOCTOR_PAGE_SILENT', `the daemon runs, but ${url}/ does not answer`, {
      remedy:
        'Set console.port to a free port if the log of the daemon reports HL_CONSOLE_LISTEN_FAILED; else restart it: systemctl restart headland.',
    }),
  );
}
