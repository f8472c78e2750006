import { join } from 'node:path';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { Meta } from '../../storage/meta-table.js';
import { type DoctorReport, doctorReport, doctorReportSchema } from './doctor-report.js';
import { CHECK_NAMES } from './every-check.js';
import { runChecks } from './run-checks.js';

const LAST_REPORT_KEY = 'doctor-report';

export interface DoctorServiceParts {
  config: Config;
  /** Null: this robot has no file (a demonstration); the checks then get one with its settings. */
  configFile: string | null;
  version: string;
  environment: NodeJS.ProcessEnv;
  meta: Pick<Meta, 'get' | 'set'>;
  log: Log;
}

export interface DoctorProgress {
  /** Name of the check that runs; null before the first. */
  check: string | null;
  done: number;
  total: number;
}

/** `headland doctor` for a person at the page: one run at a time, and the last report is kept. */
export class DoctorService {
  #progress: DoctorProgress | null = null;
  readonly #end = new AbortController();
  #run: Promise<void> = Promise.resolve();

  constructor(private readonly parts: DoctorServiceParts) {}

  /** Null: no run. */
  get progress(): DoctorProgress | null {
    return this.#progress;
  }

  /** Of the last complete run, also before a restart; null: there was none, or the disk cannot be read. */
  get last(): DoctorReport | null {
    try {
      const text = this.parts.meta.get(LAST_REPORT_KEY);
      return text === null ? null : (doctorReportSchema.safeParse(JSON.parse(text)).data ?? null);
    } catch (error) {
      if (!isHeadlandError(error) && !(error instanceof SyntaxError)) throw error;
      return null;
    }
  }

  /**
   * Starts the checks, in a process of their own, and does not wait for them.
   * @throws HeadlandError HL_DOCTOR_RUNNING
   */
  start(): void {
    if (this.#progress !== null) {
      throw new HeadlandError('HL_DOCTOR_RUNNING', 'the checks are running', {
        remedy: 'Wait for their report.',
      });
    }
    this.#progress = { check: null, done: 0, total: CHECK_NAMES.length };
    this.#run = this.#runAll()
      .catch((error: unknown) => this.parts.log.error({ err: error }, 'the checks have failed'))
      .finally(() => {
        this.#progress = null;
      });
  }

  /** Ends a run; its findings are lost. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#run;
  }

  async #runAll(): Promise<void> {
    const { config, version, environment, meta } = this.parts;
    const configFile = this.parts.configFile ?? (await this.#writeSettings());
    const results = await runChecks({
      request: { configFile, imagesDir: null },
      checks: CHECK_NAMES,
      environment,
      signal: this.#end.signal,
      onBegin: (check) => {
        const done = CHECK_NAMES.indexOf(check);
        this.#progress = { check, done, total: CHECK_NAMES.length };
      },
    });
    if (this.#end.signal.aborted) return;
    const report = doctorReport(results, { version, configFile, robot: config.robot.id });
    meta.set(LAST_REPORT_KEY, JSON.stringify(report));
  }

  async #writeSettings(): Promise<string> {
    const { config } = this.parts;
    const file = join(config.paths.stateDir, 'doctor-settings.yaml');
    // JSON is YAML.
    await writeFileDurably(file, JSON.stringify(config, null, 2), 0o600);
    return file;
  }
}
