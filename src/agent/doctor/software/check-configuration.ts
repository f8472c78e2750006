import { statSync } from 'node:fs';
import { z } from 'zod';
import { HeadlandError, isHeadlandError } from '../../../base/errors.js';
import { type LayeredConfig, loadLayeredConfig } from '../../../config/load.js';
import type { Config, SecretReference } from '../../../config/schema.js';
import { readSecret } from '../../../config/secrets.js';
import { runsAsRoot, type ServiceUnit } from '../../../host/service-unit.js';
import { secretsInSettings } from '../bundle/known-secrets.js';
import { readSettings } from '../bundle/settings-text.js';
import { findingOf } from '../denied.js';
import { type DoctorContext, type Finding, failed, ok, warning } from '../doctor-check.js';
import { withCredentialFiles } from '../doctor-context.js';
import { type NamedSecret, secretsOf } from './configured-secrets.js';

const problemsOfConfig = z.object({
  problems: z.array(z.object({ path: z.string(), message: z.string() })).min(1),
});

/** Loads the configuration, and reads every file of a secret that it names. */
export async function checkConfiguration(context: DoctorContext): Promise<Finding[]> {
  let layered: LayeredConfig;
  try {
    layered = loadLayeredConfig(context.configFile);
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return problemsIn(error, context);
  }
  const { config, refused } = layered;
  const changes = refused === null ? [] : [warning(refused)];
  const secrets = await checkSecrets(config, context);
  const access = await checkAccess(context);
  return [ok(`${context.configFile} is valid`), ...changes, ...access, ...secrets];
}

/** One finding for each wrong setting. */
async function problemsIn(error: HeadlandError, context: DoctorContext): Promise<Finding[]> {
  const { success, data } = problemsOfConfig.safeParse(error.details);
  if (!success) return [await findingOf(error, context)];
  return data.problems.map(({ path, message }) => ({
    ...failed(error, { subject: path || 'the file' }),
    reason: message,
    facts: {},
  }));
}

async function checkAccess({ configFile, unit }: DoctorContext): Promise<Finding[]> {
  const { mode } = statSync(configFile);
  const findings: Finding[] = [];
  if ((mode & 0o022) !== 0) {
    findings.push(
      warning(
        new HeadlandError('HL_DOCTOR_CONFIG_WRITABLE', `other users may change ${configFile}`, {
          remedy: `Run: chmod go-w ${configFile}`,
        }),
      ),
    );
  }
  // Of another user than root, systemd's user cannot be the owner.
  const service = await unit();
  if (service?.installed && service.user === null && (mode & 0o004) === 0) {
    const { settings } = readSettings(configFile);
    const hasPasswords = secretsInSettings(settings).length > 0;
    const caution = hasPasswords
      ? '. Every user of this machine can then read the passwords in its addresses: give the camera a user that can only watch'
      : '';
    findings.push(
      failed(
        hidden(`the service may not read ${configFile}`, `Run: chmod go+r ${configFile}${caution}`),
      ),
    );
  }
  return findings;
}

async function checkSecrets(config: Config, context: DoctorContext): Promise<Finding[]> {
  const unit = await context.unit();
  const readable = secretsOf(withCredentialFiles(config, unit, context.environment));
  const written = secretsOf(config);
  const isPrivate = unit?.installed === true && !runsAsRoot(unit);
  const findings: Finding[] = [];
  for (const [index, { setting, reference }] of readable.entries()) {
    try {
      readSecret(reference, context.environment);
      const direct = written[index];
      if (isPrivate && direct && isOutOfReach(direct, config, unit)) {
        findings.push(failed(hiddenSecret(setting, direct.reference), { subject: setting }));
      } else {
        findings.push(ok('the secret can be read', { subject: setting }));
      }
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      findings.push(await findingOf(error, context, setting));
    }
  }
  return findings;
}

/** The user of the service is the owner of its state; one that systemd makes up owns nothing else. */
function isOutOfReach(
  { reference }: NamedSecret,
  { paths }: Config,
  { user }: Pick<ServiceUnit, 'user'>,
): boolean {
  if (!('file' in reference)) return false;
  const state = statSync(paths.stateDir, { throwIfNoEntry: false });
  // Nothing tells yet which user it is.
  if (state === undefined && user !== null) return false;
  const { uid, gid, mode } = statSync(reference.file);
  if ((mode & 0o004) !== 0 || ((mode & 0o040) !== 0 && gid === state?.gid)) return false;
  return uid !== state?.uid;
}

function hiddenSecret(setting: string, reference: SecretReference): HeadlandError {
  const file = 'file' in reference ? reference.file : '';
  const name = setting.replaceAll('.', '-').toLowerCase();
  return hidden(
    `the service may not read ${file}: it belongs to another user`,
    `Give it to the service as a credential: \`systemctl edit headland\`, [Service], LoadCredential=${name}:${file}. Then write ${setting}: {credential: ${name}}.`,
  );
}

function hidden(message: string, remedy: string): HeadlandError {
  return new HeadlandError('HL_DOCTOR_HIDDEN_FROM_SERVICE', message, { remedy });
}
