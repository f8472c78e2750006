import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { headland, Person, Rig } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';

const whole = { timeout: TEST_HANG_MS };
const RULES = { rules: [{ name: 'odd', labels: ['weed', 'plant'], minProbability: 0.1 }] };
const TASKS = [
  { name: 'kind', training: { minLabels: 8 } },
  { name: 'shape', training: { minLabels: 8 } },
];
/** A rig of which a table labels the photos for two tasks. */
async function twoTasks(t: TestContext): Promise<Rig> {
  const rig = await Rig.create(t, { tasks: TASKS, alerts: RULES });
  const rows = ['crop', 'weed', 'stone'].flatMap((label) =>
    Array.from({ length: 24 }, (_, i) => {
      const file = `${label}/${label}_${String(i).padStart(3, '0')}.jpg`;
      return `${file},${label},${label === 'stone' ? 'thing' : 'plant'},moment-${i >> 1}`;
    }),
  );
  writeFileSync(
    join(rig.photosDir, 'labels.csv'),
    ['file,kind,shape,group', ...rows, ''].join('\n'),
  );
  return rig;
}

describe('a robot with several tasks on the command line', { concurrency: false }, () => {
  test('imports, trains, judges and exports each task', whole, async (t) => {
    const rig = await twoTasks(t);
    const at = ['--config', rig.configFile];
    const imported = headland('import', rig.photosDir, ...at);
    assert.equal(imported.status, 0, imported.stderr);
    assert.match(imported.stdout, /^task kind:\n72 pictures in 12 groups/m);
    assert.match(imported.stdout, /^task shape:\n72 pictures in 12 groups/m);
    assert.match(imported.stdout, /^ {2}plant {2}48$/m);

    for (const command of [['train'], ['evaluate'], ['rollback'], ['models', 'heads']]) {
      const { status, stderr } = headland(...command, ...at);
      assert.equal(status, 1, command.join(' '));
      assert.match(stderr, /HL_TASK_MISSING: this robot has several tasks: kind, shape/);
      assert.match(stderr, /what to do: Name one of them: --task NAME/);
    }
    assert.equal(existsSync(join(rig.stateDir, 'heads', 'main')), false);
    for (const { name } of TASKS) {
      const trained = headland('train', '--task', name, ...at);
      assert.equal(trained.status, 0, trained.stderr + trained.stdout);
      const out = join(rig.dir, `report-${name}`);
      const judged = headland('evaluate', '--task', name, '--out', out, '--json', ...at);
      assert.equal(judged.status, 0, judged.stderr);
      const { labels } = JSON.parse(judged.stdout).head;
      assert.deepEqual(
        labels.sort(),
        name === 'kind' ? ['crop', 'stone', 'weed'] : ['plant', 'thing'],
      );
    }

    const { stdout: audit } = headland('audit', ...at);
    assert.match(audit, /task: kind/);
    assert.match(audit, /task: shape/);

    const simulated = headland('alerts', 'simulate', rig.photosDir, '--json', ...at);
    assert.equal(simulated.status, 0, simulated.stderr);
    const raised = JSON.parse(simulated.stdout).events.map(({ task }: { task: string }) => task);
    assert.deepEqual([...new Set(raised)].sort(), ['kind', 'shape']);

    const { stdout: timelines } = headland('alerts', 'simulate', rig.photosDir, ...at);
    assert.match(timelines, /^ {2}odd kind main +[.#]+$/m);
    assert.match(timelines, /^ {2}odd shape main +[.#]+$/m);

    const dir = join(rig.dir, 'export');
    const exported = headland('export-samples', dir, ...at);
    assert.equal(
      exported.stdout,
      `72 pictures written to ${dir}/kind\n72 pictures written to ${dir}/shape\n`,
    );
    const fresh = ['--state', join(rig.dir, 'fresh'), ...at];
    const again = JSON.parse(headland('import', dir, '--json', ...fresh).stdout);
    assert.deepEqual(Object.keys(again.tasks), ['kind', 'shape']);
    assert.deepEqual(again.tasks.shape.classes, { plant: 48, thing: 24 });
    const only = headland('export-samples', join(rig.dir, 'only'), '--task', 'kind', ...at);
    assert.match(only.stdout, /^72 pictures written to .*\/only\n$/);
  });

  test('shows the status of each task within 80 columns', whole, async (t) => {
    const rig = await twoTasks(t);
    const daemon = await rig.start();
    // It answers once it has subscribed.
    await Person.connect(t, daemon.mqttUrl);
    const mqtt = { url: daemon.mqttUrl };
    rig.configure({ tasks: TASKS, mqtt });
    process.env.COLUMNS = '80';
    t.after(() => delete process.env.COLUMNS);
    const { status, stdout, stderr } = headland('status', '--config', rig.configFile);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^head {5}kind: none yet\./m);
    assert.match(stdout, /^ {9}shape: none yet\./m);
    // A path or an address has no place to break.
    const wide = stdout.split('\n').filter((line) => line.length > 80 && / .* /.test(line.trim()));
    assert.deepEqual(wide, []);
  });
});

test('no output mentions tasks on a robot that names none', whole, async (t) => {
  const rig = await Rig.create(t, { alerts: RULES });
  const at = ['--config', rig.configFile];
  const out = join(rig.dir, 'report');
  const clip = join(rig.dir, 'clip');
  for (const command of [
    ['import', rig.photosDir, '--group-pattern', '_(\\d+)'],
    ['label'],
    ['train'],
    ['evaluate', '--out', out],
    ['models', 'heads'],
    ['models', 'why', '1'],
    ['bench', '--seconds', '2', '--threads', '1'],
    ['alerts', 'simulate', rig.photosDir],
    ['audit'],
    ['export-samples', clip],
    ['import', clip, '--state', join(rig.dir, 'fresh')],
  ]) {
    const { status, stdout, stderr } = headland(...command, ...at);
    assert.equal(status, 0, `${command.join(' ')}: ${stderr}`);
    assert.doesNotMatch(stdout + stderr, /\btasks?\b/i, command.join(' '));
  }
  assert.ok(existsSync(join(clip, 'samples.jsonl')));
  const daemon = await rig.start();
  await Person.connect(t, daemon.mqttUrl);
  rig.configure({ mqtt: { url: daemon.mqttUrl } });
  const { status, stdout, stderr } = headland('status', ...at);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^head {5}1, /m);
  assert.doesNotMatch(stdout, /\btasks?\b/i);
});
