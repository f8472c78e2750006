import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Database, findDamage, openDatabase } from '../../src/storage/database.js';
import { migrate } from '../../src/storage/migrate.js';
import { storeError } from '../../src/storage/store-error.js';
import type { SqlValue } from '../../src/storage/values.js';
import { diskCalls, withoutStrace } from '../base/disk-calls.js';
import { hasCode } from '../errors.js';
import { temporaryFolder } from '../temporary-folder.js';

const only = (rows: Record<string, SqlValue>[]): SqlValue => Object.values(rows[0]!)[0]!;

const TABLE = ['CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE, bytes BLOB) STRICT'];

function openThings(t: Parameters<typeof temporaryFolder>[0]): Database {
  const database = openDatabase(join(temporaryFolder(t), 'a', 'b', 'things.db'));
  t.after(() => database.close());
  migrate(database, 'things', TABLE);
  return database;
}

const names = (database: Database): string[] =>
  database
    .prepare<{ name: string }>('SELECT name FROM things ORDER BY id')
    .all()
    .map(({ name }) => name);

const add = (database: Database, name: string): void => {
  database.prepare('INSERT INTO things (name) VALUES (?)').run(name);
};

test('it is set up to survive a power cut and to be read by its owner alone', (t) => {
  const database = openThings(t);
  assert.equal(only(database.pragma('journal_mode')), 'wal');
  assert.equal(only(database.pragma('synchronous')), 2);
  assert.equal(only(database.pragma('foreign_keys')), 1);
  assert.equal(only(database.pragma('busy_timeout')), 5000);
  assert.equal(statSync(database.path).mode & 0o077, 0);
  assert.equal(statSync(join(database.path, '..')).mode & 0o077, 0);
});

test('a state folder that had to be made is on the disk before the database is used', {
  skip: withoutStrace,
}, (t) => {
  const folder = temporaryFolder(t);
  const module = new URL('../../src/storage/database.js', import.meta.url).href;
  const calls = diskCalls(
    folder,
    `import { openDatabase } from '${module}';
     openDatabase('${folder}/a/b/things.db').exec('CREATE TABLE things (id INTEGER)');`,
  );
  assert.equal(calls[0], 'sync .', 'the name of the first folder, before any write');
  const lastWrite = calls.findLastIndex((call) => call.startsWith('write a/b/things.db'));
  const lastSync = calls.findLastIndex((call) => call.startsWith('sync a/b/things.db'));
  assert.ok(lastSync > lastWrite && lastWrite > 0, calls.join('; '));
});

test('values come back as they went in', (t) => {
  const database = openThings(t);
  const insert = database.prepare('INSERT INTO things (id, name, bytes) VALUES (?, ?, ?)');
  const part = new Uint8Array([0, 1, 2, 255, 9]).subarray(1, 4);
  assert.deepEqual(insert.run(7, 'é🥕', part), { changes: 1, lastInsertRowid: 7 });
  insert.run(2 ** 52 + 1, null, new Uint8Array(0));
  const read = database.prepare('SELECT id, name, bytes FROM things ORDER BY id');
  const expected = [
    { id: 7, name: 'é🥕', bytes: new Uint8Array([1, 2, 255]) },
    { id: 2 ** 52 + 1, name: null, bytes: new Uint8Array(0) },
  ];
  assert.deepEqual(
    read.all().map((row) => ({ ...(row as object) })),
    expected,
  );
  const first = read.get() as { bytes: Uint8Array };
  assert.deepEqual([...first.bytes], [1, 2, 255]);
  assert.deepEqual(Object.keys(first), ['id', 'name', 'bytes']);
  assert.equal(database.prepare('SELECT id FROM things WHERE id = 1').get(), undefined);
  // A lone blob and a lone null: libsql itself ends the process or fails on these.
  assert.deepEqual(database.prepare('SELECT length(?) AS n').get(part), { n: 3 });
  assert.deepEqual(database.prepare('SELECT ? IS NULL AS n').get(null), { n: 1 });
});

test('what libsql would not survive is refused before it gets there', (t) => {
  const database = openThings(t);
  const echo = database.prepare('SELECT ? AS value');
  for (const bad of [
    true,
    undefined,
    Number.NaN,
    Infinity,
    {},
    [],
    'cut\0short',
    2n ** 63n,
    Symbol('x'),
    new ArrayBuffer(2),
  ]) {
    assert.throws(() => echo.get(bad as SqlValue), TypeError);
  }
});

test('a transaction is all or nothing, and an inner one undoes only itself', (t) => {
  const database = openThings(t);
  assert.throws(
    database.transaction(() => {
      add(database, 'lost');
      throw new Error('stop');
    }),
    /stop/,
  );
  assert.deepEqual(names(database), []);
  const result = database.transaction((first: string) => {
    add(database, first);
    assert.throws(
      database.transaction(() => {
        add(database, 'inner');
        add(database, first);
      }),
      /UNIQUE/,
    );
    database.transaction(() => add(database, 'kept'))();
    return 42;
  })('outer');
  assert.equal(result, 42);
  assert.deepEqual(names(database), ['outer', 'kept']);
  assert.equal(database.inTransaction, false);
});

test('migrations run once, in order, by room, and never backwards', (t) => {
  const database = openThings(t);
  add(database, 'old');
  const later = [
    ...TABLE,
    'ALTER TABLE things ADD COLUMN colour TEXT',
    "UPDATE things SET colour = 'red'",
  ];
  migrate(database, 'things', later.slice(0, 2));
  assert.throws(() => migrate(database, 'things', TABLE), hasCode('HL_STORE_NEWER'));
  migrate(database, 'things', later);
  migrate(database, 'things', later);
  migrate(database, 'other room', ['CREATE TABLE others (id INTEGER)']);
  assert.deepEqual(database.prepare('SELECT name, colour FROM things').get(), {
    name: 'old',
    colour: 'red',
  });
  assert.throws(() => migrate(database, 'things', TABLE), hasCode('HL_STORE_NEWER'));
});

test('a migration that fails leaves no trace', (t) => {
  const database = openThings(t);
  const broken = [...TABLE, 'CREATE TABLE half (id INTEGER)', 'THIS IS NOT SQL'];
  assert.throws(() => migrate(database, 'things', broken), /syntax error/);
  assert.equal(
    database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'half'").get(),
    undefined,
  );
  migrate(database, 'things', TABLE);
});

test('closing empties the log into the file; the file alone is the database', (t) => {
  const database = openThings(t);
  add(database, 'kept');
  database.close();
  database.close();
  const copy = join(temporaryFolder(t), 'copy.db');
  copyFileSync(database.path, copy);
  const reopened = openDatabase(copy);
  assert.deepEqual(names(reopened), ['kept']);
  reopened.close();
});

test('a file that is no database is refused and left as it is', (t) => {
  const path = join(temporaryFolder(t), 'text.db');
  writeFileSync(path, 'fields of wheat, as far as one can see. '.repeat(300));
  const before = readFileSync(path);
  assert.throws(() => openDatabase(path), hasCode('HL_STORE_CORRUPT'));
  assert.deepEqual(readFileSync(path), before);
});

test('a damaged database is refused or its damage is found, and the file is left as it is', (t) => {
  const folder = temporaryFolder(t);
  const sound = join(folder, 'sound.db');
  const database = openDatabase(sound);
  migrate(database, 'things', TABLE);
  database.transaction(() => {
    for (let i = 0; i < 500; i++) add(database, `a name that fills pages ${i}`);
  })();
  assert.deepEqual(findDamage(database), []);
  database.close();

  const noSchema = join(folder, 'no-schema.db');
  copyFileSync(sound, noSchema);
  const bytes = readFileSync(noSchema);
  bytes.fill(0xaa, 100, 4096);
  writeFileSync(noSchema, bytes);
  assert.throws(() => openDatabase(noSchema), hasCode('HL_STORE_CORRUPT'));
  assert.deepEqual(readFileSync(noSchema), bytes);

  const cut = join(folder, 'cut.db');
  copyFileSync(sound, cut);
  truncateSync(cut, statSync(cut).size - 8192);
  assert.throws(() => {
    const damaged = openDatabase(cut);
    t.after(() => damaged.close());
    assert.ok(findDamage(damaged).length > 0);
    damaged.prepare('SELECT name FROM things').all();
  }, hasCode('HL_STORE_CORRUPT'));
});

test('a writer that holds on is reported as busy', (t) => {
  const database = openThings(t);
  const other = openDatabase(database.path);
  t.after(() => other.close());
  database.pragma('busy_timeout = 20');
  other.transaction(() => {
    assert.throws(() => add(database, 'late'), hasCode('HL_STORE_BUSY'));
    assert.throws(
      database.transaction(() => add(database, 'late')),
      hasCode('HL_STORE_BUSY'),
    );
  })();
  add(database, 'in time');
  assert.deepEqual(names(other), ['in time']);
});

test('a read-only database says so', (t) => {
  const database = openThings(t);
  database.pragma('query_only = 1');
  assert.throws(() => add(database, 'x'), hasCode('HL_STORE_READ_ONLY'));
});

test('a path that cannot be a database says so', (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'is-a-folder'));
  writeFileSync(join(folder, 'file'), '');
  assert.throws(() => openDatabase(join(folder, 'is-a-folder')), hasCode('HL_STORE_UNAVAILABLE'));
  assert.throws(() => openDatabase(join(folder, 'file', 'a.db')), hasCode('HL_STORE_UNAVAILABLE'));
});

test('errors of the file system get the same codes; what is no storage error passes', () => {
  const fails = (code: string) => Object.assign(new Error(code), { code });
  const codeFor = (code: string) =>
    (storeError(fails(code), '/nowhere/x') as { code: string }).code;
  assert.equal(codeFor('ENOSPC'), 'HL_STORE_FULL');
  assert.equal(codeFor('EROFS'), 'HL_STORE_READ_ONLY');
  assert.equal(codeFor('EIO'), 'HL_STORE_IO');
  const defect = new TypeError('a defect');
  assert.equal(storeError(defect, '/x'), defect);
});

test('after a refused value the statement and the open transaction go on', (t) => {
  const database = openThings(t);
  database.transaction(() => {
    add(database, 'before');
    assert.throws(() => add(database, 'cut\0short'), /NUL/);
    assert.throws(() => add(database, true as unknown as string), /boolean/);
    add(database, 'after');
  })();
  assert.deepEqual(names(database), ['before', 'after']);
});
