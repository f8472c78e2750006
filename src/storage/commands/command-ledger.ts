import { HeadlandError } from '../../base/errors.js';
import type { Database } from '../database.js';
import { migrate } from '../migrate.js';

/** Never edit a released step; append a new one. */
export const COMMAND_TABLES: readonly string[] = [
  `
  CREATE TABLE command_keys (
    id TEXT PRIMARY KEY,
    public_key TEXT NOT NULL,
    name TEXT NOT NULL,
    added_at_ms INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE command_counters (
    key TEXT PRIMARY KEY,
    counter INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE commands_begun (
    transaction_id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    boot TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE holds (
    holder TEXT PRIMARY KEY,
    reason TEXT,
    since_ms INTEGER NOT NULL,
    kernel_boot TEXT NOT NULL,
    expires_uptime_ms INTEGER NOT NULL
  ) STRICT;
  `,
];

/** A public key whose commands the robot takes, unless it is revoked. */
export interface StoredCommandKey {
  id: string;
  /** As people write it, see command-key.ts. */
  publicKey: string;
  name: string;
  /** Unix time, milliseconds. */
  addedAtMs: number;
  revoked: boolean;
}

/** What must be on the disk before a command is executed. */
export interface Beginning {
  /** Key and counter of a signed command; null: it is not signed. */
  signer: { key: string; counter: number } | null;
  /** Names the command or the message that it came in; null: nothing does. */
  transaction: string | null;
  /**
   * Of a message that its broker may send again: `first` is a new command, whatever is known of the same
   * bytes; `again` is one only if nothing is known of them. Null: the transaction decides.
   */
  delivered: 'first' | 'again' | null;
  /** Tells two commands of one transaction apart. */
  fingerprint: string;
  /** Start of the daemon. */
  boot: string;
  /** Unix time, milliseconds. */
  atMs: number;
  /** Commands that an earlier start began before this Unix time are forgotten; null: none is. */
  forgottenBeforeMs: number | null;
}

/** More than are in flight between a broker and a robot. */
const MAX_BEGUN = 1_000;

/** Trusted keys, the counter of each key, and the commands that were begun. */
export class CommandLedger {
  constructor(private readonly database: Database) {
    database.whenOpened(() => migrate(database, 'commands', COMMAND_TABLES));
  }

  /**
   * Records that a command is about to be executed; on the disk when it resolves.
   * @returns `replayed`: the counter of the key is as high or higher, `repeated`: an earlier start of
   *   the daemon began the transaction, or the message was begun before. Then the command must not be
   *   executed.
   * @throws HeadlandError HL_STORE_…: it must not be executed
   */
  async begin(command: Beginning): Promise<'begun' | 'replayed' | 'repeated'> {
    // A stand-in in memory forgets: after it, the same command would be executed again.
    const { standsInFor } = this.database;
    if (standsInFor !== null) throw standsInFor;
    const outcome = this.database.transaction(() => this.record(command))();
    await this.database.settled();
    return outcome;
  }

  /** The highest counter of a key so far; 0: none. */
  counter(key: string): number {
    return (
      this.database
        .prepare<{ counter: number }>('SELECT counter FROM command_counters WHERE key = ?')
        .get(key)?.counter ?? 0
    );
  }

  /** Also the revoked ones, sorted by name. */
  keys(): StoredCommandKey[] {
    return this.database
      .prepare<Omit<StoredCommandKey, 'revoked'> & { revoked: number }>(
        `SELECT id, public_key AS publicKey, name, added_at_ms AS addedAtMs, revoked
         FROM command_keys ORDER BY name, id`,
      )
      .all()
      .map((row) => ({ ...row, revoked: row.revoked !== 0 }));
  }

  /** Trusts a key, also one that was revoked; its counter stays. */
  trust({ id, publicKey, name, addedAtMs }: Omit<StoredCommandKey, 'revoked'>): void {
    this.database
      .prepare(
        `INSERT OR REPLACE INTO command_keys (id, public_key, name, added_at_ms, revoked)
         VALUES (?, ?, ?, ?, 0)`,
      )
      .run(id, publicKey, name, addedAtMs);
  }

  /** Stops trusting a key, also one that the settings name. */
  revoke({ id, publicKey, name, addedAtMs }: Omit<StoredCommandKey, 'revoked'>): void {
    this.database
      .prepare(
        `INSERT OR REPLACE INTO command_keys (id, public_key, name, added_at_ms, revoked)
         VALUES (?, ?, ?, ?, 1)`,
      )
      .run(id, publicKey, name, addedAtMs);
  }

  private record(command: Beginning): 'begun' | 'replayed' | 'repeated' {
    const { signer, transaction, delivered, fingerprint, boot, atMs, forgottenBeforeMs } = command;
    if (signer !== null) {
      const { changes } = this.database
        .prepare(
          `INSERT INTO command_counters (key, counter) VALUES (?, ?)
           ON CONFLICT (key) DO UPDATE SET counter = excluded.counter WHERE excluded.counter > counter`,
        )
        .run(signer.key, signer.counter);
      if (changes !== 1) return 'replayed';
    }
    if (transaction === null) return 'begun';
    const known = this.database
      .prepare<{ boot: string; atMs: number }>(
        'SELECT boot, at_ms AS atMs FROM commands_begun WHERE transaction_id = ?',
      )
      .get(transaction);
    this.database
      .prepare(
        `INSERT OR REPLACE INTO commands_begun (transaction_id, fingerprint, boot, at_ms)
         VALUES (?, ?, ?, ?)`,
      )
      .run(transaction, fingerprint, boot, atMs);
    this.database
      .prepare(
        `DELETE FROM commands_begun WHERE rowid NOT IN
           (SELECT rowid FROM commands_begun ORDER BY rowid DESC LIMIT ?)`,
      )
      .run(MAX_BEGUN);
    if (known === undefined || delivered === 'first') return 'begun';
    // This start remembers its own transactions for a time; afterwards they may be used again.
    if (known.boot === boot && delivered === null) return 'begun';
    const forgotten = forgottenBeforeMs !== null && known.atMs < forgottenBeforeMs;
    return forgotten ? 'begun' : 'repeated';
  }
}

/**
 * The answer to a command that was begun before.
 * @param transaction null: it has none, and the broker has sent the message again
 */
export function repeatedError(transaction: string | null): HeadlandError {
  const remedy =
    'Look into `headland audit --kind command` for its outcome, and use a new transaction for a new command.';
  if (transaction === null) {
    return new HeadlandError(
      'HL_COMMAND_REPEATED',
      'the broker has sent this command again, which was begun before; it is not executed twice',
      { remedy },
    );
  }
  return new HeadlandError(
    'HL_COMMAND_REPEATED',
    `the transaction ${JSON.stringify(transaction)} was begun before the robot started again, and is not executed twice`,
    { remedy, details: { transaction } },
  );
}
