import type { Mutant } from '../mutant.js';

const CONNECTION = 'src/storage/sqlite-connection.ts';
const DATABASE = 'src/storage/database.ts';
const DATABASE_TESTS = [{ file: 'test/storage/database.test.ts' }];
const AUDIT_TESTS = [{ file: 'test/storage/audit.test.ts' }];
const OUTBOX = 'src/telemetry/outbox/outbox.ts';

export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a thread beside the daemon never creates a database',
    file: 'src/storage/database.ts',
    text: 'return openOrStandIn(path, () => {}, false);',
    replacement: 'return openOrStandIn(path, () => {}, true);',
    tests: [{ file: 'test/storage/stand-in.test.ts', names: 'never creates it' }],
  },
  {
    promise: 'another process never deletes the log under the daemon',
    file: CONNECTION,
    text: '  accessSync(path, constants.R_OK | constants.W_OK);\n',
    replacement: "  closeSync(openSync(path, 'r+'));\n",
    tests: [{ file: 'test/storage/last-connection.test.ts' }],
  },
  {
    promise: 'what is committed survives a power cut',
    file: CONNECTION,
    text: 'PRAGMA synchronous = FULL;',
    replacement: 'PRAGMA synchronous = NORMAL;',
    tests: DATABASE_TESTS,
  },
  {
    promise: 'a new state folder outlives a power cut',
    file: 'src/base/files/make-folder.ts',
    text: '    syncParentSync(dirname(folder));\n',
    replacement: '',
    tests: DATABASE_TESTS,
  },
  {
    promise: 'the database can be read by its owner alone',
    file: 'src/base/files/inherit-owner.ts',
    text: "openSync(path, 'wx', 0o600)",
    replacement: "openSync(path, 'wx', 0o644)",
    tests: DATABASE_TESTS,
  },
  {
    promise: 'the state folder can be entered by its owner alone',
    file: CONNECTION,
    text: 'makeFolderSync(dirname(path), 0o700)',
    replacement: 'makeFolderSync(dirname(path), 0o755)',
    tests: DATABASE_TESTS,
  },
  {
    promise: 'a transaction that fails is undone',
    file: DATABASE,
    text: 'if (this.native.inTransaction) {',
    replacement: 'if (!this.native.inTransaction) {',
    tests: DATABASE_TESTS,
  },
  {
    promise: 'an inner transaction that fails undoes itself alone',
    file: DATABASE,
    text: "outermost ? 'ROLLBACK' : `ROLLBACK TO ${name}; RELEASE ${name}`",
    replacement: "outermost ? 'ROLLBACK' : `RELEASE ${name}`",
    tests: DATABASE_TESTS,
  },
  {
    promise: 'a database of a later headland is refused',
    file: 'src/storage/migrate.ts',
    text: 'version > steps.length',
    replacement: 'version > 2 * steps.length',
    tests: DATABASE_TESTS,
  },
  {
    promise: 'a migration takes every step that is missing, and no other',
    file: 'src/storage/migrate.ts',
    text: 'steps.slice(version)',
    replacement: 'steps.slice(version + 1)',
    tests: DATABASE_TESTS,
  },
  {
    promise: 'a migration that fails leaves no trace',
    file: 'src/storage/migrate.ts',
    text: 'for (const step of steps.slice(version)) database.exec(step);',
    replacement:
      'for (const step of steps.slice(version)) database.exec(`${step}; COMMIT; BEGIN IMMEDIATE`);',
    tests: DATABASE_TESTS,
  },
  {
    promise: 'the audit log cannot be rewritten',
    file: 'src/storage/audit-table.ts',
    text: 'BEFORE UPDATE ON audit',
    replacement: 'BEFORE UPDATE OF sequence ON audit',
    tests: AUDIT_TESTS,
  },
  {
    promise: 'nothing is removed from the middle of the audit log',
    file: 'src/storage/audit-table.ts',
    text: 'OLD.sequence <> (SELECT min(sequence)',
    replacement: 'OLD.sequence < (SELECT min(sequence)',
    tests: AUDIT_TESTS,
  },
  {
    promise: 'the audit log keeps to its bound',
    file: 'src/storage/audit-table.ts',
    text: 'at <= upTo',
    replacement: 'at < upTo',
    tests: AUDIT_TESTS,
  },
  {
    promise: 'the reports keep to their bound, and the newest is never lost',
    file: 'src/storage/report-log.ts',
    text: 'place > 1 AND (place > ? OR length > ?)',
    replacement: 'place > ? OR length > ?',
    tests: [{ file: 'test/storage/report-log.test.ts' }],
  },
  {
    promise: 'an event is durable when it is called stored',
    file: OUTBOX,
    text: `this.flush();
    return this.#waiting.has(id) ? 'waiting' : 'stored';`,
    replacement: `this.#schedule();
    return 'stored';`,
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'keeps everything across a restart' }],
  },
  {
    promise: 'an acknowledged message is not sent again after a restart',
    file: OUTBOX,
    text: 'this.#table.delete(id);\n          removedBytes += bytes;',
    replacement: 'removedBytes += bytes;',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'keeps everything across a restart' }],
  },
  {
    promise: 'a message stays until it is acknowledged',
    file: OUTBOX,
    text: 'this.#inFlight.set(message.id, sizeOf(message));',
    replacement:
      'this.#inFlight.set(message.id, sizeOf(message));\n      this.#table.delete(message.id);',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'same again after a lost connection' }],
  },
  {
    promise: 'no more is in flight than was agreed',
    file: OUTBOX,
    text: 'this.#options.maxInFlight - this.#inFlightCount()',
    replacement: 'this.#options.maxInFlight',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'never hands out more' }],
  },
  {
    promise: 'what was in flight is offered again after a lost connection, in its old order',
    file: OUTBOX,
    text: 'this.#waiting.release();\n    this.#cursor = 0;',
    replacement: 'this.#waiting.release();',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'same again after a lost connection' }],
  },
  {
    promise: 'when the outbox is full metrics go before all others',
    file: OUTBOX,
    text: "[{ class: 'metrics' }, { not: 'metrics' }] as const",
    replacement: "[{ not: 'metrics' }, { class: 'metrics' }] as const",
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'metrics go first' }],
  },
  {
    promise: 'every message that is lost is counted',
    file: OUTBOX,
    text: 'this.#dropped[victim.class]++;',
    replacement: '',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'all are counted' }],
  },
  {
    promise: 'a message that has expired is not sent',
    file: OUTBOX,
    text: 'message.expiresAtMs <= this.#clock.nowMs()',
    replacement: 'message.expiresAtMs <= 0',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'has expired' }],
  },
  {
    promise: 'a clock that is set makes no message old',
    file: 'src/telemetry/outbox/age-clock.ts',
    text: 'if (dated === null || dated.kernelBoot === this.#kernelBoot) return null;',
    replacement: 'if (dated === null) return null;',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'wall clock that is set' }],
  },
  {
    promise: 'the uptime of the kernel ages messages while no process runs',
    file: 'src/telemetry/outbox/age-clock.ts',
    text: 'sameBoot ? Math.max(0, uptimeMs - mark.uptimeMs) : 0',
    replacement: '0',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'restart goes on with the ages' }],
  },
  {
    promise: 'time without power does not age what was queued after it',
    file: OUTBOX,
    text: 'if (without !== null) this.#table.moveTimes(without.sinceMs, without.byMs);',
    replacement: '',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'time without power' }],
  },
  {
    promise: 'what the broker refuses holds nothing up, and is offered again later',
    file: OUTBOX,
    text: 'if (untilMs > this.#clocks.monotonic()) continue;',
    replacement: 'if (untilMs > this.#clocks.monotonic()) break;',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'broker refuses waits' }],
  },
  {
    promise: 'while the disk is full messages are sent from memory',
    file: OUTBOX,
    text: 'const message = this.#waiting.take(this.#clocks.monotonic());',
    replacement: 'const message = this.#closed ? this.#waiting.take(0) : null;',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'disk refuses' }],
  },
  {
    promise: 'metrics that are acknowledged at once are not written to the disk',
    file: OUTBOX,
    text: "this.#schedule();\n      this.#onReady();\n      return 'waiting';",
    replacement: "this.flush();\n      return 'waiting';",
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'never touch the disk' }],
  },
  {
    promise: 'damaged heads, of any number, are in no backup',
    file: 'src/agent/safekeeping/make-backup.ts',
    text: '/\\.corrupt(?:-\\d+)?$/',
    replacement: '/\\.corrupt$/',
    tests: [{ file: 'test/cli/backup.test.ts', names: 'under another state folder' }],
  },
];
