import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { COMMANDS } from '../../src/cli/commands.js';
import { MODELS_COMMANDS } from '../../src/cli/models/models-command.js';
import { CLI } from '../agent/daemon.js';
import { temporaryFolder } from '../temporary-folder.js';

/** Names of the scripts that a run of the program loads, as V8 reports them. */
function loaded(folder: string, ...words: string[]): string[] {
  const env = { ...process.env, NODE_V8_COVERAGE: folder };
  const { status } = spawnSync(process.execPath, [CLI, ...words], { env });
  assert.equal(status, 0);
  return readdirSync(folder).flatMap((file) => {
    const report: { result: { url: string }[] } = JSON.parse(
      readFileSync(join(folder, file), 'utf8'),
    );
    return report.result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
  });
}

test('the help and the version load nothing but the list of commands', (t) => {
  for (const option of ['--help', '--version']) {
    const scripts = loaded(temporaryFolder(t), option);
    const packages = scripts.flatMap((url) => /node_modules\/([^/]+)/.exec(url)?.[1] ?? []);
    assert.deepEqual([...new Set(packages)], ['commander'], option);
    assert.ok(scripts.some((url) => url.endsWith('/cli/commands.js')));
    assert.deepEqual(
      scripts.filter((url) => /-command\.js$/.test(url)),
      [],
    );
  }
});

test('a command loads no other command', (t) => {
  const scripts = loaded(temporaryFolder(t), 'audit', '--help');
  assert.deepEqual(
    scripts.filter((url) => /-command\.js$/.test(url)).map((url) => url.split('/').at(-1)),
    ['audit-command.js'],
  );
});

test('the list shows each command as it is', async () => {
  for (const { name, usage, load } of [...COMMANDS, ...MODELS_COMMANDS]) {
    const command = await load([]);
    assert.equal(command.name(), name);
    const isGroup = command.commands.length > 0;
    assert.equal(command.usage(), isGroup ? '[options] [command]' : usage, name);
    assert.equal(isGroup, usage === '', name);
  }
});
