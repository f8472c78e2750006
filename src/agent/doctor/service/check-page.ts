import { HeadlandError } from '../../../base/errors.js';
import { isRecord } from '../../../base/values/is-record.js';
import type { Config } from '../../../config/schema.js';
import { Gatekeeper } from '../../../console/server/security.js';
import { askConsole } from '../../access/ask-console.js';
import { consoleCertificate } from '../../access/console-certificate.js';
import { presentToken } from '../../access/console-token.js';
import { type Finding, failed, ok, type RobotContext, skipped } from '../doctor-check.js';
import { requireFreePort } from './free-port.js';

const ANSWER_TIMEOUT_MS = 4_000;

/** Whether the page answers, or could be opened by the daemon. */
export async function checkPage({ config, environment, daemon }: RobotContext): Promise<Finding[]> {
  const { enabled, host, port, tls } = config.console;
  if (!enabled) return [skipped('console.enabled is false')];
  // Refuses what the server would refuse at its start.
  const { token } = presentToken(config, environment);
  // The daemon makes a token where it needs one and has none.
  if (token !== null) new Gatekeeper(host, token, []);
  if (tls.mode === 'files') await consoleCertificate(config, environment);
  if (await daemon.running()) return [await askRunning(await daemon.pageUrl(), config)];
  if (port !== 0) await requireFreePort(host, port, 'console.port');
  return [ok(`the daemon can serve the page on ${host}, port ${port || 'any'}`)];
}

async function askRunning(url: string | null, config: Config): Promise<Finding> {
  if (url === null) return skipped('the running daemon chose a port, and does not tell which');
  const alive = await askConsole({ url: `${url}/healthz`, timeoutMs: ANSWER_TIMEOUT_MS }, config)
    .then((body): unknown => JSON.parse(Buffer.from(body ?? []).toString()))
    .catch(() => null);
  if (isRecord(alive) && 'alive' in alive) {
    return ok(`${url}/ answers`);
  }
  return failed(
    new HeadlandError('HL_DOCTOR_PAGE_SILENT', `the daemon runs, but ${url}/ does not answer`, {
      remedy:
        'Set console.port to a free port if the log of the daemon reports HL_CONSOLE_LISTEN_FAILED; else restart it: systemctl restart headland.',
    }),
  );
}
