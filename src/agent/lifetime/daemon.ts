import { isDeepStrictEqual } from 'node:util';
import { NO_ALARMS } from '../../base/alarms.js';
import {
  deserialiseError,
  HeadlandError,
  isHeadlandError,
  messageOf,
  serialiseError,
} from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { Scheduler } from '../../base/timers/scheduler.js';
import type { LayeredConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { needsRestart } from '../../config/settings/schema-notes.js';
import type { SystemdNotifier } from '../../host/notify.js';
import type { Agent } from '../agent.js';

/** As long as the unit allows a start (TimeoutStartSec). */
const MAX_RELOAD_MS = 600_000;

export interface DaemonParts {
  config: LayeredConfig;
  /** Reads the configuration anew. @throws HeadlandError HL_CONFIG_… */
  load(): LayeredConfig;
  /** An agent with its log, not started. */
  make(config: Config): Agent;
  notifier: Pick<SystemdNotifier, 'reloading' | 'watchdog' | 'ready' | 'watchdogIntervalMs'>;
  log: Log;
}

/** Null: the daemon runs with what the files say; `ended`: it ends; else why it does not run with it. */
export type ReloadOutcome = HeadlandError | 'ended' | null;

/**
 * An agent for as long as the process lives. A reload replaces it by one with the changed configuration;
 * if that cannot start, the one before runs again.
 */
export class Daemon {
  readonly #parts: DaemonParts;
  readonly #scheduler: Scheduler;
  #agent: Agent;
  #config: Config;
  /** Settles when no reload runs. */
  #reloading: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
    this.#scheduler = new Scheduler({ alarms: NO_ALARMS, log: parts.log });
    this.#config = parts.config.config;
    this.#agent = parts.make(this.#config);
  }

  /** The one that runs now; a reload replaces it. */
  get agent(): Agent {
    return this.#agent;
  }

  /**
   * @param again systemd already counts on the watchdog, which nobody else feeds during the start
   * @throws HeadlandError, see {@link Agent.start}
   */
  async start({ again = false } = {}): Promise<void> {
    const stopFeeding = again ? this.#feedWatchdog() : () => {};
    const started = this.#agent.start().finally(stopFeeding);
    this.#reloading = started.catch(() => undefined);
    await started;
    this.#tellRefused(this.#parts.config.refused);
  }

  /** What the daemon runs with. */
  get config(): Config {
    return this.#config;
  }

  /** Raises the alarm `config`: the daemon does not run with the settings that somebody wanted. */
  refused(error: HeadlandError): void {
    this.#agent.alarms.raise('config', error);
  }

  /**
   * Reads the configuration and, if it has changed, runs with it. Waits for the start and for other
   * reloads. Rejects only when neither the changed nor the previous configuration can run.
   * @param accept looks at the agent that runs with the changed configuration; an error undoes it
   * @throws HeadlandError, see {@link Agent.start}
   */
  reload(accept: (agent: Agent) => HeadlandError | null = () => null): Promise<ReloadOutcome> {
    const reloaded = this.#reloading.then(() => this.#reload(accept));
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  /** Switches all outputs off, synchronously; for the `exit` event of the process. */
  outputsOff(): void {
    this.#agent.outputsOff();
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#agent.stop();
    await this.#reloading;
  }

  async #reload(accept: (agent: Agent) => HeadlandError | null): Promise<ReloadOutcome> {
    if (this.#ended) return 'ended';
    const { notifier, log } = this.#parts;
    notifier.reloading();
    const next = this.#read();
    if (next === null || isHeadlandError(next)) {
      notifier.ready();
      return next;
    }
    log.info('the configuration has changed: starting with it');
    const before = this.#config;
    try {
      await this.#replace(next.config);
      if (this.#ended) return 'ended';
      const refused = accept(this.#agent);
      if (refused) throw refused;
      this.#tellRefused(next.refused);
      log.info('running with the changed configuration');
      return next.refused;
    } catch (error) {
      if (this.#ended) return 'ended';
      this.#refuse(error);
      await this.#replace(before);
      this.#agent.alarms.raise('config', error);
      return headlandError(error);
    }
  }

  /** Null: the configuration has not changed; an error: it cannot be used. Then the agent stays. */
  #read(): LayeredConfig | HeadlandError | null {
    const { load, log } = this.#parts;
    try {
      const next = load();
      if (isDeepStrictEqual(next.config, this.#config)) {
        if (next.refused === null) this.#agent.alarms.clear('config');
        this.#tellRefused(next.refused);
        log.info('the configuration has not changed');
        return next.refused;
      }
      refuseUnchangeable(this.#config, next.config);
      return next;
    } catch (error) {
      this.#refuse(error);
      this.#agent.alarms.raise('config', error);
      return headlandError(error);
    }
  }

  #tellRefused(refused: HeadlandError | null): void {
    if (refused) this.#agent.alarms.raise('config', refused);
  }

  async #replace(config: Config): Promise<void> {
    const stopFeeding = this.#feedWatchdog();
    try {
      await this.#agent.stop({ goesOn: true });
      if (this.#ended) return;
      this.#agent = this.#parts.make(config);
      this.#config = config;
      await this.#agent.start();
    } finally {
      stopFeeding();
    }
  }

  /** Between two agents nobody else does, and the start may have to fetch a backbone. */
  #feedWatchdog(): () => void {
    const { notifier } = this.#parts;
    notifier.watchdog();
    const startMs = performance.now();
    const { watchdogIntervalMs } = notifier;
    if (watchdogIntervalMs === null) return () => {};
    const feeding = this.#scheduler.every({
      name: 'start-watchdog',
      what: 'reset the watchdog during the start',
      intervalMs: watchdogIntervalMs / 2,
      run: () => {
        if (performance.now() - startMs < MAX_RELOAD_MS) notifier.watchdog();
      },
    });
    return () => void feeding.stop();
  }

  #refuse(error: unknown): void {
    const code = isHeadlandError(error) ? { code: error.code, remedy: error.remedy } : {};
    this.#parts.log.error(code, `the changed configuration is not used: ${oneLine(error)}`);
  }
}

/** All problems of a configuration in one line; of a text that is no YAML the first line. */
function oneLine(error: unknown): string {
  const lines = messageOf(error).split('\n');
  return isHeadlandError(error, 'HL_CONFIG_INVALID') ? lines.join('; ') : lines[0]!;
}

function headlandError(error: unknown): HeadlandError {
  return isHeadlandError(error) ? error : deserialiseError(serialiseError(error));
}

/** The lock of a process is that of its state folder, and a process can load one ONNX Runtime. */
function refuseUnchangeable(before: Config, next: Config): void {
  const changed = needsRestart(before, next);
  if (changed.length === 0) return;
  throw new HeadlandError(
    'HL_CONFIG_NEEDS_RESTART',
    `a reload cannot change ${changed.join(' and ')}`,
    { remedy: 'Restart the daemon: systemctl restart headland.', details: { changed } },
  );
}
