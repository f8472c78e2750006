import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openDatabase } from '../../../src/storage/database.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { type Daemon, headland, Person, Rig } from '../daemon.js';

// biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
type Body = Record<string, any>;

/** A person who looks at snapshots until one shows what is wanted. */
class Labeller {
  readonly #seen = new Set<string>();

  constructor(
    private readonly rig: Rig,
    readonly person: Person,
  ) {}

  /** Labels so many different frames that show `what`; the last answer's data. */
  async label(what: string, count: number): Promise<Body> {
    let data: Body = {};
    for (let given = 0; given < count; ) {
      const frame = await this.next(what);
      if (this.#seen.has(frame.sample_id)) continue;
      this.#seen.add(frame.sample_id);
      const answer = await this.person.command('label', { sample: frame.sample_id, label: what });
      assert.equal(answer.ok, true, JSON.stringify(answer));
      data = answer.data;
      given++;
    }
    return data;
  }

  /** The decision on a frame that shows `what`. */
  async next(what: string): Promise<Body> {
    for (;;) {
      const { data, error } = await this.person.command('snapshot', { include_picture: true });
      assert.equal(error, undefined, JSON.stringify(error));
      if (this.rig.labelOf(Buffer.from(data.picture_base64, 'base64')) === what) return data;
    }
  }
}

async function started(rig: Rig, t: Parameters<typeof Person.connect>[0]) {
  const daemon: Daemon = await rig.start();
  const person = await Person.connect(t, daemon.mqttUrl);
  await person.until(({ topic }) => isPrediction(topic));
  return { daemon, person, labeller: new Labeller(rig, person) };
}

const isPrediction = (topic: string): boolean => topic === 'headland/r1/prediction';

describe('labels that show at once', { concurrency: false }, () => {
  test('two labels of two classes make a beginner, which a restart makes again', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const { daemon, person, labeller } = await started(rig, t);
    await labeller.label('crop', 2);
    await labeller.label('weed', 1);
    assert.equal((await labeller.next('weed')).label, 'unknown');
    const { label_revision: revision } = await labeller.label('weed', 1);
    const { body } = await person.until(
      ({ topic, body: b }) =>
        // A frame with a stone is none of the two.
        isPrediction(topic) && b.label_revision >= revision && b.label !== 'unknown',
    );
    assert.deepEqual([body.head_version, body.head_labels, body.trust], [null, 4, 'beginner']);
    // Which frame comes first is chance, and one that shows a stone may stay unknown.
    await person.until(
      ({ topic, body: b }) =>
        isPrediction(topic) && b.head_labels === 4 && ['crop', 'weed'].includes(b.label),
    );
    assert.equal(body.top.length, 2);
    const { body: model } = await person.until(
      ({ topic, body: b }) => topic === 'headland/r1/model' && b.head_labels === 4,
    );
    assert.deepEqual(model.labels, ['crop', 'weed']);
    assert.match(model.next_step, /needs \d more labels/);
    const status = await person.command('status');
    assert.equal(status.data.model.trust, 'beginner');
    await daemon.stop();

    const again = await started(rig, t);
    const { body: later } = await again.person.until(
      ({ topic, body: b }) => isPrediction(topic) && b.boot !== body.boot && b.head_labels === 4,
    );
    assert.equal(later.label_revision, revision);
  });

  test('a trained head takes labels and new classes on top, and a rollback takes them off', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const { person, labeller } = await started(rig, t);
    const train = async (version: number): Promise<void> => {
      const answer = await person.command('retrain');
      await person.until(
        ({ topic, body }) =>
          topic === 'headland/r1/training/report' && body.training_id === answer.data.training_id,
      );
      await person.command('promote', { version });
      await person.until(({ topic, body }) => isPrediction(topic) && body.head_version === version);
    };
    await labeller.label('crop', 8);
    await labeller.label('weed', 8);
    await train(1);

    const known = await labeller.label('crop', 1);
    const { body } = await person.until(
      ({ topic, body: b }) => isPrediction(topic) && b.label_revision >= known.label_revision,
    );
    assert.deepEqual([body.head_version, body.head_labels], [1, 1]);

    await labeller.label('stone', 1);
    const { label_revision: revision } = await labeller.label('stone', 1);
    await person.until(({ topic, body: b }) => isPrediction(topic) && b.label_revision >= revision);
    const stone = await labeller.next('stone');
    assert.equal(stone.head_version, 1);
    assert.ok(
      stone.top.some(({ label }: Body) => label === 'stone'),
      JSON.stringify(stone.top),
    );
    assert.equal(stone.trust, 'beginner', 'no evidence of the new class yet');
    const { data: status } = await person.command('status');
    assert.equal(status.model.next_step, '"stone" needs 3 more labels.');

    await labeller.label('stone', 4);
    await train(2);
    const trained = await labeller.next('stone');
    assert.equal(trained.head_labels, undefined, 'the training has learnt all labels');

    await person.command('rollback', { version: 1 });
    const plain = await person.until(
      ({ topic, body: b }) => isPrediction(topic) && b.head_version === 1 && !b.head_labels,
    );
    assert.deepEqual(plain.body.top.map(({ label }: Body) => label).sort(), ['crop', 'weed']);
    const after = await labeller.label('crop', 1);
    const { body: resumed } = await person.until(
      ({ topic, body: b }) => isPrediction(topic) && b.label_revision >= after.label_revision,
    );
    assert.deepEqual([resumed.head_version, resumed.head_labels], [1, 1]);
  });

  test('a label of another process shows too', { timeout: TEST_HANG_MS }, async (t) => {
    const rig = await Rig.create(t);
    const { person, labeller } = await started(rig, t);
    await labeller.label('crop', 2);
    await labeller.label('weed', 1);
    const { sample_id: sample } = await labeller.next('weed');
    const given = headland('label', '--config', rig.configFile, sample, 'weed');
    assert.equal(given.status, 0, given.stderr);
    await person.until(({ topic, body }) => isPrediction(topic) && body.head_labels === 4);
  });

  test('what cannot be learnt is said, and frames are classified all the same', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const { person, labeller } = await started(rig, t);
    await labeller.label('crop', 2);
    await labeller.label('weed', 2);
    await person.until(({ topic, body }) => isPrediction(topic) && body.head_labels === 4);
    const database = openDatabase(join(rig.stateDir, 'headland.db'));
    database.exec(`UPDATE features SET vector = x'000000'`);
    database.close();
    await labeller.label('weed', 1);
    await person.until(
      ({ topic, body }) => topic === 'headland/r1/event' && body.kind === 'failure',
    );
    const status = await person.command('status');
    assert.ok(status.data.training.instant_failures >= 1);
    const seen = person.received.length;
    await person.until(
      (message) =>
        person.received.indexOf(message) >= seen &&
        isPrediction(message.topic) &&
        message.body.head_labels === 4,
    );
  });

  test('it can be switched off', { timeout: TEST_HANG_MS }, async (t) => {
    const rig = await Rig.create(t, { training: { everyNewLabels: 0, instant: false } });
    const { labeller } = await started(rig, t);
    await labeller.label('crop', 2);
    await labeller.label('weed', 2);
    assert.equal((await labeller.next('weed')).label, 'unknown');
    assert.deepEqual((await labeller.next('crop')).top, []);
  });
});
