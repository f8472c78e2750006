import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../src/storage/database.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const MODULE = new URL('../../src/storage/database.js', import.meta.url).href;

/** Arguments of node that run a module. */
const running = (source: string): string[] => ['--input-type=module', '--eval', source];

test('a command that closes the file leaves the daemon its log, though a thread of it has opened the file too', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const path = join(temporaryFolder(t), 'things.db');
  const daemon = spawn(
    process.execPath,
    running(`
      import { openDatabase, openPresentDatabase } from '${MODULE}';
      const database = openDatabase('${path}');
      database.exec('CREATE TABLE things (name TEXT)');
      const beside = openPresentDatabase('${path}');
      console.log('open');
      process.stdin.once('data', () => {
        database.exec("INSERT INTO things VALUES ('acknowledged')");
        console.log('stored', beside.path);
      });
    `),
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  t.after(() => daemon.kill('SIGKILL'));
  await once(daemon.stdout, 'data');
  const command = `import { openDatabase } from '${MODULE}';\nopenDatabase('${path}').close();`;
  const { status } = spawnSync(process.execPath, running(command));
  assert.equal(status, 0);
  daemon.stdin.write('go\n');
  await once(daemon.stdout, 'data');
  daemon.kill('SIGKILL');
  await once(daemon, 'close');
  const database = openDatabase(path);
  t.after(() => database.close());
  const rows = database.prepare<{ name: string }>('SELECT name FROM things').all();
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['acknowledged'],
  );
});
