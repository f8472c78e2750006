import { isDeepStrictEqual } from 'node:util';
import { HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { SystemdNotifier } from '../../host/notify.js';
import type { Agent } from '../agent.js';

/** As long as the unit allows a start (TimeoutStartSec). */
const MAX_RELOAD_MS = 600_000;

export interface DaemonParts {
  config: Config;
  /** Reads the configuration anew. @throws HeadlandError HL_CONFIG_… */
  load(): Config;
  /** An agent with its log, not started. */
  make(config: Config): Agent;
  notifier: Pick<SystemdNotifier, 'reloading' | 'watchdog' | 'ready' | 'watchdogIntervalMs'>;
  log: Log;
}

/**
 * An agent for as long as the process lives. A reload replaces it by one with the changed configuration;
 * if that cannot start, the one before runs again.
 */
export class Daemon {
  readonly #parts: DaemonParts;
  #agent: Agent;
  #config: Config;
  /** Settles when no reload runs. */
  #reloading: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#agent = parts.make(parts.config);
  }

  /** The one that runs now; a reload replaces it. */
  get agent(): Agent {
    return this.#agent;
  }

  /** @throws HeadlandError, see {@link Agent.start} */
  start(): Promise<void> {
    const started = this.#agent.start();
    this.#reloading = started.catch(() => undefined);
    return started;
  }

  /**
   * Reads the configuration and, if it has changed, runs with it. Waits for the start and for other
   * reloads. Rejects only when neither the changed nor the previous configuration can run.
   * @throws HeadlandError, see {@link Agent.start}
   */
  reload(): Promise<void> {
    const reloaded = this.#reloading.then(() => this.#reload());
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

  async #reload(): Promise<void> {
    if (this.#ended) return;
    const { notifier, log } = this.#parts;
    notifier.reloading();
    const next = this.#read();
    if (!next) {
      notifier.ready();
      return;
    }
    log.info('the configuration has changed: starting with it');
    const before = this.#config;
    try {
      await this.#replace(next);
      log.info('running with the changed configuration');
    } catch (error) {
      if (this.#ended) return;
      this.#refuse(error);
      await this.#replace(before);
      this.#agent.alarms.raise('config', error);
    }
  }

  /** Null: the agent stays. */
  #read(): Config | null {
    const { load, log } = this.#parts;
    try {
      const next = load();
      if (isDeepStrictEqual(next, this.#config)) {
        this.#agent.alarms.clear('config');
        log.info('the configuration has not changed');
        return null;
      }
      refuseUnchangeable(this.#config, next);
      return next;
    } catch (error) {
      this.#refuse(error);
      this.#agent.alarms.raise('config', error);
      return null;
    }
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
    const timer = setInterval(() => {
      if (performance.now() - startMs < MAX_RELOAD_MS) notifier.watchdog();
    }, watchdogIntervalMs / 2);
    return () => clearInterval(timer);
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

/** The lock of a process is that of its state folder, and a process can load one ONNX Runtime. */
function refuseUnchangeable(before: Config, next: Config): void {
  const changed = [
    before.paths.stateDir === next.paths.stateDir ? [] : ['paths.stateDir'],
    before.inference.libraryPath === next.inference.libraryPath ? [] : ['inference.libraryPath'],
  ].flat();
  if (changed.length === 0) return;
  throw new HeadlandError(
    'HL_CONFIG_NEEDS_RESTART',
    `a reload cannot change ${changed.join(' and ')}`,
    { remedy: 'Restart the daemon: systemctl restart headland.', details: { changed } },
  );
}
