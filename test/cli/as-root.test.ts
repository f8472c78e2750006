import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CLI } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';
import { createRobot, groupNames, teach } from '../training/fixture.js';

/** As systemd's DynamicUser gives them; no such user needs to exist. */
const SERVICE = 61_184;

function everything(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    join(folder, name),
  );
}

test('what root creates in the state folder belongs to the owner of the folder', {
  timeout: TEST_HANG_MS,
  skip: process.geteuid?.() === 0 ? false : 'needs root',
}, async (t: TestContext) => {
  const robot = await createRobot(t);
  const groups = groupNames({ training: 4, holdout: 0 });
  await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });
  const exported = join(robot.dir, 'exported');
  const state = join(robot.dir, 'state');
  mkdirSync(state, { mode: 0o700 });
  chownSync(state, SERVICE, SERVICE);
  const headland = (...words: string[]): string =>
    execFileSync(process.execPath, [CLI, ...words], { encoding: 'utf8' });
  const source = ['--state', robot.dir, '--cache', robot.cacheDir];
  headland('export-samples', exported, ...source);
  headland('import', exported, '--state', state);
  const { models, training } = robot.settings;
  const config = join(robot.dir, 'headland.yaml');
  const paths = { stateDir: state, cacheDir: robot.cacheDir };
  writeFileSync(config, JSON.stringify({ paths, models, training }));
  headland('train', '--config', config);
  const wrong = everything(state).filter((path) => {
    const { uid, gid } = lstatSync(path);
    return uid !== SERVICE || gid !== SERVICE;
  });
  for (const name of ['headland.db', 'current']) {
    assert.ok(
      everything(state).some((path) => path.endsWith(name)),
      name,
    );
  }
  assert.deepEqual(wrong, []);
});
