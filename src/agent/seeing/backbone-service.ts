import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullPrecisionName } from '../../backbone/variant.js';
import type { AlarmSwitch } from '../../base/alarms.js';
import { type HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { SideService } from '../../base/side-service.js';
import type { Config } from '../../config/schema.js';
import type { BackboneInfo } from '../../perception/perception-protocol.js';

/** Longer intervals than for other services, because a retry may download from the network. */
const MENDING = { initialMs: 5_000, maxMs: 120_000 };

/** The part of perception that this service uses. */
export interface NeedsBackbone {
  start(cacheDir?: string): Promise<BackboneInfo>;
  useFullPrecision(reason: HeadlandError): void;
  /** Why the fp32 backbone serves instead of the configured one; null: it does not. */
  readonly unfit: HeadlandError | null;
}

export interface BackboneServiceOptions {
  config: Config;
  environment: NodeJS.ProcessEnv;
  alarms: AlarmSwitch;
  log: Log;
}

/**
 * Starts perception with its backbone from the cache. If the backbone there is damaged, outdated or
 * missing, fetches it first from another cache of this machine, a mirror or the sources of its card. A
 * cache that cannot be written raises an alarm: the backbone then serves from a temporary folder, and
 * the repair of the cache is retried.
 *
 * Tries the cache before it loads the code that fetches and converts backbones, because a daemon
 * seldom needs that code and its memory.
 */
export class BackboneService {
  readonly #options: BackboneServiceOptions;
  readonly #mending: SideService;
  /** A private cache while the configured one cannot be used. */
  #spareDir: string | null = null;

  constructor(options: BackboneServiceOptions) {
    this.#options = options;
    this.#mending = new SideService({
      alarm: 'backbone',
      alarms: options.alarms,
      open: () => this.#mend(),
      retry: MENDING,
    });
  }

  /** The cache that holds the serving backbone. */
  get cacheDir(): string {
    return this.#spareDir ?? this.#options.config.paths.cacheDir;
  }

  /**
   * @param signal aborts fetching
   * @throws HeadlandError HL_MODEL_UNAVAILABLE, HL_PERCEPTION_CRASHED and the errors of opening
   */
  async start(perception: NeedsBackbone, signal?: AbortSignal): Promise<BackboneInfo> {
    const { alarms, config, log } = this.#options;
    try {
      return await perception.start();
    } catch (error) {
      if (!isMissing(error)) throw error;
      log.info({ code: error.code }, `fetching the backbone: ${error.message}`);
      // A cache that was never filled raises no alarm.
      if (error.code === 'HL_MODEL_CHECKSUM') alarms.raise('backbone', error);
      const name = perception.unfit ? fullPrecisionName(config.models.backbone) : undefined;
      try {
        await this.#fetch(name, signal);
      } catch (failure) {
        if (perception.unfit || !isVariant(config.models.backbone)) throw failure;
        perception.useFullPrecision(error);
        return this.start(perception, signal);
      }
    }
    return perception.start(this.cacheDir);
  }

  async stop(): Promise<void> {
    await this.#mending.stop();
    if (this.#spareDir) await rm(this.#spareDir, { recursive: true, force: true });
  }

  /** Fetches into the configured cache or, if that cannot be written, into a temporary one. */
  async #fetch(name?: string, signal?: AbortSignal): Promise<void> {
    const { alarms } = this.#options;
    try {
      await this.#prepare(this.#options.config.paths.cacheDir, name, signal);
      alarms.clear('backbone');
    } catch (error) {
      if (!isHeadlandError(error, 'HL_MODEL_CACHE_UNWRITABLE')) throw error;
      this.#spareDir = await mkdtemp(join(tmpdir(), 'headland-cache-'));
      await this.#prepare(this.#spareDir, name, signal);
      this.#mending.failed(error);
    }
  }

  /** The repaired cache is used from the next start on; the backbone is the same. */
  async #mend(): Promise<void> {
    await this.#prepare(this.#options.config.paths.cacheDir);
  }

  async #prepare(cacheDir: string, name?: string, signal?: AbortSignal): Promise<void> {
    const { config, environment, log } = this.#options;
    const { prepareBackbone } = await import('./prepare-backbone.js');
    const options = { environment, log, cacheDir, onProgress: () => {}, ...(signal && { signal }) };
    await prepareBackbone(config, options, name);
  }
}

function isMissing(error: unknown): error is HeadlandError {
  return (
    isHeadlandError(error, 'HL_MODEL_NOT_CACHED') ||
    isHeadlandError(error, 'HL_MODEL_NOT_QUANTIZED') ||
    isHeadlandError(error, 'HL_MODEL_CHECKSUM')
  );
}

function isVariant(backbone: string): boolean {
  return fullPrecisionName(backbone) !== backbone;
}
