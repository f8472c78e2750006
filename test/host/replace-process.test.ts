import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { processReplacer } from '../../src/host/restart/replace-process.js';
import { HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const MODULE = new URL('../../src/host/restart/replace-process.js', import.meta.url).href;

describe('a process that runs its program anew', () => {
  test('stays the same process, with its arguments, its environment and its output', (t) => {
    const script = join(temporaryFolder(t), 'again.mjs');
    writeFileSync(
      script,
      `import { processReplacer } from '${MODULE}';
       const { AGAIN, KEPT } = process.env;
       console.log([process.pid, process.argv[2], process.execArgv[0], KEPT, AGAIN].join(' '));
       if (AGAIN === undefined) processReplacer()({ ...process.env, AGAIN: 'again' });
       process.exitCode = 7;`,
    );
    const { stdout, status } = spawnSync(process.execPath, ['--no-warnings', script, 'über uns'], {
      encoding: 'utf8',
      timeout: HANG_MS,
      env: { ...process.env, KEPT: 'a=b c' },
    });
    const [first, second] = stdout.trim().split('\n');
    assert.equal(second, `${first?.trimEnd()} again`);
    assert.match(first ?? '', /^\d+ über uns --no-warnings a=b c/);
    assert.equal(status, 7);
  });

  test('is not possible without the package that calls libc', () => {
    const missing = (): never => {
      throw new Error('no such package');
    };
    assert.equal(processReplacer(missing), null);
  });
});
