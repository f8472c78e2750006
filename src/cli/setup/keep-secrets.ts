import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileDurably } from '../../base/files/durable-files.js';
import { makeFolder } from '../../base/files/make-folder.js';
import type { Config, SecretReference } from '../../config/schema.js';
import { runsAsRoot, type ServiceUnit } from '../../host/service-unit.js';
import type { Answers, StoredSecrets } from './setup-answers.js';
import { unwritable } from './write-settings.js';

/** Where systemd takes additions to the unit from. */
export const DROP_IN_DIR = '/etc/systemd/system/headland.service.d';
const DROP_IN = 'credentials.conf';

export interface Keeping {
  configFile: string;
  unit: Pick<ServiceUnit, 'installed' | 'user' | 'credentials'> | null;
  /** Of the unit. */
  dropInDir: string;
}

type SecretAnswers = Pick<Answers, 'broker' | 'page'>;

interface SecretSettings {
  mqtt: Pick<Config['mqtt'], 'password'>;
  console: Pick<Config['console'], 'token'>;
}

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
 * A service that does not run as root cannot read them either: it gets them as credentials, through a
 * drop-in of the unit. What else stands in the drop-in stays.
 * @param settings the configuration with the answers in place
 * @returns path of the drop-in; null: it has not changed
 * @throws HeadlandError HL_SETUP_UNWRITABLE
 */
export async function keepSecrets(
  answers: SecretAnswers,
  settings: SecretSettings,
  keeping: Keeping,
): Promise<{ dropIn: string | null }> {
  const secrets = secretFiles(answers, keeping);
  for (const { file, value } of secrets) {
    if (value !== null) await write(file, `${value}\n`, 0o600);
  }
  if (!isCredential(keeping)) return { dropIn: null };
  const dropIn = join(keeping.dropInDir, DROP_IN);
  const before = textOf(dropIn);
  let text = before;
  for (const { name, file, value, setting } of secrets) {
    const reference = setting(settings);
    const isUsed = reference !== null && 'credential' in reference && reference.credential === name;
    const isLoaded = keeping.unit?.credentials.has(name) === true || !existsSync(file);
    if (!isUsed) text = withLine(text, name, null);
    else if (value !== null || (!isLoaded && lineOf(text, name) === null)) {
      text = withLine(text, name, `LoadCredential=${name}:${file}`);
    }
  }
  if (text === before) return { dropIn: null };
  if (text.trim() === SECTION) await remove(dropIn);
  else await write(dropIn, text, 0o644);
  return { dropIn };
}

const SECTION = '[Service]';

function lineOf(text: string, name: string): string | null {
  const lines = text.split('\n');
  return lines.find((line) => line.trim().startsWith(`LoadCredential=${name}:`)) ?? null;
}

/** Text of a drop-in with the line that loads a credential; null: without one. */
function withLine(text: string, name: string, wanted: string | null): string {
  const present = lineOf(text, name);
  if (present !== null) {
    const lines = text.split('\n');
    const index = lines.indexOf(present);
    return lines.toSpliced(index, 1, ...(wanted === null ? [] : [wanted])).join('\n');
  }
  if (wanted === null) return text;
  const lines = text.split('\n');
  const section = lines.findIndex((line) => line.trim() === SECTION);
  if (section >= 0) return lines.toSpliced(section + 1, 0, wanted).join('\n');
  const end = text === '' || text.endsWith('\n') ? '' : '\n';
  return `${text}${end}${SECTION}\n${wanted}\n`;
}

/** The password of the broker, and the token of the page. */
function secretFiles({ broker, page }: SecretAnswers, { configFile }: Keeping) {
  const folder = dirname(configFile);
  return [
    {
      name: 'mqtt-password',
      file: join(folder, 'mqtt-password'),
      value: broker?.password ?? null,
      setting: ({ mqtt }: SecretSettings) => mqtt.password,
    },
    {
      name: 'console-token',
      file: join(folder, 'console-token'),
      value: page?.newToken ?? null,
      setting: (settings: SecretSettings) => settings.console.token,
    },
  ];
}

function isCredential({ unit }: Keeping): boolean {
  return unit?.installed === true && !runsAsRoot(unit);
}

/** Empty where there is no file. */
function textOf(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

async function remove(file: string): Promise<void> {
  try {
    await rm(file, { force: true });
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

async function write(file: string, text: string, mode: number): Promise<void> {
  try {
    await makeFolder(dirname(file), 0o755);
    await writeFileDurably(file, text, mode);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}
