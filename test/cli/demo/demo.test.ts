import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { demoConfig, demoStateDir } from '../../../src/cli/demo/demo-settings.js';
import { openDatabase } from '../../../src/storage/database.js';
import { HANG_MS, TEST_HANG_MS } from '../../liveness.js';
import { temporaryFolder } from '../../temporary-folder.js';

const CHILD = fileURLToPath(new URL('./demo-child.js', import.meta.url));

describe('the demonstration', { timeout: TEST_HANG_MS }, () => {
  test('labels both tasks of the simulated field and ends when each has been trained', async (t) => {
    const folder = temporaryFolder(t);
    const stateDir = join(folder, 'state');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [CHILD, stateDir, join(folder, 'cache')],
      { timeout: HANG_MS, env: { ...process.env, COLUMNS: '80' } },
    );
    const { tasks, ...first } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!);
    assert.deepEqual(
      tasks.map(({ task }: { task: string }) => task),
      ['weeds', 'way'],
    );
    assert.deepEqual({ task: 'weeds', ...first }, tasks[0]);
    for (const { samples, classes } of tasks) assert.ok(samples >= 20 && classes >= 2, stdout);

    const database = openDatabase(join(stateDir, 'headland.db'));
    const labels = database
      .prepare<{ task: string; source: string; labels: string }>(
        `SELECT t.task, s.source, group_concat(DISTINCT t.label) AS labels
         FROM task_samples t JOIN samples s ON s.id = t.sample_id
         WHERE t.label IS NOT NULL GROUP BY t.task, s.source`,
      )
      .all();
    database.close();
    assert.deepEqual(
      labels.map((row) => [row.task, row.source, row.labels.split(',').sort()]),
      [
        ['way', 'main/track', ['blocked', 'free']],
        ['weeds', 'main/row', ['crop', 'soil', 'weed']],
      ],
    );
  });

  test('asks one question of photos, and keeps a folder of labels for each source', async (t) => {
    const photos = temporaryFolder(t);
    const photoFolders = { taught: photos, untaught: photos };
    const settings = { stateDir: photos, startFrame: 0, photoFolders };
    assert.deepEqual((await demoConfig({ photos }, settings)).tasks, []);
    assert.match(demoStateDir({ simulated: true }), /\.headland\/field$/);
    assert.match(demoStateDir({ photos }), /\.headland\/photos-/);
  });
});
