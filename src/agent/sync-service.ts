import { join } from 'node:path';
import type { AlarmSwitch } from '../base/alarms.js';
import { HeadlandError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { SideService } from '../base/side-service.js';
import type { Config } from '../config/schema.js';
import { readSecretText } from '../config/secrets.js';
import { RsyncTarget } from '../sync/rsync/rsync-target.js';
import { bucketUrl, type S3Credentials, S3Target } from '../sync/s3/s3-target.js';
import { parseSyncAddress, type SyncAddress } from '../sync/sync-address.js';
import { SyncTable } from '../sync/sync-table.js';
import type { SyncTarget } from '../sync/sync-target.js';
import { type PassOptions, type PassReport, Synchroniser } from '../sync/synchroniser.js';
import { acquireStateLock } from './lifetime/state-lock.js';
import type { State } from './open-state.js';

/** Sends the samples of one task. */
export interface TaskSynchroniser {
  /** Name of the task. */
  task: string;
  synchroniser: Synchroniser;
}

/**
 * Connects the configured target with the samples of each task, which have a folder of their own there
 * when the settings name tasks. The tasks share the daily limit evenly. Empty: no target is configured.
 * @throws HeadlandError HL_STORE_…
 */
export function openSynchronisers(
  config: Config,
  state: Pick<State, 'database' | 'tasks'>,
  environment: NodeJS.ProcessEnv,
): TaskSynchroniser[] {
  const { sync, robot } = config;
  const { target, maxBytesPerDay } = sync;
  if (target === null) return [];
  const parsed = parseSyncAddress(target);
  const table = new SyncTable(state.database);
  return state.tasks.map(({ name, samples }) => {
    const folder = config.tasks.length > 0 ? `${robot.id}/${name}` : robot.id;
    const synchroniser = new Synchroniser({
      samples,
      table,
      address: `${identityOf(config, parsed)}${folder}/`,
      open: () => openTarget(config, parsed, folder, environment),
      selection: { send: sync.send, cameras: sync.cameras, positions: sync.positions },
      robot: robot.id,
      maxBytesPerDay:
        maxBytesPerDay === null ? null : Math.floor(maxBytesPerDay / state.tasks.length),
    });
    return { task: name, synchroniser };
  });
}

/**
 * Runs one pass. Two processes never run one at the same time.
 * @throws HeadlandError HL_SYNC_RUNNING, HL_SYNC_…, HL_STORE_…, HL_SECRET_…
 */
export async function runSyncPass(
  stateDir: string,
  synchroniser: Synchroniser,
  options: PassOptions,
): Promise<PassReport> {
  const lock = await acquireStateLock(stateDir, 'sync').catch((error: unknown) => {
    throw new HeadlandError(
      'HL_SYNC_RUNNING',
      `another process is sending samples of ${stateDir}`,
      {
        remedy: 'Wait until it has ended, then try again.',
        details: { stateDir },
        cause: error,
      },
    );
  });
  try {
    return await synchroniser.run(options);
  } finally {
    await lock.release();
  }
}

/** Sends samples regularly while the daemon runs. A failure is an alarm and is retried. */
export class SyncService {
  readonly #service: SideService;
  readonly #end = new AbortController();
  readonly #intervalMs: number;
  readonly #isOn: boolean;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    config: Config,
    state: Pick<State, 'database' | 'tasks'>,
    parts: { environment: NodeJS.ProcessEnv; alarms: AlarmSwitch; log: Log },
  ) {
    const { backoffInitialMs, backoffMaxMs, intervalMs, target } = config.sync;
    this.#isOn = target !== null;
    this.#intervalMs = intervalMs;
    let synchronisers: TaskSynchroniser[] | null = null;
    this.#service = new SideService({
      alarm: 'sync',
      alarms: parts.alarms,
      retry: { initialMs: backoffInitialMs, maxMs: backoffMaxMs },
      open: async () => {
        // Another alarm says that the disk is missing.
        if (state.database.standsInFor !== null) return this.#again();
        synchronisers ??= openSynchronisers(config, state, parts.environment);
        const { signal } = this.#end;
        const { stateDir } = config.paths;
        for (const { synchroniser } of synchronisers) {
          logPass(parts.log, await runSyncPass(stateDir, synchroniser, { signal }));
        }
        this.#again();
      },
    });
  }

  /** Begins with a pass; never throws. */
  start(): void {
    if (this.#isOn) void this.#service.start();
  }

  /** Ends a running pass; what was acknowledged stays so. */
  async stop(): Promise<void> {
    this.#end.abort();
    if (this.#timer) clearTimeout(this.#timer);
    await this.#service.stop();
    if (this.#timer) clearTimeout(this.#timer);
  }

  #again(): void {
    if (this.#end.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#service.start(), this.#intervalMs);
  }
}

/** @throws HeadlandError what the target says about a sample that it never accepts */
function logPass(log: Log, { pictures, updates, bytes, left, limited, refused }: PassReport): void {
  if (pictures + updates > 0) {
    log.info({ pictures, updates, bytes, left: left.due, limited }, 'samples sent');
  }
  const [first] = refused;
  if (first) throw first.error;
}

/** Without secrets, and the same for every way of writing the same address. */
function identityOf({ sync }: Config, address: SyncAddress): string {
  if (address.kind !== 's3') return address.destination;
  return `${bucketUrl({ ...sync.s3, bucket: address.bucket }).href}${address.prefix}`;
}

/** @throws HeadlandError HL_SYNC_NO_KEYS, HL_SECRET_… */
function openTarget(
  { sync, paths }: Config,
  address: SyncAddress,
  folder: string,
  environment: NodeJS.ProcessEnv,
): SyncTarget {
  const { timeoutMs } = sync;
  if (address.kind === 's3') {
    const { endpoint, region, pathStyle } = sync.s3;
    const { bucket } = address;
    const prefix = `${address.prefix}${folder}/`;
    const settings = { endpoint, region, pathStyle, bucket, prefix, timeoutMs };
    return new S3Target(settings, s3Credentials(sync.s3, environment));
  }
  const { password, sshKeyFile, knownHostsFile, sshPort, maxBatchBytes } = sync.rsync;
  return new RsyncTarget({
    ...address,
    timeoutMs,
    sshKeyFile,
    knownHostsFile,
    sshPort,
    maxBatchBytes,
    folder,
    stagingDir: join(paths.stateDir, 'sync'),
    password: readSecretText(password, environment),
    environment,
  });
}

/** Either all keys from the configuration, or all from the environment: never a mixture. */
function s3Credentials(
  { accessKeyId, secretAccessKey, sessionToken }: Config['sync']['s3'],
  environment: NodeJS.ProcessEnv,
): S3Credentials {
  const fromFiles = accessKeyId !== null || secretAccessKey !== null;
  const id = fromFiles ? readSecretText(accessKeyId, environment) : environment.AWS_ACCESS_KEY_ID;
  const key = fromFiles
    ? readSecretText(secretAccessKey, environment)
    : environment.AWS_SECRET_ACCESS_KEY;
  const token = fromFiles
    ? readSecretText(sessionToken, environment)
    : (environment.AWS_SESSION_TOKEN ?? null);
  if (id && key) return { accessKeyId: id, secretAccessKey: key, sessionToken: token };
  throw new HeadlandError('HL_SYNC_NO_KEYS', 'there are no access keys for the store', {
    remedy:
      'Set sync.s3.accessKeyId and sync.s3.secretAccessKey to files or systemd credentials, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  });
}
