import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { arch, hostname, release, type } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../../base/errors.js';
import { readings } from '../../../host/board-readings.js';
import { describeBoard } from '../../../host/cpu.js';
import { mountedDisk } from '../../../host/mounted-disk.js';
import { runToEnd } from '../../../host/run-to-end.js';
import { readRecords } from '../../../storage/read-records.js';
import type { RobotContext } from '../doctor-check.js';
import { SERVICE } from '../doctor-context.js';
import { withoutPlaces } from './without-places.js';

const TOOL_TIMEOUT_MS = 20_000;
const LOG_LINES = 3_000;
const KERNEL_LINES = 500;
const RECORDS = 100;
const UNIT_FOLDERS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/run/systemd/system'];
const PACKAGE_ROOT = new URL('../../../../../', import.meta.url);

export interface PartSources {
  /** Null: no valid configuration. */
  robot: RobotContext | null;
  environment: NodeJS.ProcessEnv;
  /** The disk of the state answers. */
  isStateReadable: boolean;
}

/** A file of a bundle: its text, or why there is none. Not yet without secrets. */
export interface Part {
  name: string;
  text: () => string | Promise<string>;
}

/** What a support bundle contains besides the report, the settings and images. */
export function bundleParts({ robot, environment, isStateReadable }: PartSources): Part[] {
  const run = (command: readonly string[]): Promise<string> => output(command, environment);
  const parts: Part[] = [
    { name: 'versions.json', text: () => json(versions()) },
    { name: 'unit.txt', text: () => unitText(environment) },
    {
      name: 'log.txt',
      text: () => run(['journalctl', '-u', SERVICE, '-n', `${LOG_LINES}`, '-o', 'short-iso']),
    },
    {
      name: 'kernel.txt',
      text: () => run(['journalctl', '-k', '-b', '-n', `${KERNEL_LINES}`, '-o', 'short-iso']),
    },
    {
      name: 'packages.txt',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a format of dpkg-query
      text: () => run(['dpkg-query', '-W', '-f', '${Package} ${Version} ${Architecture}\n']),
    },
  ];
  if (robot === null) return parts;
  const { config, daemon } = robot;
  const { stateDir } = config.paths;
  return [
    ...parts,
    {
      name: 'status.json',
      text: async () => {
        const status = await daemon.status();
        if (status === null) throw new Error('no daemon runs, or it does not answer');
        return json(withoutPlaces(status.raw));
      },
    },
    {
      name: 'reports.json',
      text: async () => {
        if (!isStateReadable) throw new Error('the disk of the state does not answer');
        const inUse = await daemon.running();
        const records = readRecords(join(stateDir, 'headland.db'), { inUse, limit: RECORDS });
        return json(withoutPlaces(records));
      },
    },
    { name: 'board.json', text: () => boardText(stateDir, isStateReadable) },
  ];
}

function versions(): object {
  return {
    node: process.versions,
    machine: { ...describeBoard(), arch: arch(), os: `${type()} ${release()}`, host: hostname() },
    distribution: existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : null,
    npm: installedPackages(),
  };
}

/** Versions of the npm packages beside the program. */
function installedPackages(): Record<string, string> {
  const folder = new URL('node_modules/', PACKAGE_ROOT);
  if (!existsSync(folder)) return {};
  const names = readdirSync(folder).flatMap((name) => {
    if (name.startsWith('.')) return [];
    return name.startsWith('@')
      ? readdirSync(new URL(`${name}/`, folder)).map((inner) => `${name}/${inner}`)
      : [name];
  });
  const known = names.flatMap((name): [string, string][] => {
    try {
      const text = readFileSync(new URL(`${name}/package.json`, folder), 'utf8');
      const manifest: unknown = JSON.parse(text);
      const version =
        typeof manifest === 'object' && manifest !== null && 'version' in manifest
          ? String(manifest.version)
          : 'unknown';
      return [[name, version]];
    } catch {
      return [];
    }
  });
  return Object.fromEntries(known);
}

/** What systemd has put together; without systemd the files themselves. */
async function unitText(environment: NodeJS.ProcessEnv): Promise<string> {
  const { status, stdout } = await runToEnd(['systemctl', 'cat', SERVICE], {
    environment,
    timeoutMs: TOOL_TIMEOUT_MS,
  });
  if (status === 0) return stdout;
  const files = UNIT_FOLDERS.flatMap((folder) => {
    const dropIns = join(folder, `${SERVICE}.d`);
    const names = existsSync(dropIns) ? readdirSync(dropIns).sort() : [];
    return [join(folder, SERVICE), ...names.map((name) => join(dropIns, name))];
  }).filter((path) => existsSync(path));
  if (files.length === 0) throw new Error('no unit is installed');
  return files.map((path) => `# ${path}\n${readFileSync(path, 'utf8')}`).join('\n');
}

function boardText(stateDir: string, isStateReadable: boolean): string {
  if (!isStateReadable) return json({ readings: readings() });
  const disk = mountedDisk(stateDir);
  return json({ readings: readings({ diskPath: disk.path }), disk });
}

/** @throws Error when the program is missing or fails */
async function output(command: readonly string[], environment: NodeJS.ProcessEnv): Promise<string> {
  const { status, stdout, stderr } = await runToEnd(command, {
    environment,
    timeoutMs: TOOL_TIMEOUT_MS,
  });
  if (status === 0) return stdout;
  const why = stderr.trim().split('\n').at(-1) || 'it could not be started, or took too long';
  throw new Error(`${command[0]}: ${why}`);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** The text of a part; for one that cannot be collected, the reason. */
export async function collect({ name, text }: Part): Promise<{ text: string; missing: boolean }> {
  try {
    return { text: await text(), missing: false };
  } catch (error) {
    return { text: `${name} is not available: ${messageOf(error)}\n`, missing: true };
  }
}
