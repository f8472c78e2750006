import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { isRecord } from '../../base/values/is-record.js';
import type { HubCommandPath, HubOverview, TaskKey } from '../../fleet/contract/hub-api.js';
import { HubDesk } from '../../fleet/hub/server/hub-desk.js';
import { loadHubConfig } from '../../fleet/hub/settings/load-hub-config.js';
import { packageVersion } from '../support/version.js';
import { openHubStore } from './hub-files.js';

const DEFAULT_URL = 'http://127.0.0.1:8790/';
const TIMEOUT_MS = 60_000;

export interface HubAccessOptions {
  config?: string;
  url?: string;
  tokenFile?: string;
  json?: boolean;
}

/** Options of every command that watches or steers a fleet. */
export function withHubAccess(command: Command): Command {
  return command
    .option('--url <url>', `address of a hub (default: ${DEFAULT_URL})`)
    .option('--token-file <file>', 'file with your token; else HEADLAND_FLEET_TOKEN')
    .option('--config <file>', 'work on the store of this configuration file, without a hub')
    .option('--json', 'print one JSON object');
}

/** The API of the hub, over HTTP or on its store. */
export interface HubAccess {
  get<T>(path: string): Promise<T>;
  post<T>(path: HubCommandPath, body: object): Promise<T>;
  close(): Promise<void>;
}

/** @throws HeadlandError HL_CONFIG_…, HL_STORE_…, HL_FLEET_TOKEN_NEEDED */
export async function openHub(options: HubAccessOptions): Promise<HubAccess> {
  return options.config === undefined ? overHttp(options) : onStore(options.config);
}

async function onStore(path: string): Promise<HubAccess> {
  const config = loadHubConfig(path);
  const store = await openHubStore(config, process.env);
  const person = {
    name: userInfo().username,
    role: 'operate',
    createdAtMs: 0,
    lastSeenAtMs: null,
  } as const;
  const desk = new HubDesk({
    config,
    store,
    replica: 'command line',
    version: packageVersion(),
    present: () => ({ connected: false, problem: null, alarms: [] }),
  });
  return {
    get: async <T>(path_: string) => (await desk.read(new URL(path_, DEFAULT_URL), person)) as T,
    post: async <T>(path_: HubCommandPath, body: object) =>
      (await desk.command(path_, person, body)) as T,
    close: () => store.close(),
  };
}

function overHttp({ url = DEFAULT_URL, tokenFile }: HubAccessOptions): HubAccess {
  const token = (
    tokenFile === undefined ? process.env.HEADLAND_FLEET_TOKEN : readFileSync(tokenFile, 'utf8')
  )?.trim();
  if (!token) {
    throw new HeadlandError('HL_FLEET_TOKEN_NEEDED', 'the hub needs the token of a person', {
      remedy:
        'Give --token-file or HEADLAND_FLEET_TOKEN, or work on the store where the hub runs: --config FILE.',
    });
  }
  const ask = async <T>(path: string, init: RequestInit): Promise<T> => {
    let response: Response;
    try {
      response = await fetch(new URL(path, url), {
        ...init,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (cause) {
      throw new HeadlandError(
        'HL_FLEET_HUB_UNREACHABLE',
        `no answer from ${url}: ${messageOf(cause)}`,
        {
          remedy: 'Start the hub (`headland fleet serve`), or correct --url.',
          cause,
        },
      );
    }
    const body: unknown = await response.json();
    if (!response.ok) throw refusalOf(body, response.status);
    return body as T;
  };
  return {
    get: (path) => ask(path, {}),
    post: (path, body) => ask(path, { method: 'POST', body: JSON.stringify(body) }),
    close: async () => {},
  };
}

function refusalOf(body: unknown, status: number): HeadlandError {
  const error = isRecord(body) && isRecord(body.error) ? body.error : {};
  const { code, message, remedy } = error;
  const known = typeof code === 'string' && /^HL_[A-Z0-9_]+$/.test(code);
  return new HeadlandError(
    known ? (code as `HL_${Uppercase<string>}`) : 'HL_FLEET_HUB_UNREACHABLE',
    typeof message === 'string' ? message : `the hub answered with status ${status}`,
    { remedy: typeof remedy === 'string' ? remedy : 'Look into the log of the hub.' },
  );
}

/**
 * The task that options name; the only one of the fleet where they name none.
 * @throws HeadlandError HL_FLEET_TASK_UNKNOWN
 */
export async function taskKey(
  hub: HubAccess,
  { task, backbone }: { task?: string; backbone?: string },
): Promise<TaskKey> {
  const { tasks } = await hub.get<HubOverview>('/api/overview');
  const found = tasks.filter(
    (one) =>
      (task === undefined || one.task === task) &&
      (backbone === undefined || one.backbone === backbone),
  );
  const [only] = found;
  if (only && found.length === 1) return { task: only.task, backbone: only.backbone };
  const names = tasks.map((one) => `--task ${one.task} --backbone ${one.backbone}`).join('; ');
  throw new HeadlandError(
    'HL_FLEET_TASK_UNKNOWN',
    `${found.length} tasks of the fleet are meant${names === '' ? '' : ` of: ${names}`}`,
    { remedy: 'Name one with --task, and --backbone where robots have several.' },
  );
}

/** Opens the hub, does something, and closes it, whatever happens. */
export async function withHub<T>(
  options: HubAccessOptions,
  work: (hub: HubAccess) => Promise<T>,
): Promise<T> {
  const hub = await openHub(options);
  try {
    return await work(hub);
  } finally {
    await hub.close();
  }
}
