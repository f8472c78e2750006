import { chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileDurably } from '../../base/files/durable-files.js';
import { makeFolder } from '../../base/files/make-folder.js';
import type { SecretReference } from '../../config/schema.js';
import type { ServiceUnit } from '../../host/service-unit.js';
import type { Answers, StoredSecrets } from './setup-answers.js';
import { unwritable } from './write-settings.js';

/** Where systemd takes additions to the unit from. */
export const DROP_IN_DIR = '/etc/systemd/system/headland.service.d';
const DROP_IN = 'credentials.conf';

export interface Keeping {
  configFile: string;
  unit: Pick<ServiceUnit, 'installed' | 'user'> | null;
  /** Of the unit. */
  dropInDir: string;
}

type SecretAnswers = Pick<Answers, 'broker' | 'page'>;

/** How the configuration will refer to the secrets of the answers. Writes nothing. */
export function plannedSecrets(answers: SecretAnswers, keeping: Keeping): StoredSecrets {
  const [password = null, token = null] = secretFiles(answers, keeping).map(
    ({ name, file, value }): SecretReference | null => {
      if (value === null) return null;
      return isCredential(keeping) ? { credential: name } : { file };
    },
  );
  return { password, token };
}

/**
 * Writes the secrets of the answers into files beside the configuration that only their owner can read.
 * A service whose user systemd makes up cannot read them either: it gets them as credentials, through a
 * drop-in of the unit.
 * @returns path of the drop-in; null: none is needed
 * @throws HeadlandError HL_SETUP_UNWRITABLE
 */
export async function keepSecrets(
  answers: SecretAnswers,
  keeping: Keeping,
): Promise<{ dropIn: string | null }> {
  const lines: string[] = [];
  for (const { name, file, value } of secretFiles(answers, keeping)) {
    if (value === null) continue;
    await writePrivately(file, `${value}\n`);
    lines.push(`LoadCredential=${name}:${file}`);
  }
  if (lines.length === 0 || !isCredential(keeping)) return { dropIn: null };
  const dropIn = join(keeping.dropInDir, DROP_IN);
  await write(dropIn, ['[Service]', ...lines, ''].join('\n'), 0o644);
  return { dropIn };
}

/** The password of the broker, and the token of the page. */
function secretFiles({ broker, page }: SecretAnswers, { configFile }: Keeping) {
  const folder = dirname(configFile);
  return [
    { name: 'mqtt-password', file: join(folder, 'mqtt-password'), value: broker?.password ?? null },
    { name: 'console-token', file: join(folder, 'console-token'), value: page?.token ?? null },
  ];
}

function isCredential({ unit }: Keeping): boolean {
  return unit?.installed === true && unit.user === null;
}

async function writePrivately(file: string, text: string): Promise<void> {
  const before = process.umask(0o077);
  try {
    await write(file, text, 0o600);
  } finally {
    process.umask(before);
  }
}

async function write(file: string, text: string, mode: number): Promise<void> {
  try {
    await makeFolder(dirname(file), 0o755);
    await writeFileDurably(file, text);
    await chmod(file, mode);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}
