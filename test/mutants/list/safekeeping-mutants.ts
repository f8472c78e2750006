import type { Mutant } from '../mutant.js';

const LOG = 'src/storage/salvage/write-ahead-log.ts';
const REPAIR = 'src/agent/safekeeping/repair-store.ts';
const EXAMINE = 'src/storage/salvage/examine-store.ts';
const BACKUP = 'src/agent/safekeeping/make-backup.ts';
const TESTS = [{ file: 'test/agent/safekeeping/repair.test.ts' }];
const CLI_TESTS = [{ file: 'test/cli/backup.test.ts' }];

export const SAFEKEEPING_MUTANTS: readonly Mutant[] = [
  {
    promise: 'an empty database beside heads is no new one',
    file: EXAMINE,
    text: 'if (!isKnown && logBytes <= LOG_HEADER_BYTES) return null;',
    replacement: 'if (logBytes <= LOG_HEADER_BYTES) return null;',
    tests: TESTS,
  },
  {
    promise: 'a database older than the newest backup is not taken for the present one',
    file: EXAMINE,
    text: 'own.labelRevision < backup.labelRevision',
    replacement: 'own.labelRevision < 0',
    tests: TESTS,
  },
  {
    promise: 'what was restored is not undone by a newer backup',
    file: 'src/agent/safekeeping/restore-state.ts',
    text: 'set.run(STORE_ID, randomUUID());',
    replacement: 'set.run(STORE_ID, manifest.storeId || randomUUID());',
    tests: CLI_TESTS,
  },
  {
    promise: 'a log that is gone is noticed',
    file: LOG,
    text: 'acknowledged !== null && acknowledged.frames > acknowledged.moved;',
    replacement: 'acknowledged !== null && acknowledged.frames < 0;',
    tests: TESTS,
  },
  {
    promise: 'pages of a log after the damage count',
    file: LOG,
    text: 'const end = damaged ? (commits.at(-1) ?? -1) : (soundCommits.at(-1) ?? -1);',
    replacement: 'const end = soundCommits.at(-1) ?? -1;',
    tests: TESTS,
  },
  {
    promise: 'rows of pages without a branch are found',
    file: 'src/storage/salvage/rebuild.ts',
    text: 'if (damaged.length > 0) this.#copyLostLeaves(source, damaged);',
    replacement: 'if (damaged.length > 99) this.#copyLostLeaves(source, damaged);',
    tests: TESTS,
  },
  {
    promise: 'a sample whose row is destroyed keeps its label',
    file: 'src/samples/mending/mend-samples.ts',
    text: "if (file && isDamaged('samples')) putBackSamples(database, file);",
    replacement: "if (file && isDamaged('nothing')) putBackSamples(database, file);",
    tests: TESTS,
  },
  {
    promise: 'a label whose row is destroyed is read from the index',
    file: 'src/samples/mending/mend-samples.ts',
    text: "if (file && isDamaged('task_samples')) putBackLabels(database, file);",
    replacement: "if (file && isDamaged('nothing')) putBackLabels(database, file);",
    tests: TESTS,
  },
  {
    promise: 'a picture that is not as it was stored is not kept',
    file: 'src/samples/mending/mend-samples.ts',
    text: 'return sample === undefined || sample.sha256 === sha256Hex(bytes);',
    replacement:
      'return sample === undefined || sample.sha256 === sha256Hex(bytes) || bytes.length > 0;',
    tests: TESTS,
  },
  {
    promise: 'rows that are lost come from the backup',
    file: REPAIR,
    text: 'return backupFirst ? [old, own] : [own, old];',
    replacement: 'return backupFirst ? [old, own] : [own];',
    tests: TESTS,
  },
  {
    promise: 'of an older database the backup comes first',
    file: REPAIR,
    text: 'return backupFirst ? [old, own] : [own, old];',
    replacement: "return [own, { ...old, take: 'damaged' }];",
    tests: TESTS,
  },
  {
    promise: 'a damaged database is set aside with its log',
    file: 'src/storage/salvage/set-aside.ts',
    text: 'if (hasLog) renameSync(log, `${aside}-wal`);',
    replacement: 'if (hasLog) rmSync(log);',
    tests: TESTS,
  },
  {
    promise: 'an automatic backup is made only when something has changed',
    file: BACKUP,
    text: 'if (storeId !== manifest.storeId || labelRevision !== manifest.labelRevision) return false;',
    replacement: 'if (storeId !== null || labelRevision >= 0) return false;',
    tests: CLI_TESTS,
  },
  {
    promise: 'the oldest backups beyond the number go',
    file: BACKUP,
    text: 'i < keep && bytes <= maxBytes',
    replacement: 'i < 99 * keep && bytes <= maxBytes',
    tests: CLI_TESTS,
  },
  {
    promise: 'a backup with a wrong byte is refused',
    file: 'src/storage/backup/backup-manifest.ts',
    text: 'if (found.sha256 === sha256) return [];',
    replacement: 'if (found.sha256 === sha256 || found.rows === rows) return [];',
    tests: CLI_TESTS,
  },
  {
    promise: 'a new database gives space back',
    file: 'src/storage/sqlite-connection.ts',
    text: 'if (create && sizeOf(path) === 0) native.exec(GIVES_SPACE_BACK);',
    replacement: '',
    tests: [{ file: 'test/storage/space/free-pages.test.ts', names: 'in small steps' }],
  },
  {
    promise: 'a small database of an older headland gives space back from the next start on',
    file: 'src/agent/safekeeping/examine-state.ts',
    text: '    database.rewrite();\n',
    replacement: '',
    tests: [{ file: 'test/storage/space/free-pages.test.ts', names: 'rewritten once' }],
  },
  {
    promise: 'no start waits for the rewriting of a large database',
    file: 'src/agent/safekeeping/examine-state.ts',
    text: 'canShrink || all > REWRITTEN_MAX_PAGES',
    replacement: 'canShrink',
    tests: [{ file: 'test/storage/space/free-pages.test.ts', names: 'when it is large' }],
  },
  {
    promise: 'a slow disk gives space back in smaller steps',
    file: 'src/storage/space/free-pages.ts',
    text: 'STEP_MS / tookMs',
    replacement: '2',
    tests: [{ file: 'test/storage/space/free-pages.test.ts', names: 'where the disk is slow' }],
  },
  {
    promise: 'a repair takes no pointer map for a page of a tree',
    file: 'src/storage/salvage/trees.ts',
    text: 'if (this.pages.isPointerMap(number)) return null;',
    replacement: '',
    tests: [{ file: 'test/agent/safekeeping/repair.test.ts', names: 'belong to no tree' }],
  },
  {
    promise: 'pointer maps are known without the first page',
    file: 'src/storage/salvage/database-pages.ts',
    text: ': this.#looksLikeMap(2);',
    replacement: ': false;',
    tests: [{ file: 'test/agent/safekeeping/repair.test.ts', names: 'hide no pointer map' }],
  },
];
