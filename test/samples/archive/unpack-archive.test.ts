import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHeadlandError } from '../../../src/base/errors.js';
import { unpackArchive } from '../../../src/samples/archive/unpack-archive.js';
import { temporaryFolder } from '../../temporary-folder.js';

const BOUNDS = { maxFileBytes: 65_536, maxBytes: 262_144, maxFiles: 64 };
const ARCHIVES = 'chaos/fuzz/corpus/zip-import';

test('an entry that fails while its file cannot be written ends nothing', async (t) => {
  const folder = temporaryFolder(t);
  for (const name of readdirSync(ARCHIVES)) {
    const dir = join(folder, name);
    await mkdir(dir);
    const outcome = await unpackArchive(join(ARCHIVES, name), dir, BOUNDS).catch((error) => error);
    assert.ok(Array.isArray(outcome) || isHeadlandError(outcome), name);
  }
  // An error that nobody listens to is raised later, and fails the test.
  await sleep(100);
});
