import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { writeFileDurably } from '../../src/base/files/durable-files.js';
import { makeFolder } from '../../src/base/files/make-folder.js';
import { appendHistory } from '../../src/registry/history.js';
import { QUARANTINE_FILE, Quarantine } from '../../src/samples/folder/quarantine.js';
import { openDatabase } from '../../src/storage/database.js';
import { temporaryFolder } from '../temporary-folder.js';

const SERVICE = 65_534;
const withoutRoot = process.getuid?.() !== 0 && 'needs root';

/** A folder of the service, and a file of root beside it. */
function twoOwners(t: TestContext) {
  const root = temporaryFolder(t);
  const folder = join(root, 'state');
  mkdirSync(folder);
  chownSync(folder, SERVICE, SERVICE);
  const foreign = join(root, 'foreign');
  writeFileSync(foreign, 'of root');
  return { folder, foreign };
}

const ownerOf = (path: string): number => statSync(path).uid;
const RECORD = {
  at: '2026-01-01T00:00:00Z',
  event: 'promoted',
  version: 1,
  previous: null,
} as const;
const OBSTACLE = { origin: 'a.jpg', code: 'HL_X', message: 'm', reason: 'r', remedy: 'r' };

describe('what root creates in a folder of the service', { skip: withoutRoot }, () => {
  test('belongs to the service', async (t) => {
    const { folder } = twoOwners(t);
    const created = ['head', 'history', 'inner/deep', 'headland.db', 'quarantine'].map((name) =>
      join(folder, name),
    );
    const [head, history, deep, database, quarantine] = created as [
      string,
      string,
      string,
      string,
      string,
    ];
    await writeFileDurably(head, 'bytes');
    await appendHistory(history, RECORD);
    await makeFolder(deep);
    openDatabase(database).close();
    await new Quarantine(quarantine).add(OBSTACLE, Buffer.from('picture'));
    for (const path of [...created, join(folder, 'inner'), join(quarantine, QUARANTINE_FILE)]) {
      assert.equal(ownerOf(path), SERVICE, path);
    }
  });

  test('is not written through a link, nor what it points to given away', async (t) => {
    const { folder, foreign } = twoOwners(t);
    const history = join(folder, 'history');
    symlinkSync(foreign, history);
    await assert.rejects(appendHistory(history, RECORD), { code: 'ELOOP' });
    const quarantine = join(folder, 'quarantine');
    mkdirSync(quarantine);
    symlinkSync(foreign, join(quarantine, QUARANTINE_FILE));
    const refused = new Quarantine(quarantine);
    await refused.add(OBSTACLE, null);
    assert.notEqual(refused.failure, null);
    assert.equal(readFileSync(foreign, 'utf8'), 'of root');
    assert.equal(ownerOf(foreign), 0);
  });

  test('leaves the owner of a database that is there', (t) => {
    const { folder } = twoOwners(t);
    const path = join(folder, 'headland.db');
    openDatabase(path).close();
    chownSync(path, 0, 0);
    openDatabase(path).close();
    assert.equal(ownerOf(path), 0);
  });
});
