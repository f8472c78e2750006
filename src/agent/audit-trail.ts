import { isHeadlandError } from '../base/errors.js';
import type { ShadowTrial } from '../gate/shadow.js';
import type { StoredHead } from '../registry/version-directory.js';
import type { AuditLog } from '../storage/audit-table.js';
import { patiently } from '../storage/store-patience.js';
import type { TrainingReport } from '../training/report.js';
import { CommandTally } from './reporting/command-tally.js';

/** Who requests an operation, for the audit, the label history and the training report. */
export interface Requester {
  source: 'mqtt' | 'console' | 'cli' | 'button';
  /** Name of the button. */
  button?: string;
  /** Transaction of the requesting message, if it has one. */
  transaction?: string | undefined;
  /** Id of the key that signed it. */
  key?: string;
}

/** The part of a log that tells of an entry which could not be written. */
export interface FailureLog {
  error(facts: object, text: string): void;
}

/**
 * Records starts, commands, trainings and changes of the serving head in the audit log. A failure to
 * write is logged and interrupts nothing; the entry waits in memory.
 */
export class AuditTrail {
  readonly #tally = new CommandTally((detail) => this.#append('command', detail));

  constructor(
    private readonly audit: AuditLog,
    private readonly log: FailureLog,
  ) {}

  started(boot: string, version: string): void {
    this.#append('started', { boot, version });
  }

  /**
   * Executes an operation, which waits for a lock of another process ({@link patiently}), and records who
   * requested it, and its success or error code. When this resolves, all of it is on the disk.
   * @throws HeadlandError HL_STORE_… also when what was stored may not be on the disk; else as `execute`
   */
  async around<T>(
    name: string,
    details: Record<string, unknown>,
    by: Requester,
    execute: () => Promise<T> | T,
  ): Promise<T> {
    const entry = { name, ...details, ...by };
    const before = this.audit.commits;
    let result: T;
    try {
      result = await patiently(execute);
    } catch (error) {
      const code = isHeadlandError(error) ? error.code : 'HL_INTERNAL';
      this.#append('command', { ...entry, ok: false, code });
      throw error;
    }
    const hasStored = this.audit.commits > before;
    this.#append('command', { ...entry, ok: true });
    await this.audit.settled().catch((error) => {
      // What needs no disk is done, whatever becomes of the entry.
      if (hasStored) throw error;
    });
    return result;
  }

  /**
   * A command that was refused before its execution.
   * @param suppressed refusals before it that were not recorded, because there were too many
   */
  refused(name: string, code: string, suppressed: number): void {
    const more = suppressed === 0 ? {} : { suppressed };
    this.#append('command', { name, source: 'mqtt', ok: false, code, ...more });
  }

  /**
   * Executes a command that programs may send often and that changes neither labels nor heads. Repeats
   * are counted, see {@link CommandTally}.
   * @throws as `execute`
   */
  async tallied<T>(name: string, by: Requester, execute: () => Promise<T>): Promise<T> {
    const { transaction, ...who } = by;
    try {
      const result = await execute();
      this.#tally.add({ name, ...who, ok: true }, transaction);
      return result;
    } catch (error) {
      const code = isHeadlandError(error) ? error.code : 'HL_INTERNAL';
      this.#tally.add({ name, ...who, ok: false, code }, transaction);
      throw error;
    }
  }

  /** See {@link AuditLog.settled}. @throws HeadlandError HL_STORE_… */
  settled(): Promise<void> {
    return this.audit.settled();
  }

  trained({ trainingId, task, trigger, outcome, reason, result }: TrainingReport): void {
    const version = result?.version ?? null;
    this.#append('training', { trainingId, task, trigger, outcome, reason, version });
  }

  serving(task: string, stored: StoredHead | null): void {
    this.#append('serving', { task, version: stored?.card.version ?? null });
  }

  /** A shadow trial has replaced the serving head. */
  tried(task: string, { outcome, version, previous }: ShadowTrial): void {
    this.#append(outcome, { task, version, previous });
  }

  /** Writes the entries that wait for the disk, and the counts that are due; at the end, all counts. */
  flush({ isEnd = false }: { isEnd?: boolean } = {}): void {
    this.#tally.flush({ isEnd });
    try {
      this.audit.flush();
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
    }
  }

  #append(kind: string, detail: Record<string, unknown>): void {
    try {
      this.audit.record(kind, detail);
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      this.log.error(
        { code: error.code, kind },
        `cannot write the audit log now: ${error.message}`,
      );
    }
  }
}
