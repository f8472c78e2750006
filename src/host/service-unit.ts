import { listIn } from '../base/values/list-in.js';
import { runToEnd } from './run-to-end.js';

/** The systemd unit of the daemon, as the running systemd knows it. */
export interface ServiceUnit {
  /** A unit file is installed. */
  installed: boolean;
  /** "enabled", "disabled", "masked", … */
  enabled: string;
  /** "active", "activating", "failed", "inactive", … */
  active: string;
  /** Why it ended last: "success", "exit-code", "signal", "watchdog", "start-limit-hit", … */
  result: string;
  /** Restarts by systemd since the unit was last started by hand. */
  restarts: number;
  unitFile: string | null;
  dropIns: string[];
  /** WatchdogSec as systemd prints it; null: off. */
  watchdog: string | null;
  /** Null: no limit. */
  memoryMaxBytes: number | null;
  /** Above it the kernel slows the service down; null: no such limit. */
  memoryHighBytes: number | null;
  /** Used now; null: it does not run, or is not counted. */
  memoryBytes: number | null;
  /** Its control group, below `/sys/fs/cgroup`: "/system.slice/headland.service"; null: it does not run. */
  controlGroup: string | null;
  /** Name of the user; null: one is allocated at each start (DynamicUser=). */
  user: string | null;
  /** Files given by LoadCredential=, by name of the credential. */
  credentials: ReadonlyMap<string, string>;
}

/** Whether the service may read the files of every user. */
export function runsAsRoot({ user }: Pick<ServiceUnit, 'user'>): boolean {
  return user === 'root' || user === '0';
}

const SHOW_TIMEOUT_MS = 5_000;
const PROPERTIES = [
  'LoadState',
  'UnitFileState',
  'ActiveState',
  'Result',
  'NRestarts',
  'FragmentPath',
  'DropInPaths',
  'WatchdogUSec',
  'MemoryMax',
  'MemoryHigh',
  'ControlGroup',
  'MemoryCurrent',
  'DynamicUser',
  'User',
  'LoadCredential',
];

/**
 * Asks systemd for a unit. Takes at most five seconds.
 * @param environment names the path of `systemctl`
 * @returns null: systemd does not run here, or does not answer
 */
export async function readServiceUnit(
  name: string,
  environment: NodeJS.ProcessEnv,
): Promise<ServiceUnit | null> {
  const { status, stdout } = await runToEnd(
    ['systemctl', 'show', name, `--property=${PROPERTIES.join(',')}`],
    { environment, timeoutMs: SHOW_TIMEOUT_MS },
  );
  return status === 0 ? unitFrom(stdout) : null;
}

/** Parses the output of `systemctl show`: lines of NAME=VALUE; a list repeats its name. */
function unitFrom(text: string): ServiceUnit {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) listIn(values, name).push(value);
  }
  const first = (name: string): string => values.get(name)?.[0] ?? '';
  const credentials = (values.get('LoadCredential') ?? []).flatMap((entry) => {
    const colon = entry.indexOf(':');
    return colon > 0 ? [[entry.slice(0, colon), entry.slice(colon + 1)] as const] : [];
  });
  return {
    installed: ['loaded', 'masked'].includes(first('LoadState')),
    enabled: first('UnitFileState'),
    active: first('ActiveState'),
    result: first('Result'),
    restarts: Number(first('NRestarts')) || 0,
    unitFile: first('FragmentPath') || null,
    dropIns: first('DropInPaths').split(' ').filter(Boolean),
    watchdog: timeSpan(first('WatchdogUSec')),
    memoryMaxBytes: bytes(first('MemoryMax')),
    memoryHighBytes: bytes(first('MemoryHigh')),
    controlGroup: first('ControlGroup') || null,
    memoryBytes: bytes(first('MemoryCurrent')),
    user: first('DynamicUser') === 'yes' ? null : first('User') || 'root',
    credentials: new Map(credentials),
  };
}

/** A time span as systemd writes it: "30s"; null: off or unknown. */
export function timeSpan(text: string): string | null {
  return text === '' || text === '0' || text === 'infinity' ? null : text;
}

/** systemd writes "infinity" or "[not set]" where there is no number; its largest number means both. */
function bytes(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
