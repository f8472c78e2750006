import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HeadlandError } from '../../../base/errors.js';
import { runToEnd } from '../../../host/run-to-end.js';
import type { ServiceUnit } from '../../../host/service-unit.js';
import { type DoctorContext, type Finding, failed, ok, skipped, warning } from '../doctor-check.js';
import { SERVICE } from '../doctor-context.js';

/** The unit as it is shipped: beside the program in a checkout, else where the package puts it. */
const SHIPPED_UNITS = [
  fileURLToPath(new URL('../../../../../systemd/headland.service', import.meta.url)),
  `/usr/lib/systemd/system/${SERVICE}`,
];
const ANALYSIS_TIMEOUT_MS = 15_000;
const MAX_RESTARTS = 2;
/** Of systemd's rating, 0 to 10. The shipped unit has less. */
const MAX_EXPOSURE = 2;

/** Whether headland is installed as a service, starts by itself, and stays up. */
export async function checkUnit(context: DoctorContext): Promise<Finding[]> {
  const unit = await context.unit();
  if (unit === null) return [skipped('systemd does not run here')];
  if (!unit.installed) {
    const error = new HeadlandError(
      'HL_DOCTOR_UNIT_MISSING',
      'headland is not installed as a service: nothing starts it after a power cut',
      {
        remedy:
          'Install the Debian package (docs/guides/install.md), or the unit from a checkout (docs/reference/systemd.md).',
      },
    );
    return [warning(error)];
  }
  const exposure = await exposureOf(context.environment);
  const { active, enabled, restarts, result, unitFile, dropIns } = unit;
  const facts = { active, enabled, restarts, result, unitFile, dropIns, exposure };
  const findings = faultsOf(unit, exposure);
  if (findings.length > 0) return findings.map((finding) => ({ ...finding, facts }));
  const rated = exposure === null ? '' : `, exposure ${exposure}`;
  const changed = dropIns.length === 0 ? '' : `, with ${dropIns.length} drop-ins`;
  return [ok(`${unitFile ?? SERVICE}: ${active}, ${enabled}${changed}${rated}`, { facts })];
}

function faultsOf(unit: ServiceUnit, exposure: number | null): Finding[] {
  const findings: Finding[] = [];
  if (unit.active === 'failed') {
    findings.push(
      failed(
        new HeadlandError('HL_DOCTOR_UNIT_FAILED', `the service has failed: ${unit.result}`, {
          remedy:
            'Read why (`journalctl -u headland -n 50`), correct it, then run `systemctl reset-failed headland` and `systemctl start headland`.',
        }),
      ),
    );
  } else if (unit.active === 'inactive') {
    findings.push(
      warning(
        new HeadlandError('HL_DOCTOR_UNIT_STOPPED', 'the service is not running', {
          remedy: 'Run: systemctl start headland',
        }),
      ),
    );
  }
  if (unit.enabled === 'disabled' || unit.enabled.startsWith('masked')) {
    findings.push(
      warning(
        new HeadlandError(
          'HL_DOCTOR_UNIT_DISABLED',
          `the service is ${unit.enabled}: the next start of the board does not start it`,
          {
            remedy: `Run: systemctl ${unit.enabled === 'disabled' ? '' : 'unmask headland && systemctl '}enable headland`,
          },
        ),
      ),
    );
  }
  if (unit.restarts > MAX_RESTARTS) {
    findings.push(
      warning(
        new HeadlandError(
          'HL_DOCTOR_UNIT_RESTARTS',
          `systemd has restarted the service ${unit.restarts} times`,
          {
            remedy:
              'Correct what the log reports before each restart (`journalctl -u headland -p warning`), then run `systemctl restart headland`, which counts from zero.',
          },
        ),
      ),
    );
  }
  for (const [name, file] of unit.credentials) {
    if (isMissing(file)) findings.push(failed(missingCredential(name, file)));
  }
  const difference = differenceOf(unit.unitFile);
  if (difference !== null) findings.push(warning(difference));
  if (exposure !== null && exposure > MAX_EXPOSURE) {
    findings.push(
      warning(
        new HeadlandError(
          'HL_DOCTOR_UNIT_EXPOSED',
          `systemd rates the exposure of the service at ${exposure} of 10`,
          {
            remedy:
              'Remove settings from the drop-ins (`systemctl cat headland`) that open the sandbox: `systemd-analyze security headland` lists them.',
          },
        ),
      ),
    );
  }
  return findings;
}

function missingCredential(name: string, file: string): HeadlandError {
  return new HeadlandError(
    'HL_DOCTOR_CREDENTIAL_MISSING',
    `the unit loads a credential from ${file}, which does not exist: it cannot start`,
    {
      remedy: `Write the secret into ${file}, or remove the line LoadCredential=${name}:${file} (\`systemctl cat headland\` shows where it is); then run \`systemctl daemon-reload\` and \`systemctl restart headland\`.`,
    },
  );
}

/** A file that this user may not look at is not missing, nor is a name in a store of credentials. */
function isMissing(file: string): boolean {
  if (!file.startsWith('/')) return false;
  try {
    return statSync(file, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function differenceOf(unitFile: string | null): HeadlandError | null {
  const shipped = SHIPPED_UNITS.find((path) => existsSync(path));
  if (unitFile === null || shipped === undefined || shipped === unitFile) return null;
  const installed = settingsIn(unitFile);
  const expected = settingsIn(shipped);
  const missing = expected.find((line) => !installed.includes(line));
  const added = installed.find((line) => !expected.includes(line));
  if (missing === undefined && added === undefined) return null;
  const what = missing === undefined ? `has the line "${added}"` : `lacks the line "${missing}"`;
  return new HeadlandError(
    'HL_DOCTOR_UNIT_DIFFERS',
    `${unitFile} ${what}, unlike the unit of this headland`,
    {
      remedy: `Keep changes in a drop-in (\`systemctl edit headland\`), and copy ${shipped} to ${unitFile}; then run \`systemctl daemon-reload\`.`,
    },
  );
}

/** Lines with settings; where the program is differs between installations. */
function settingsIn(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[#;]|^Exec/.test(line));
}

/** "→ Overall exposure level for headland.service: 1.4 OK"; null: it cannot be rated. */
async function exposureOf(environment: NodeJS.ProcessEnv): Promise<number | null> {
  const { stdout } = await runToEnd(['systemd-analyze', 'security', '--no-pager', SERVICE], {
    environment,
    timeoutMs: ANALYSIS_TIMEOUT_MS,
  });
  const found = /Overall exposure level for \S+: (\d+\.\d+)/.exec(stdout)?.[1];
  return found === undefined ? null : Number(found);
}
