import { hostname } from 'node:os';
import { createLog, type Log } from '../../base/log.js';
import { Hub, type HubSecrets } from '../../fleet/hub/hub.js';
import type { HubConfig } from '../../fleet/hub/settings/hub-schema.js';
import { loadHubConfig } from '../../fleet/hub/settings/load-hub-config.js';
import { packageVersion } from '../support/version.js';
import { openHubStore, readHubSecrets } from './hub-files.js';

/** A configuration with the files that it names, read and checked. */
interface Prepared {
  config: HubConfig;
  secrets: HubSecrets;
  replica: string;
  log: Log;
}

/** The hub of a process, which can run with a changed configuration without ending. */
export class HubProcess {
  #prepared: Prepared;
  #hub: Hub | null = null;
  #work: Promise<void> = Promise.resolve();
  #isStopped = false;

  private constructor(
    private readonly path: string,
    prepared: Prepared,
    private readonly onStarted: (url: string) => void,
  ) {
    this.#prepared = prepared;
  }

  /**
   * @param onStarted told the address of the page, also after each reload
   * @throws HeadlandError HL_CONFIG_…, HL_SECRET_…, HL_MQTT_TLS_FILE, HL_STORE_…, HL_FLEET_…
   */
  static async start(path: string, onStarted: (url: string) => void): Promise<HubProcess> {
    const hub = new HubProcess(path, prepare(path), onStarted);
    await hub.#start(hub.#prepared);
    return hub;
  }

  get log(): Log {
    return this.#prepared.log;
  }

  /** Work that has not ended for long; empty: all is well. */
  stuck(): string[] {
    return this.#hub?.stuck() ?? [];
  }

  /**
   * Runs with the configuration, secrets and certificates as they are now. What cannot be read or cannot run
   * changes nothing, and raises the alarm `config`.
   * @throws HeadlandError those of before cannot run any more, either
   */
  reload(): Promise<void> {
    const reloaded = this.#work.then(() => (this.#isStopped ? undefined : this.#reload()));
    this.#work = reloaded.catch(() => undefined);
    return reloaded;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#work;
    await this.#hub?.stop();
  }

  async #reload(): Promise<void> {
    const before = this.#prepared;
    let next: Prepared;
    try {
      next = prepare(this.path);
    } catch (error) {
      this.#refused(error);
      return;
    }
    // Two hubs of one name cannot be connected to the broker at a time.
    await this.#hub?.stop();
    try {
      await this.#start(next);
      this.log.info('runs with the configuration as it is now');
    } catch (error) {
      await this.#start(before);
      this.#refused(error);
    }
  }

  #refused(error: unknown): void {
    this.log.error({ err: error }, 'the changed configuration cannot run: nothing has changed');
    this.#hub?.alarms.raise('config', error);
  }

  async #start(prepared: Prepared): Promise<void> {
    const { config, secrets, replica, log } = prepared;
    const store = await openHubStore(config, process.env);
    const hub = new Hub({ config, secrets, store, replica, version: packageVersion(), log });
    let url: string;
    try {
      ({ url } = await hub.start());
    } catch (error) {
      await hub.stop();
      throw error;
    }
    this.#prepared = prepared;
    this.#hub = hub;
    this.onStarted(url);
  }
}

function prepare(path: string): Prepared {
  const config = loadHubConfig(path);
  const replica = config.replica ?? hostname();
  const log = createLog({
    level: config.log.level,
    format: config.log.format,
    environment: process.env,
    bindings: { fleet: config.fleet, replica },
  });
  return { config, secrets: readHubSecrets(config, process.env), replica, log };
}
