import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { examineStore } from '../../../src/storage/salvage/examine-store.js';
import { temporaryFolder } from '../../temporary-folder.js';

const NOTHING = { headRevision: null, backup: null };

test('a file whose making was cut off is left to SQLite, which takes it back', (t) => {
  const path = join(temporaryFolder(t), 'headland.db');
  writeFileSync(path, Buffer.alloc(4_096, 'half of the first page'));
  assert.equal(examineStore(path, NOTHING)?.code, 'HL_STORE_CORRUPT');
  writeFileSync(`${path}-journal`, Buffer.alloc(512, 1));
  assert.equal(examineStore(path, NOTHING), null);
});
