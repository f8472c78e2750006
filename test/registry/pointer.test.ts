import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskCalls, withoutStrace } from '../base/disk-calls.js';
import { temporaryFolder } from '../temporary-folder.js';

/** What a switch of the pointer does to the folder of heads. */
function callsOfSwitch(dir: string, version: number | null): string[] {
  const module = new URL('../../src/registry/pointer.js', import.meta.url).href;
  return diskCalls(
    dir,
    `import { ServingPointer } from '${module}';
     await new ServingPointer('${dir}', null).set(${version}, 'promoted');`,
  );
}

test('a switch of heads is on the disk before it returns, and its record after it', {
  skip: withoutStrace,
}, (t) => {
  const dir = temporaryFolder(t);
  assert.deepEqual(callsOfSwitch(dir, 1), [
    'write .current.tmp',
    'sync .current.tmp',
    'rename .current.tmp current',
    'sync .',
    'write history.jsonl',
    'sync history.jsonl',
    // The name of the new file.
    'sync .',
  ]);
  assert.deepEqual(callsOfSwitch(dir, null), [
    'sync .',
    'write history.jsonl',
    'sync history.jsonl',
  ]);
});
