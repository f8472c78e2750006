import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve, sep } from 'node:path';
import { LOCAL_KEY_FILE } from '../../agent/lifetime/local-key.js';
import { HeadlandError } from '../../base/errors.js';
import type { NonEmpty } from '../../base/non-empty.js';
import { askInstance, instanceSockets } from '../../base/processes/local-questions.js';
import { isRecord } from '../../base/values/is-record.js';
import { DEFAULT_BROKER_PORT } from '../../config/default-ports.js';
import { instanceSocket } from '../../host/instance-lock.js';
import { configFileOf, type StateOptions } from '../support/state-options.js';

const LOCAL_TIMEOUT_MS = 2_000;
const PROBE_TIMEOUT_MS = 1_000;

/** The status of a daemon, and what is known about its process. */
export interface KnownStatus {
  robot: string;
  /** Null: the answer came over a broker. */
  pid: number | null;
  stateDir: string | null;
  demo: boolean;
  /** The data of the response to the command `status`. */
  status: Record<string, unknown>;
}

interface Local {
  socket: string;
  stateDir: string;
  pid: number;
}

/**
 * The status of the daemon that the options name. Without options: of the daemon of this machine,
 * else of the one behind the configured broker. Several daemons of this machine are told apart by
 * the current folder.
 * @param onlyOne whether several daemons are an error
 * @throws HeadlandError HL_STATUS_NO_ANSWER, HL_STATUS_SEVERAL, HL_CONFIG_…, HL_SECRET_…
 */
export async function findStatus(
  options: StateOptions,
  onlyOne: boolean,
): Promise<NonEmpty<KnownStatus>> {
  const named = await namedStateDir(options);
  if (named !== null) {
    const local = await ask({ socket: instanceSocket(named, 'run'), stateDir: resolve(named) });
    return [local ?? (await overBroker(options, []))];
  }
  const running = await runningDaemons();
  const answers = await Promise.all(running.map(ask));
  const known = answers.filter((answer) => answer !== null);
  const near = known.filter(({ stateDir }) => isBelow(stateDir ?? '', process.cwd()));
  const [first, ...others] = near.length === 1 ? near : known;
  if (first === undefined) return [await overBroker(options, running)];
  if (onlyOne && others.length > 0) throw several([first, ...others]);
  return [first, ...others];
}

/** Null: the options name none. The configuration is loaded on demand, because that takes time. */
async function namedStateDir({ config, state }: StateOptions): Promise<string | null> {
  if (state !== undefined) return state;
  if (config === undefined) return null;
  const { loadConfigFile } = await import('../../config/load.js');
  return loadConfigFile(config).paths.stateDir;
}

/** All daemons of this machine, whoever runs them. */
async function runningDaemons(): Promise<Local[]> {
  const found = await Promise.all(
    instanceSockets('run').map(async (socket) => {
      const who = await askInstance(socket, { ask: 'who' }, LOCAL_TIMEOUT_MS);
      if (typeof who?.stateDir !== 'string' || typeof who.pid !== 'number') return null;
      return { socket, stateDir: who.stateDir, pid: who.pid };
    }),
  );
  return found.filter((each) => each !== null).sort((a, b) => a.pid - b.pid);
}

/** Null: no daemon, or one of another user. */
async function ask({ socket, stateDir }: Omit<Local, 'pid'>): Promise<KnownStatus | null> {
  const key = readKey(stateDir);
  if (key === null) return null;
  const answer = await askInstance(socket, { ask: 'status', key }, LOCAL_TIMEOUT_MS);
  if (answer === null || !isRecord(answer.status)) return null;
  return {
    robot: String(answer.robot),
    pid: typeof answer.pid === 'number' ? answer.pid : null,
    stateDir: typeof answer.stateDir === 'string' ? answer.stateDir : stateDir,
    demo: answer.demo === true,
    status: answer.status,
  };
}

function readKey(stateDir: string): string | null {
  try {
    return readFileSync(join(stateDir, LOCAL_KEY_FILE), 'utf8');
  } catch {
    return null;
  }
}

/** @param foreign daemons of this machine that did not answer, for they are another user's */
async function overBroker(options: StateOptions, foreign: readonly Local[]): Promise<KnownStatus> {
  // Without a configuration the only broker is that of a daemon on this machine.
  if (configFileOf(options) === null && !(await isListening(DEFAULT_BROKER_PORT))) {
    throw nobody(foreign);
  }
  const [{ resolveConfig }, { askStatus }] = await Promise.all([
    import('../support/resolve-config.js'),
    import('../../agent/reporting/ask-status.js'),
  ]);
  const config = resolveConfig(options);
  const status = await askStatus(config, process.env);
  const common = { robot: config.robot.id, pid: null, stateDir: null, demo: false };
  return { ...common, status: isRecord(status) ? status : {} };
}

function nobody(foreign: readonly Local[]): HeadlandError {
  const [other] = foreign;
  if (other === undefined) {
    return new HeadlandError('HL_STATUS_NO_ANSWER', 'no daemon runs on this machine', {
      remedy:
        'Start the daemon (systemctl start headland), or give its configuration: --config FILE.',
    });
  }
  return new HeadlandError(
    'HL_STATUS_NO_ANSWER',
    `the daemon in ${other.stateDir} (process ${other.pid}) belongs to another user`,
    { remedy: 'Ask as that user or as root: sudo headland status.', details: { pid: other.pid } },
  );
}

function several(known: readonly KnownStatus[]): HeadlandError {
  const folders = known.map(({ stateDir }) => stateDir ?? '');
  return new HeadlandError(
    'HL_STATUS_SEVERAL',
    `${known.length} daemons run on this machine: ${folders.join(', ')}`,
    { remedy: 'Name the state folder of one: --state DIR.', details: { stateDirs: folders } },
  );
}

function isListening(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: PROBE_TIMEOUT_MS });
    const end = (listening: boolean): void => {
      socket.destroy();
      settle(listening);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
