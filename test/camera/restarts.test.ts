import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../temporary-folder.js';
import type { Held } from './restart-child.js';
import { makeJpeg } from './support.js';

/** What six hundred restarts may add, MiB: the allocator's own swing. */
const SWING_MEBIBYTES = 8;

it('hundreds of restarts leave no process, no file descriptor and no memory behind', async (t) => {
  const folder = temporaryFolder(t);
  const picture = join(folder, 'picture.jpg');
  writeFileSync(picture, await makeJpeg(1));
  mkdirSync(join(folder, 'bin'));
  // A real process that gives one picture and fails, the cheapest there is.
  const tool = join(folder, 'bin', 'rpicam-vid');
  writeFileSync(tool, `#!/bin/sh\nexec /bin/cat '${picture}'\n`);
  chmodSync(tool, 0o755);
  const child = fork(
    fileURLToPath(new URL('./restart-child.js', import.meta.url)),
    ['150', '600'],
    {
      // A young generation of a fixed size: growing it, once, would look like a leak.
      execArgv: ['--expose-gc', '--max-semi-space-size=1'],
      env: { ...process.env, PATH: join(folder, 'bin') },
    },
  );
  t.after(() => child.kill('SIGKILL'));
  const [[before, after]] = (await once(child, 'message')) as [[Held, Held]];
  assert.ok(after.restarts >= 600 && after.frames >= 600, JSON.stringify(after));
  assert.equal(after.fileDescriptors, before.fileDescriptors);
  assert.deepEqual([before.children, after.children], [0, 0]);
  const grownBy = after.rssMebibytes - before.rssMebibytes;
  assert.ok(grownBy < SWING_MEBIBYTES, `${grownBy.toFixed(1)} MiB more`);
  t.diagnostic(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
});
