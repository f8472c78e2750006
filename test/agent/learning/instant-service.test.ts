import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type InstantParts, InstantService } from '../../../src/agent/learning/instant-service.js';
import type { State } from '../../../src/agent/open-state.js';
import { HeadlandError } from '../../../src/base/errors.js';
import type { ServingHead } from '../../../src/perception/perception-protocol.js';
import type { StoredHead } from '../../../src/registry/version-directory.js';
import { InstantLearner } from '../../../src/training/instant/instant-learner.js';
import type { InstantHead } from '../../../src/training/instant/instant-protocol.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { quietScheduler, Recorder, recordedLog } from '../../recorder.js';
import { someCard, someHead } from '../../training/fixture.js';
import { BACKBONE, FEATURES, openRobot } from '../support.js';

type Test = Parameters<typeof openRobot>[0];

/** Takes labels and lets the service learn them in its real thread. */
class Classroom {
  readonly swapped = new Recorder<ServingHead | null>();
  readonly learnt = new Recorder<InstantHead | null>();
  readonly failures = new Recorder<HeadlandError>();
  /** The service has looked for labels and was free to learn them. */
  readonly looks = new Recorder<void>();
  readonly service: InstantService;
  paused = false;
  backbone: string | null = BACKBONE;

  constructor(
    t: Test,
    readonly state: State,
    parts: Partial<InstantParts> = {},
  ) {
    this.service = new InstantService({
      learner: new InstantLearner({
        dbPath: state.databasePath,
        task: 'main',
        minLabelsPerClass: 2,
      }),
      samples: state.task().samples,
      meta: state.meta,
      backboneChecksum: () => this.backbone,
      swap: this.swapped.add,
      isPaused: () => {
        this.looks.add();
        return this.paused;
      },
      onLearnt: this.learnt.add,
      onFailure: this.failures.add,
      repeats: quietScheduler(),
      log: recordedLog().log,
      ...parts,
    });
    t.after(() => this.service.stop());
  }

  /** @returns the ids of new samples with this label, and features that tell */
  teach(label: 'crop' | 'weed' | 'stone', count: number): string[] {
    const { samples } = this.state.task();
    const at = ['crop', 'weed', 'stone'].indexOf(label);
    return Array.from({ length: count }, () => {
      const number = samples.counts().total;
      const { sample } = samples.admit({
        jpeg: Uint8Array.of(number, at),
        label,
        labelSource: 'cli',
        group: `pass ${number}`,
        source: 'main',
        capturedAtMs: number,
        dhash: '0000000000000000',
      });
      const features = Float32Array.from({ length: FEATURES }, (_, f) => (f % 3 === at ? 1 : 0.1));
      samples.putFeatures([
        { sampleId: sample.id, backboneChecksum: BACKBONE, features, recipe: '', view: 0 },
      ]);
      return sample.id;
    });
  }

  /** A trained head that has learnt every label so far. */
  async train(seed: number): Promise<StoredHead> {
    const { heads, samples } = this.state.task();
    const head = { ...someHead(seed), backboneChecksum: BACKBONE };
    const card = { ...someCard(head), labelRevision: samples.labelRevision() };
    return heads.load(await heads.publish(head, card, []));
  }
}

describe('labels that are learnt at once', { timeout: TEST_HANG_MS }, () => {
  test('make a first head, and a better one with each further label', async (t) => {
    const room = new Classroom(t, openRobot(t).state);
    room.service.start();
    room.teach('crop', 2);
    room.teach('weed', 2);
    room.service.labelsChanged();
    const first = await room.learnt.until(() => true);
    assert.deepEqual([first?.labels, first?.newClasses], [4, ['crop', 'weed']]);
    const [serving] = room.swapped.all;
    assert.deepEqual(
      [serving?.version, serving?.learnt, serving?.trust, serving?.unproven],
      [null, { labels: 4, revision: 4 }, 'beginner', ['crop', 'weed']],
    );
    assert.equal(room.service.learnt, first);

    room.teach('weed', 1);
    room.service.labelsChanged();
    const second = await room.learnt.until((learnt) => learnt?.labels === 5);
    assert.equal(room.service.learnt, second);
    assert.equal(room.service.failures, 0);
  });

  test('are seen without being told, as those of another process are', async (t) => {
    const { state, dir } = openRobot(t);
    const room = new Classroom(t, state);
    room.service.start();
    const elsewhere = new Classroom(t, openRobot(t, {}, dir).state);
    elsewhere.teach('crop', 2);
    elsewhere.teach('weed', 2);
    assert.equal((await room.learnt.until(() => true))?.labels, 4);
  });

  test('are taken back when a corrected label leaves too few', async (t) => {
    const room = new Classroom(t, openRobot(t).state);
    room.teach('crop', 2);
    const [wrong] = room.teach('weed', 2);
    room.service.start();
    await room.learnt.until((learnt) => learnt?.labels === 4);
    room.state.task().samples.label(wrong!, 'crop', 'cli');
    room.service.labelsChanged();
    await room.learnt.until((learnt) => learnt === null);
    assert.equal(room.swapped.all.at(-1), null, 'no head decides');
    assert.equal(room.service.learnt, null);
  });

  test('correct the head that serves, from its training on', async (t) => {
    const room = new Classroom(t, openRobot(t).state);
    room.teach('crop', 3);
    room.teach('weed', 3);
    room.service.baseChanged(await room.train(1));
    room.service.start();
    await room.looks.next();
    assert.equal(room.swapped.all.length, 0, 'everything is in the head already');
    room.teach('crop', 1);
    room.teach('stone', 2);
    room.service.labelsChanged();
    const learnt = await room.learnt.until((head) => head?.labels === 3);
    assert.deepEqual(learnt?.newClasses, ['stone']);
    const serving = room.swapped.all.at(-1);
    assert.deepEqual([serving?.version, serving?.trust], [1, 'beginner']);
    assert.deepEqual(serving?.unproven, ['stone'], 'the other classes are no guesses for that');
    assert.deepEqual([...(serving?.head.labels ?? [])].sort(), ['crop', 'stone', 'weed']);
  });

  test('after going back to an older head are only those from then on, also after a restart', async (t) => {
    const { state, dir } = openRobot(t);
    const room = new Classroom(t, state);
    room.teach('crop', 3);
    room.teach('weed', 3);
    const old = await room.train(1);
    room.teach('crop', 1);
    const young = await room.train(2);
    room.service.baseChanged(old);
    room.service.start();
    await room.learnt.until((learnt) => learnt?.labels === 1);
    room.service.baseChanged(young);
    room.service.baseChanged(old);
    room.teach('weed', 1);
    room.teach('crop', 1);
    room.service.labelsChanged();
    await room.learnt.until((learnt) => learnt?.labels === 2);
    await room.service.stop();

    const again = new Classroom(t, openRobot(t, {}, dir).state);
    again.service.baseChanged(old);
    again.service.start();
    assert.equal((await again.learnt.until(() => true))?.labels, 2);
  });

  test('wait while trainings are paused', async (t) => {
    const room = new Classroom(t, openRobot(t).state);
    room.paused = true;
    room.teach('crop', 2);
    room.teach('weed', 2);
    room.service.start();
    room.service.labelsChanged();
    await turn();
    assert.deepEqual(room.swapped.all, []);
    room.paused = false;
    room.service.labelsChanged();
    assert.equal((await room.learnt.until(() => true))?.labels, 4);
  });

  test('wait for the backbone, as while perception starts again', async (t) => {
    const room = new Classroom(t, openRobot(t).state);
    room.backbone = null;
    room.teach('crop', 2);
    room.teach('weed', 2);
    room.service.start();
    await room.looks.count(1);
    room.backbone = BACKBONE;
    assert.equal((await room.learnt.until(() => true))?.labels, 4, 'without another label');
    assert.equal(room.service.failures, 0);
  });

  test('leave out what the running backbone has not embedded', async (t) => {
    const room = new Classroom(t, openRobot(t).state);
    room.backbone = 'c'.repeat(64);
    room.teach('crop', 2);
    room.teach('weed', 2);
    room.service.start();
    await room.looks.count(2);
    assert.deepEqual([room.swapped.all, room.service.failures], [[], 0]);
  });

  test('that the worker does not take are a failure, and the head before goes on', async (t) => {
    const refusal = new HeadlandError('HL_PERCEPTION_CRASHED', 'the thread ended', {
      remedy: 'None.',
    });
    const room = new Classroom(t, openRobot(t).state, { swap: () => Promise.reject(refusal) });
    room.teach('crop', 2);
    room.teach('weed', 2);
    room.service.start();
    assert.equal(await room.failures.until(() => true), refusal);
    assert.deepEqual([room.service.learnt, room.learnt.all], [null, []]);
    await room.looks.next();
    assert.equal(room.service.failures, 1);
  });

  test('cost no more than the correction when the thread crashes, which is tried again with the next label', async (t) => {
    const { state } = openRobot(t);
    const room = new Classroom(t, state, {
      learner: new InstantLearner(
        { dbPath: state.databasePath, task: 'main', minLabelsPerClass: 2 },
        new URL('data:text/javascript,process.exit(3)'),
      ),
    });
    room.service.start();
    await room.looks.next();
    await room.looks.next();
    assert.equal(room.service.failures, 0, 'no thread starts while there is nothing to learn');
    room.teach('crop', 1);
    room.service.labelsChanged();
    await room.failures.count(1);
    // It looks after its rest, and again when a second is over.
    await room.looks.next();
    await room.looks.next();
    assert.equal(room.service.failures, 1, 'without a new label it is not tried again');
    room.teach('crop', 1);
    room.service.labelsChanged();
    const codes = (await room.failures.count(2)).map(({ code }) => code);
    assert.deepEqual(codes, ['HL_INSTANT_CRASHED', 'HL_INSTANT_CRASHED']);
    assert.deepEqual(room.swapped.all, []);
  });

  test('never follow a switch to another trained head', async (t) => {
    const { state } = openRobot(t);
    const learner = new InstantLearner({
      dbPath: state.databasePath,
      task: 'main',
      minLabelsPerClass: 2,
    });
    const begun = new Recorder<void>();
    const ended = new Recorder<void>();
    const room = new Classroom(t, state, {
      learner: {
        learn: (request) => {
          begun.add();
          return learner.learn(request).finally(ended.add);
        },
        stop: () => learner.stop(),
      },
    });
    room.teach('crop', 2);
    room.teach('weed', 2);
    room.service.start();
    await begun.count(1);
    const trained: ServingHead = { version: 1, head: someHead(1) };
    await room.service.hold(async () => {
      await ended.count(1);
      await turn();
      room.swapped.add(trained);
    });
    assert.deepEqual(room.swapped.all, [trained], 'what was learnt for the one before came late');
    const learnt = await room.swapped.next();
    assert.equal(learnt?.learnt?.labels, 4, 'it is learnt again on what serves then');
  });

  test('do not keep a head from serving when the store fails', async (t) => {
    const { state } = openRobot(t);
    const { log, lines } = recordedLog();
    const room = new Classroom(t, state, { log });
    room.service.start();
    const head = await room.train(1);
    state.close();
    room.service.baseChanged(head);
    assert.equal(room.service.failures, 1);
    assert.equal(lines.all[0]?.level, 50);
  });
});
