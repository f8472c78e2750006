import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TEST_HANG_MS } from '../liveness.js';
import { headland, Person, Rig } from './daemon.js';

/** Which of two groups of things a picture shows: another question than what it shows. */
const SHAPE_OF: Record<string, string> = { crop: 'plant', weed: 'plant', stone: 'thing' };

const TWO_TASKS = {
  tasks: [
    { name: 'main', samples: { askMaxWaiting: 0 } },
    { name: 'shape', training: { minLabels: 8 }, samples: { askMaxWaiting: 0 } },
  ],
};

/** Labels pictures for both tasks, as `snapshot` shows them. */
function teachBoth(person: Person, rig: Rig, count: number): Promise<Set<string>> {
  return person.labelFrames(rig, count, {
    snapshot: { task: 'main' },
    labels: (shown) => [
      { label: shown, task: 'main' },
      { label: SHAPE_OF[shown], task: 'shape' },
    ],
  });
}

async function trained(person: Person, task: string): Promise<Record<string, unknown>> {
  const answer = await person.command('retrain', { task });
  assert.equal(answer.ok, true, JSON.stringify(answer));
  const { body } = await person.until(
    ({ topic, body }) =>
      topic === `headland/r1/task/${task}/training/report` &&
      body.training_id === answer.data.training_id,
  );
  return body;
}

describe('two tasks of one robot', { timeout: TEST_HANG_MS }, () => {
  test('learn, decide, roll back and report each for itself from one forward pass', async (t) => {
    const rig = await Rig.create(t, TWO_TASKS);
    const daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    await person.until(({ topic }) => topic === 'headland/r1/task/shape/prediction');

    const unnamed = await person.command('retrain');
    assert.equal(unnamed.error.code, 'HL_TASK_MISSING');
    assert.match(unnamed.error.message, /main, shape/);
    const wrong = await person.command('retrain', { task: 'shapes' });
    assert.equal(wrong.error.code, 'HL_TASK_UNKNOWN');

    await teachBoth(person, rig, 40);
    const main = await trained(person, 'main');
    const shape = await trained(person, 'shape');
    assert.deepEqual([main.outcome, main.classes], ['promoted', 3], String(main.reason));
    assert.deepEqual([shape.outcome, shape.classes], ['promoted', 2], String(shape.reason));
    assert.deepEqual([main.task, shape.task], ['main', 'shape']);

    person.forget();
    const { body: one } = await person.until(
      ({ topic, body }) => topic === 'headland/r1/task/main/prediction' && body.head_version === 1,
    );
    const { body: other } = await person.until(
      ({ topic, body }) =>
        topic === 'headland/r1/task/shape/prediction' && body.frame_id === one.frame_id,
    );
    assert.equal(one.timings.backbone_ms, other.timings.backbone_ms, 'one pass answers both');
    const labelsOf = (body: typeof one): string[] =>
      body.top.map(({ label }: { label: string }) => label).sort();
    assert.deepEqual(labelsOf(one), ['crop', 'stone', 'weed']);
    assert.deepEqual(labelsOf(other), ['plant', 'thing']);

    const { data: status } = await person.command('status');
    const about = status.tasks.map((task: typeof one) => [
      task.name,
      task.model.head_version,
      task.samples.labelled,
    ]);
    assert.deepEqual(about, [
      ['main', 1, 40],
      ['shape', 1, 40],
    ]);
    assert.equal(status.metrics.samples.labelled, 80);
    await daemon.stop();

    for (const task of ['main', 'shape']) {
      assert.ok(existsSync(join(rig.stateDir, 'heads', task, '1', 'weights')), task);
    }
    const store = rig.openSamples(t);
    assert.deepEqual(store.tasks(), ['main', 'shape']);
    assert.equal(store.counts().total, 40, 'one sample carries both labels');
    const [sample] = store.list();
    assert.equal(store.forTask('shape').get(sample!.id)?.label, SHAPE_OF[sample!.label!]);
  });

  test('decide on their own cameras; a task may be left out where one decides', async (t) => {
    const rig = await Rig.create(t);
    const camera = { driver: 'replay', path: rig.photosDir, intervalMs: 20 };
    const samples = { askMaxWaiting: 0 };
    rig.configure({
      cameras: [
        { ...camera, name: 'front' },
        { ...camera, name: 'boom', regions: { columns: 2, rows: 1 } },
      ],
      tasks: [
        { name: 'way', cameras: ['front'], samples },
        { name: 'weeds', cameras: ['boom'], regions: ['2'], samples },
        { name: 'rows', cameras: ['boom'], samples },
      ],
      alerts: {
        rules: [
          { name: 'odd', task: 'rows', labels: ['unknown'], minProbability: 0, guesses: true },
        ],
      },
    });
    const daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    const decided = (task: string, region?: string) =>
      person.until(
        ({ topic, body }) =>
          topic === `headland/r1/task/${task}/prediction` && body.region === region,
      );
    await decided('way');
    await decided('rows', '1');
    await decided('rows', '2');
    await decided('weeds', '2');
    for (const { topic, body } of person.received) {
      if (topic.endsWith('/way/prediction')) assert.equal(body.camera, 'front');
      if (topic.endsWith('/weeds/prediction')) assert.equal(body.region, '2');
      if (topic.endsWith('/rows/prediction')) assert.equal(body.camera, 'boom');
    }

    const { body: alert } = await person.until(({ body }) => body.kind === 'alert_raised');
    assert.deepEqual([alert.details.task, alert.details.camera], ['rows', 'boom']);
    assert.ok(
      person.received.every(
        ({ body }) => body.kind !== 'alert_raised' || body.details.task === 'rows',
      ),
    );

    const seen = await person.command('snapshot', { camera: 'front' });
    assert.equal(seen.ok, true, JSON.stringify(seen));
    assert.equal(seen.data.task, 'way');
    const labelled = await person.command('label', { frame: seen.data.frame_id, label: 'free' });
    assert.equal(labelled.ok, true, JSON.stringify(labelled));
    const both = await person.command('snapshot', { camera: 'boom', region: '2' });
    assert.equal(both.error.code, 'HL_TASK_MISSING');
    const elsewhere = await person.command('snapshot', { camera: 'front', task: 'weeds' });
    assert.deepEqual(
      [elsewhere.error.code, elsewhere.error.remedy],
      ['HL_TASK_UNKNOWN', 'Name one of the tasks that decide on it: way.'],
    );
    await daemon.stop();

    const store = rig.openSamples(t);
    assert.deepEqual(store.tasks(), ['way']);
    assert.equal(store.forTask('way').counts().labelled, 1);
  });

  test('a task that the settings no longer name keeps its samples, and the log says so', async (t) => {
    const rig = await Rig.create(t, TWO_TASKS);
    const first = await rig.start();
    const person = await Person.connect(t, first.mqttUrl);
    await teachBoth(person, rig, 6);
    await first.stop();

    rig.configure({ tasks: [{ name: 'main' }] });
    const second = await rig.start();
    const line = await second.logged(({ task, labelled }) => task === 'shape' && labelled === 6);
    assert.match(String(line.msg), /which the settings do not name; they are kept/);
    await second.stop();
    const listed = headland('label', '--config', rig.configFile, '--task', 'shape');
    assert.match(listed.stderr, /HL_TASK_UNKNOWN/);
    assert.equal(rig.openSamples(t).forTask('shape').counts().labelled, 6);
  });
});
