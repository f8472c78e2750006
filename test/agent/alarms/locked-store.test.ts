import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDatabase } from '../../../chaos/resources/scenarios.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { Person, Rig } from '../daemon.js';

/** Of 50 frames a second, in at least two seconds. Before, a lock left none. */
const DECISIONS = 40;

test('a database that another process locks stops no decision and loses no label', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const rig = await Rig.create(t, {
    mqtt: { url: broker.url, predictionIntervalMs: 0, metricsIntervalMs: 1_000 },
    // Every doubtful frame is stored: the way of a frame leads to the database.
    samples: { askIntervalMs: 100, askBelowProbability: 1, minFreeBytes: 0 },
  });
  const person = await Person.listen(t, broker.url);
  const after = (end: () => unknown): void => t.after(async () => void (await end()));
  const daemon = await rig.start();
  await person.until(({ body }) => body.kind === 'label_requested');
  await person.labelFrames(rig, 3);
  const { data } = await person.command('snapshot');
  const predictions = (): number =>
    person.received.filter(({ topic }) => topic.endsWith('/prediction')).length;
  const untilDecided = async (more: number): Promise<void> => {
    const wanted = predictions() + more;
    await person.until(() => predictions() >= wanted);
  };
  const database = join(rig.stateDir, 'headland.db');

  // A short lock: labels wait, in their order.
  let release = await lockDatabase(database, after);
  let answered = 0;
  const labels = ['crop', 'weed'].map(async (label) => {
    const answer = await person.command('label', { sample: data.sample_id, label });
    answered += 1;
    return answer;
  });
  await untilDecided(DECISIONS);
  assert.equal(answered, 0, 'nothing is acknowledged that is not durable');
  await release();
  for (const answer of await Promise.all(labels)) assert.equal(answer.ok, true);

  // A long one: the label is refused, an alarm tells, and frames go on.
  release = await lockDatabase(database, after);
  const refused = person.command('label', { sample: data.sample_id, label: 'crop' });
  const raised = await person.until(
    ({ body }) => body.kind === 'alarm_raised' && body.details.alarm === 'store',
  );
  assert.equal(raised.body.code, 'HL_STORE_BUSY');
  const { error } = await refused;
  assert.equal(error.code, 'HL_STORE_BUSY');
  await untilDecided(DECISIONS);
  const status = await person.command('status');
  assert.deepEqual(
    status.data.alarms.map(({ alarm, code }: Record<string, string>) => [alarm, code]),
    [['store', 'HL_STORE_BUSY']],
  );
  await release();
  await person.until(({ body }) => body.kind === 'alarm_cleared' && body.details.alarm === 'store');
  assert.deepEqual((await person.command('status')).data.alarms, []);
  assert.equal((await person.command('label', { sample: data.sample_id, label: 'weed' })).ok, true);
  assert.equal((await daemon.stop()).code, 0);
  const samples = rig.openSamples(t);
  assert.equal(samples.get(data.sample_id)?.label, 'weed', 'the later of two labels');
});
