import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

test('npm runs no install script of onnxruntime-node, which fetches CUDA parts from NuGet', () => {
  // npm before 11.19 knows no allowScripts; `npm ci` runs the scripts that the lockfile announces.
  const lock = JSON.parse(
    readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8'),
  );
  const entry = lock.packages['node_modules/onnxruntime-node'];
  assert.equal(typeof entry.version, 'string');
  assert.equal(entry.hasInstallScript, undefined);
});
