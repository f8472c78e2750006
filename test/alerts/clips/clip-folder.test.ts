import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ClipFolder } from '../../../src/alerts/clips/clip-folder.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { temporaryFolder } from '../../temporary-folder.js';

const DATE = new Date(Date.UTC(2026, 4, 4, 6, 12, 3));

function sizes(path: string): number[] {
  return readdirSync(path)
    .sort()
    .map((name) => statSync(join(path, name)).size);
}

/** Of files that look like clips; the oldest may go meanwhile. */
function clipSizes(path: string): number[] {
  return readdirSync(path)
    .filter((name) => name.endsWith('.avi'))
    .flatMap((name) => statSync(join(path, name), { throwIfNoEntry: false })?.size ?? []);
}

const folderOf = (path: string, maxBytes: number, freeBytes: number | null = null) =>
  new ClipFolder(path, { maxBytes, minFreeBytes: 1_000 }, () => freeBytes);

describe('the folder of clips', { timeout: TEST_HANG_MS }, () => {
  test('numbers clips on, also after a restart and with a clock that was set back', (t) => {
    const path = join(temporaryFolder(t), 'clips');
    const folder = folderOf(path, 1_000);
    assert.equal(folder.nextName('weeds-main', DATE), null, 'before it is open');
    folder.open();
    assert.equal(folder.nextName('weeds-main', DATE), '000001-20260504T061203Z-weeds-main.avi');
    writeFileSync(join(path, '000041-20260504T061203Z-weeds-main.avi'), '');
    const again = folderOf(path, 1_000);
    again.open();
    assert.equal(again.nextName('w', new Date(0)), '000042-19700101T000000Z-w.avi');
  });

  test('stays within its size: the clips with the lowest numbers go first', async (t) => {
    const path = temporaryFolder(t);
    const folder = folderOf(path, 1_000);
    folder.open();
    const names: string[] = [];
    for (const [index, bytes] of [300, 300, 300, 500].entries()) {
      const name = folder.nextName('w', new Date(DATE.getTime() - 86_400_000 * index))!;
      names.push(name);
      await folder.save(name, [new Uint8Array(bytes)]);
      assert.ok(sizes(path).reduce((sum, size) => sum + size, 0) <= 1_000);
    }
    assert.deepEqual(readdirSync(path).sort(), names.slice(2));
    await assert.rejects(folder.save('000009-x.avi', [new Uint8Array(1_001)]), {
      code: 'HL_CLIP_UNWRITABLE',
    });
    assert.deepEqual(readdirSync(path).sort(), names.slice(2), 'and costs no other clip');
  });

  test('writes no clip while the disk has less free space than it must keep', async (t) => {
    const path = temporaryFolder(t);
    const low = folderOf(path, 10_000, 999);
    low.open();
    await assert.rejects(low.save(low.nextName('w', DATE)!, [new Uint8Array(9)]), {
      code: 'HL_CLIP_UNWRITABLE',
      message: /999 bytes are free; samples\.minFreeBytes is 1000/,
    });
    assert.deepEqual(readdirSync(path), []);
    const enough = folderOf(path, 10_000, 1_000);
    enough.open();
    await enough.save(enough.nextName('w', DATE)!, [new Uint8Array(9)]);
    assert.deepEqual(sizes(path), [9]);
  });

  test('that is opened again repeats no number and leaves the clip that is being written', async (t) => {
    const path = temporaryFolder(t);
    const folder = folderOf(path, 100_000_000);
    folder.open();
    const first = folder.nextName('w', DATE)!;
    const saving = folder.save(first, [new Uint8Array(1)]);
    writeFileSync(join(path, '.000001-cut.avi.0123456789ab.tmp'), 'being written');
    folder.open();
    assert.match(folder.nextName('w', DATE)!, /^000002-/);
    await saving;
    assert.ok(readdirSync(path).includes(first));
    assert.ok(readdirSync(path).includes('.000001-cut.avi.0123456789ab.tmp'));
  });

  test('leaves files of other programs alone', async (t) => {
    const path = temporaryFolder(t);
    writeFileSync(join(path, 'mine.avi'), new Uint8Array(5_000));
    const folder = folderOf(path, 1_000);
    folder.open();
    await folder.save(folder.nextName('w', DATE)!, [new Uint8Array(900)]);
    assert.deepEqual(sizes(path), [900, 5_000]);
  });

  test('says what stands in its way', (t) => {
    const path = join(temporaryFolder(t), 'clips');
    writeFileSync(path, 'a file');
    const folder = folderOf(path, 1_000);
    assert.throws(() => folder.open(), { code: 'HL_CLIP_UNWRITABLE' });
    assert.equal(folder.nextName('w', DATE), null);
  });

  test('holds whole clips only, whenever the daemon is killed', async (t) => {
    const path = join(temporaryFolder(t), 'clips');
    const program = new URL('./clip-writer.js', import.meta.url);
    for (let turn = 0; turn < 8; turn++) {
      const child = fork(program, [path]);
      await once(child, 'message');
      // Another one is being written now.
      for (let look = 0; look < 300; look++)
        assert.deepEqual([...new Set(clipSizes(path))], [16_000_000]);
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    writeFileSync(join(path, '.000001-cut.avi.0123456789ab.tmp'), 'cut off');
    folderOf(path, 100_000_000).open();
    const names = readdirSync(path);
    assert.ok(names.length > 0);
    assert.deepEqual(
      names.filter((name) => !/^\d{6}-.*\.avi$/.test(name)),
      [],
      'no partial file',
    );
    assert.deepEqual([...new Set(sizes(path))], [16_000_000]);
  });
});
