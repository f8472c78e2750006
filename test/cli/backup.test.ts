import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openState } from '../../src/agent/open-state.js';
import { acquireInstanceLock } from '../../src/host/instance-lock.js';
import { headland } from '../agent/daemon.js';
import { KeptRobot } from '../agent/safekeeping/kept-robot.js';
import { robotConfig } from '../agent/support.js';
import { temporaryFolder } from '../temporary-folder.js';

function taught(t: TestContext, samples: number): { robot: KeptRobot; dir: string } {
  const dir = temporaryFolder(t);
  const robot = new KeptRobot(join(dir, 'state'));
  robot.teach(samples);
  robot.addHead(robot.labels);
  writeFileSync(join(robot.dir, 'settings-changes.json'), '{"a":1}');
  return { robot, dir };
}

function json(...words: string[]): { status: number | null; said: Record<string, unknown> } {
  const { status, stdout } = headland(...words, '--json');
  return { status, said: JSON.parse(stdout) as Record<string, unknown> };
}

function labelsIn(stateDir: string): (string | null)[] {
  const state = openState(robotConfig(stateDir));
  try {
    return state
      .task()
      .samples.list()
      .map(({ label }) => label);
  } finally {
    state.close();
  }
}

describe('a backup into a file', () => {
  test('restores everything under another state folder, and twice', (t) => {
    const { robot, dir } = taught(t, 20);
    const file = join(dir, 'all.backup');
    const damaged = ['8.corrupt', '8.corrupt-2'];
    for (const name of damaged) {
      mkdirSync(join(robot.dir, 'heads/main', name), { recursive: true });
      writeFileSync(join(robot.dir, 'heads/main', name, 'weights'), 'garbage');
    }
    const made = json('backup', file, '--state', robot.dir);
    assert.deepEqual(
      [made.status, made.said.labels, made.said.samples, made.said.pictures],
      [0, 16, 20, true],
    );
    assert.equal(statSync(file).mode & 0o077, 0);
    assert.equal(json('backup', file, '--state', robot.dir).status, 1, 'it replaces no file');
    const other = join(dir, 'other', 'state');
    const restored = json('restore', file, '--state', other);
    assert.deepEqual([restored.status, restored.said.labels, restored.said.before], [0, 16, null]);
    const state = openState(robotConfig(other));
    const { samples } = state.task();
    for (const { id, label, jpeg } of robot.samples) {
      assert.equal(samples.get(id)?.label, label);
      assert.ok(jpeg.equals(samples.picture(id)!));
    }
    state.close();
    assert.equal(readFileSync(join(other, 'settings-changes.json'), 'utf8'), '{"a":1}');
    for (const name of damaged) assert.ok(!existsSync(join(other, 'heads/main', name)), name);
    assert.deepEqual(
      readFileSync(join(other, 'heads/main/1/card.json')),
      readFileSync(join(robot.dir, 'heads/main/1/card.json')),
    );
    const again = json('restore', file, '--state', other);
    assert.equal(again.said.before, join(other, 'before-restore-1'));
    assert.ok(existsSync(join(other, 'before-restore-1', 'headland.db')));
    assert.equal(labelsIn(other).length, 20);
  });

  test('with a wrong byte is refused, and nothing changes', (t) => {
    const { robot, dir } = taught(t, 10);
    const file = join(dir, 'all.backup');
    assert.equal(json('backup', file, '--state', robot.dir).status, 0);
    assert.equal(json('verify', file).status, 0);
    const bytes = readFileSync(file);
    const at = bytes.indexOf(robot.samples[3]!.jpeg);
    bytes[at + 5]! ^= 1;
    writeFileSync(file, bytes);
    for (const command of ['verify', 'restore']) {
      const { status, said } = json(command, file, '--state', robot.dir);
      assert.equal(status, 1);
      assert.equal((said.error as { code: string }).code, 'HL_BACKUP_INVALID');
    }
    assert.equal(labelsIn(robot.dir).length, 10);
    assert.equal(existsSync(join(robot.dir, 'before-restore-1')), false);
  });

  test('is not restored while a daemon runs', async (t) => {
    const { robot, dir } = taught(t, 5);
    const file = join(dir, 'all.backup');
    json('backup', file, '--state', robot.dir);
    const lock = await acquireInstanceLock(robot.dir, 'run');
    t.after(() => lock.release());
    const { said } = json('restore', file, '--state', robot.dir);
    assert.equal((said.error as { code: string }).code, 'HL_ALREADY_RUNNING');
    assert.equal(existsSync(join(robot.dir, 'before-restore-1')), false);
  });

  test('belongs to the owner of the folder when root restores it', {
    skip: process.geteuid?.() !== 0,
  }, (t) => {
    const { robot, dir } = taught(t, 5);
    const file = join(dir, 'all.backup');
    json('backup', file, '--state', robot.dir);
    const home = join(dir, 'home');
    mkdirSync(home);
    chownSync(home, 12_345, 12_345);
    const { status } = json('restore', file, '--state', join(home, 'state'));
    assert.equal(status, 0);
    for (const name of ['headland.db', 'heads', 'heads/main/1/card.json']) {
      assert.equal(statSync(join(home, 'state', name)).uid, 12_345, name);
    }
  });
});

describe('an automatic backup', () => {
  test('has everything but pictures, and is made only when something has changed', (t) => {
    const { robot, dir } = taught(t, 20);
    const [first, second] = [1, 2].map(() => json('backup', '--state', robot.dir).said.file);
    assert.match(String(first), /backups\/000001-\d{8}T\d{6}Z\.backup$/);
    assert.equal(second, null);
    const { said } = json('restore', String(first), '--state', join(dir, 'other'));
    assert.deepEqual([said.labels, said.samples, said.pictures], [16, 16, false]);
    const state = openState(robotConfig(join(dir, 'other')));
    t.after(() => state.close());
    const { samples } = state.task();
    assert.equal(samples.counts().thinned, 16);
    const [sample] = samples.list();
    const features = samples.features([sample!.id], 'b'.repeat(64), '', 0);
    assert.equal(features.get(sample!.id)?.[0]?.length, 24, 'so that trainings lose nothing');
  });

  test('beyond the number that is kept goes, the oldest first', (t) => {
    const { robot, dir } = taught(t, 5);
    const config = join(dir, 'headland.yaml');
    writeFileSync(config, `paths: {stateDir: ${robot.dir}}\nbackup: {keep: 2}\n`);
    for (let i = 0; i < 3; i++) {
      robot.teach(5);
      assert.equal(json('backup', '--config', config).status, 0);
    }
    const { said } = json('verify', '--config', config);
    const paths = (said.backups as { path: string }[]).map(({ path }) => path);
    assert.deepEqual(
      paths.map((path) => /(\d{6})-/.exec(path)?.[1]),
      ['000003', '000002'],
    );
  });

  test('older than what a person has restored does not come back', (t) => {
    const { robot, dir } = taught(t, 5);
    const file = join(dir, 'all.backup');
    json('backup', file, '--state', robot.dir);
    robot.teach(15);
    json('backup', '--state', robot.dir);
    assert.equal(json('restore', file, '--state', robot.dir).status, 0);
    assert.equal(labelsIn(robot.dir).length, 5);
  });
});

describe('verify', () => {
  test('finds a picture that is not as it was stored, and repairs', (t) => {
    const { robot } = taught(t, 10);
    assert.deepEqual(json('verify', '--state', robot.dir).said.database, []);
    const bytes = readFileSync(robot.path);
    const { jpeg } = robot.samples.find(({ jpeg: one, label }) => label && one.length > 5_000)!;
    bytes[bytes.indexOf(jpeg.subarray(0, 64)) + 7]! ^= 1;
    writeFileSync(robot.path, bytes);
    const found = json('verify', '--state', robot.dir);
    assert.deepEqual(
      [found.status, found.said.database],
      [1, ['1 pictures are not as they were stored']],
    );
    const { status, said } = json('verify', '--repair', '--state', robot.dir);
    assert.equal(status, 0);
    assert.ok(said.repaired);
    assert.deepEqual(json('verify', '--state', robot.dir).said.database, []);
  });

  test('of a lost database says so, and brings the backup back', (t) => {
    const { robot } = taught(t, 10);
    json('backup', '--state', robot.dir);
    writeFileSync(robot.path, '');
    const { status, stderr } = headland('label', '--state', robot.dir);
    assert.equal(status, 1);
    assert.match(stderr, /HL_STORE_LOST/);
    assert.equal(json('verify', '--state', robot.dir).status, 1);
    assert.equal(json('verify', '--repair', '--state', robot.dir).status, 0);
    assert.equal(labelsIn(robot.dir).length, 8);
  });
});
