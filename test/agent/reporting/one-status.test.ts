import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Daemon, headland, Person, Rig } from '../daemon.js';

// biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
type Body = Record<string, any>;

async function get(daemon: Daemon, path: string): Promise<Body> {
  const response = await fetch(`${daemon.consoleUrl}api/${path}`);
  assert.equal(response.status, 200, path);
  return (await response.json()) as Body;
}

async function post(daemon: Daemon, path: string, body: unknown): Promise<Body> {
  const response = await fetch(`${daemon.consoleUrl}api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-headland': '1' },
    body: JSON.stringify(body),
  });
  assert.equal(response.status < 300, true, path);
  return (await response.json()) as Body;
}

async function retrained(person: Person): Promise<Body> {
  const { data } = await person.command('retrain');
  const { body } = await person.until(
    ({ topic, body: report }) =>
      topic === 'headland/r1/training/report' && report.training_id === data.training_id,
  );
  return body;
}

/** What everybody who can be asked says serves. */
async function serving(daemon: Daemon, person: Person): Promise<(number | null)[]> {
  const status = await person.command('status');
  const page = await get(daemon, 'status');
  const { heads } = await get(daemon, 'heads');
  const listed = heads.find((head: Body) => head.serving);
  return [status.data.model?.head_version ?? null, page.head?.version ?? null, listed?.version];
}

describe('the status', { concurrency: false }, () => {
  test('of page and MQTT is one, and reports outlive a restart', {
    timeout: 240_000,
  }, async (t) => {
    const rig = await Rig.create(t, {
      training: { everyNewLabels: 0, minLabels: 12, instant: false, learners: ['ridge'] },
      samples: { askMaxWaiting: 0, holdoutAfterSamples: 0 },
    });
    const daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    await person.until(({ topic }) => topic === 'headland/r1/prediction');
    const before = await person.command('snapshot');
    const [asked] = (await get(daemon, 'waiting')).samples;
    assert.deepEqual([asked.id, asked.guess], [before.data.sample_id, null]);

    const failed = await retrained(person);
    assert.equal(failed.error.code, 'HL_TRAINING_TOO_FEW_LABELS');
    // The others wait for a label when they are kept.
    const taught = join(rig.dir, 'taught');
    cpSync(rig.photosDir, taught, { recursive: true, filter: (path) => !/_0[01][05]/.test(path) });
    const imported = headland(
      'import',
      taught,
      '--config',
      rig.configFile,
      '--group-pattern',
      '_(\\d+)',
    );
    assert.equal(imported.status, 0, imported.stderr);
    const first = await retrained(person);
    assert.equal(first.outcome, 'promoted', first.reason);
    const second = await retrained(person);
    await post(daemon, 'promote', { version: 2 });
    assert.deepEqual(await serving(daemon, person), [2, 2, 2]);
    await post(daemon, 'rollback', {});
    assert.deepEqual(await serving(daemon, person), [1, 1, 1]);
    const told = await get(daemon, 'reports');
    await daemon.stop();

    const again = await rig.start();
    const later = await Person.connect(t, again.mqttUrl);
    assert.deepEqual(await serving(again, later), [1, 1, 1]);
    const { reports } = await get(again, 'reports');
    assert.deepEqual(reports, told.reports);
    const outcomes = reports.map(({ trainingId, outcome }: Body) => [trainingId, outcome]);
    assert.deepEqual(
      outcomes,
      [second, first, failed].map((report) => [report.training_id, report.outcome]),
    );
    assert.deepEqual(reports[1].holdout.confusion, first.holdout.confusion);
    const { heads } = await get(again, 'heads');
    assert.deepEqual(heads.at(-1).holdout.confusion, first.holdout.confusion);
    const { data } = await later.command('status');
    assert.deepEqual(data.training.last, {
      training_id: second.training_id,
      outcome: second.outcome,
      reason: second.reason,
      head_version: 2,
      finished_at: reports[0].finishedAt,
    });

    // What waits for a label is guessed by the head that serves, as it decided on the frame.
    await later.until(({ topic }) => topic === 'headland/r1/prediction');
    for (;;) {
      const { ok, data: decided, error } = await later.command('snapshot');
      assert.ok(ok, JSON.stringify(error));
      const { samples } = await get(again, 'waiting');
      const waiting = samples.find(({ id }: Body) => id === decided.sample_id);
      if (waiting === undefined) continue;
      assert.equal(waiting.guess.label, decided.top[0].label);
      assert.ok(Math.abs(waiting.guess.probability - decided.top[0].probability) < 0.01);
      break;
    }
    await again.stop();
  });
});
