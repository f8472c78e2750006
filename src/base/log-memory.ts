import { factsOf } from './log-text.js';
import { parseRecord } from './values/parse-record.js';

export const LOG_LEVELS = ['info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A line of the log, for people. */
export interface LogRecord {
  /** Ascending from 1, without gaps; it begins anew with each process. */
  sequence: number;
  /** Unix time, milliseconds. */
  atMs: number;
  level: LogLevel;
  message: string;
  /** `HL_…` */
  code: string | null;
  remedy: string | null;
  /** The other facts, as `name=value` words. */
  facts: string;
}

export interface LogPage {
  /** Oldest first. */
  records: LogRecord[];
  /** The newest record that there is; 0: none. */
  newest: number;
}

/** Most of a message and of its facts, characters. */
const MAX_CHARACTERS = 2_000;

/**
 * The last lines of the log of a process, redacted as every output, from level `info` on. Bounded in number
 * and in size.
 */
export class LogMemory {
  readonly #records: LogRecord[] = [];
  #characters = 0;
  #newest = 0;

  constructor(private readonly limits = { maxRecords: 500, maxCharacters: 262_144 }) {}

  /** @param json a redacted line of the log */
  add(json: string): void {
    const entry = parseRecord(json);
    const level = entry && levelOf(entry.level);
    if (!entry || level === null) return;
    const { message, code, remedy, facts } = factsOf(entry);
    const time = Date.parse(String(entry.time));
    this.#newest += 1;
    const record: LogRecord = {
      sequence: this.#newest,
      atMs: Number.isNaN(time) ? Date.now() : time,
      level,
      message: message.slice(0, MAX_CHARACTERS),
      code,
      remedy,
      facts: facts.slice(0, MAX_CHARACTERS),
    };
    this.#records.push(record);
    this.#characters += sizeOf(record);
    const { maxRecords, maxCharacters } = this.limits;
    while (this.#records.length > maxRecords || this.#characters > maxCharacters) {
      this.#characters -= sizeOf(this.#records.shift()!);
    }
  }

  /**
   * The records after one, at most `limit` of the newest. A sequence that is not reached yet is of an
   * earlier process: then all records are new.
   */
  after(
    sequence: number,
    { limit = 500, level = 'info' }: { limit?: number; level?: LogLevel } = {},
  ): LogPage {
    const since = sequence > this.#newest ? 0 : sequence;
    const least = LOG_LEVELS.indexOf(level);
    const records = this.#records.filter(
      (record) => record.sequence > since && LOG_LEVELS.indexOf(record.level) >= least,
    );
    return { records: records.slice(-limit), newest: this.#newest };
  }
}

function sizeOf({ message, facts, remedy }: LogRecord): number {
  return message.length + facts.length + (remedy?.length ?? 0) + 100;
}

/** Null: below `info`. */
function levelOf(level: unknown): LogLevel | null {
  if (typeof level !== 'number' || level < 30) return null;
  return LOG_LEVELS[Math.min(LOG_LEVELS.length, Math.floor(level / 10) - 2) - 1] ?? null;
}
