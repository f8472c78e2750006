import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, events, WRITE } from '../../console/client.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { someCard, someHead } from '../../training/fixture.js';
import { TestAgent, writePhotos } from '../support.js';

type Test = Parameters<typeof TestAgent.start>[0];
// biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
type Body = any;

/** A page that looks at a running robot, by HTTP. */
class Page {
  constructor(readonly running: TestAgent) {}

  static async open(t: Test, photos: string[], settings: object = {}): Promise<Page> {
    return new Page(await TestAgent.start(t, photos, { ...settings }));
  }

  get agent() {
    return this.running.agent;
  }

  async get(path: string): Promise<Body> {
    const { status, json } = await ask(`${this.running.url}/api/${path}`);
    assert.equal(status, 200, path);
    return json;
  }

  async post(path: string, body: object = {}): Promise<{ status: number; json: Body }> {
    return ask(`${this.running.url}/api/${path}`, 'POST', WRITE, JSON.stringify(body));
  }

  /** A version that fits the backbone; it does not serve yet. */
  async publish(seed: number, task?: string): Promise<number> {
    const backboneChecksum = this.agent.perception.backbone!.checksum;
    const head = { ...someHead(seed), backboneChecksum };
    return this.agent.state.task(task).heads.publish(head, someCard(head), []);
  }

  get audited(): Record<string, unknown>[] {
    return this.agent.state.audit
      .list({ kind: 'command' })
      .map(({ detail }) => detail)
      .reverse();
  }
}

describe('the page of a real robot', { timeout: TEST_HANG_MS }, () => {
  test('shows what the robot is', async (t) => {
    const page = await Page.open(t, ['crop', 'weed', 'stone']);
    const status = await page.get('status');
    assert.deepEqual(
      [status.robot, status.version, status.state, status.paused, status.simulated],
      ['r1', '0.0.0-test', 'online', [], true],
    );
    assert.deepEqual(status.cameras, [
      {
        name: 'main',
        decided: true,
        description: status.cameras[0].description,
        phase: 'ended',
        condition: null,
        framesTotal: 3,
        simulated: true,
        stillFrames: 0,
        droppedTotal: 0,
        framesPerSecond: 0,
        lastFrameAtMs: status.cameras[0].lastFrameAtMs,
        restarts: 0,
        lastRestartReason: null,
      },
    ]);
    assert.match(status.cameras[0].description, /^replay /);
    assert.ok(Math.abs(status.nowMs - status.cameras[0].lastFrameAtMs) < TEST_HANG_MS);
    const { name, checksum, featureSize } = page.agent.perception.backbone!;
    assert.equal(status.backbone.name, name);
    assert.deepEqual(
      [status.backbone.checksum, status.backbone.featureSize],
      [checksum, featureSize],
    );
    assert.deepEqual(
      [status.head, status.learnt, status.trust, status.next],
      [null, null, null, null],
    );
    assert.deepEqual(status.samples, { total: 0, labelled: 0, waiting: 0, classes: [] });
    assert.deepEqual(status.training, {
      running: false,
      phase: null,
      done: 0,
      total: 0,
      etaSeconds: null,
      paused: null,
      newLabels: 0,
      everyNewLabels: 0,
      minLabels: 4,
      instantLabelsPerClass: null,
    });
    assert.ok(status.frameMsP50 > 0 && status.framesPerSecond > 0);
    assert.deepEqual([status.task, status.namedTasks], ['main', false]);
    const ready = await ask(`${page.running.url}/readyz`);
    assert.deepEqual([ready.status, ready.json.camera], [503, false], 'its camera has ended');
  });

  test('shows the newest frame with the decision that was made on it', async (t) => {
    const page = await Page.open(t, ['crop', 'weed']);
    const newest = page.running.decisions.all.at(-1)!;
    const { frame } = await page.get('latest?camera=main');
    assert.deepEqual(frame, {
      frameId: newest.frameId,
      camera: 'main',
      capturedAtMs: newest.frame.capturedAtMs,
      decision: null,
    });
    const picture = await ask(`${page.running.url}/api/frame.jpg`);
    assert.equal(picture.headers['content-type'], 'image/jpeg');
    assert.deepEqual(new Uint8Array(picture.bytes), new Uint8Array(newest.frame.jpeg));
    assert.equal((await ask(`${page.running.url}/api/latest?camera=rear`)).status, 404);
  });

  test('has no frame before the first', async (t) => {
    const page = await Page.open(t, []);
    assert.deepEqual(await page.get('latest'), { frame: null });
    assert.equal((await ask(`${page.running.url}/api/frame.jpg`)).status, 204);
    const { status, json } = await page.post('snapshot');
    assert.deepEqual([status, json.error.code], [404, 'HL_FRAME_NONE']);
  });

  test('shows the decision of the head that serves, and its guess at what waits', async (t) => {
    const page = await Page.open(t, ['crop', 'weed', 'stone']);
    const kept = page.running.decisions.all.map((frame) =>
      page.agent.tasks[0].labelling.keepWaiting(frame),
    );
    const before = await page.get('waiting');
    assert.deepEqual(
      before.samples.map(({ id, camera, guess }: Body) => [id, camera, guess]),
      kept.map(({ id }) => [id, 'main', null]).reverse(),
      'newest first, and nobody knows',
    );
    await page.post('promote', { version: await page.publish(1) });
    const { samples } = await page.get('waiting?limit=2');
    assert.equal(samples.length, 2);
    for (const { guess } of samples) {
      assert.ok(['crop', 'weed'].includes(guess.label), JSON.stringify(guess));
      assert.ok(guess.probability > 0.5 && guess.probability <= 1);
    }
    const stored = await ask(`${page.running.url}/api/samples/${kept[0]!.id}/picture`);
    assert.deepEqual(
      new Uint8Array(stored.bytes),
      new Uint8Array(page.running.decisions.all[0]!.frame.jpeg),
    );
    assert.equal((await ask(`${page.running.url}/api/samples/none/picture`)).status, 404);
  });

  test('labels a frame and a sample, and corrects a slip', async (t) => {
    const page = await Page.open(t, ['crop', 'weed']);
    const [frame] = page.running.decisions.all;
    const given = await page.post('label', {
      frameId: frame!.frameId,
      label: 'maize',
      group: 'row 1',
    });
    assert.equal(given.status, 200);
    const [sampleId] = given.json.sampleIds;
    const { samples } = page.agent.state.task();
    assert.deepEqual(
      [
        samples.get(sampleId)?.label,
        samples.get(sampleId)?.labelSource,
        samples.get(sampleId)?.group,
      ],
      ['maize', 'console', 'row 1'],
    );
    await page.post('label', { sampleId, label: 'crop' });
    assert.equal(samples.get(sampleId)?.label, 'crop');
    const kept = await page.post('snapshot', { camera: 'main' });
    const newest = page.running.decisions.all.at(-1)!;
    assert.equal(kept.json.frame.frameId, newest.frameId);
    const { samples: counts, training } = await page.get('status');
    assert.deepEqual(counts, {
      total: 2,
      labelled: 1,
      waiting: 1,
      classes: [{ label: 'crop', training: 1, holdout: 0 }],
    });
    assert.equal(training.newLabels, 1);
    for (const [body, status, code] of [
      [{ frameId: 'gone', label: 'crop' }, 404, 'HL_FRAME_GONE'],
      [{ sampleId: 'gone', label: 'crop' }, 404, 'HL_SAMPLE_UNKNOWN'],
      [{ sampleId, label: 'unknown' }, 422, 'HL_LABEL_INVALID'],
    ] as const) {
      const refused = await page.post('label', body);
      assert.deepEqual([refused.status, refused.json.error.code], [status, code]);
    }
    assert.deepEqual(
      page.audited.map(({ source, ok }) => [source, ok]),
      [
        ['console', true],
        ['console', true],
        ['console', false],
        ['console', false],
        ['console', false],
      ],
    );
  });

  test('lists the heads, newest first, and lets another one serve', async (t) => {
    const page = await Page.open(t, ['crop']);
    for (const seed of [1, 2]) await page.publish(seed);
    const serving = async (): Promise<unknown[]> => {
      const { heads } = await page.get('heads');
      const { head } = await page.get('status');
      return [head?.version ?? null, ...heads.map((one: Body) => [one.version, one.serving])];
    };
    assert.deepEqual(await serving(), [null, [2, false], [1, false]]);
    assert.deepEqual((await page.post('promote', { version: 1 })).json, { version: 1 });
    assert.deepEqual(await serving(), [1, [2, false], [1, true]]);
    assert.deepEqual((await page.post('promote', { version: 2 })).json, { version: 2 });
    assert.deepEqual((await page.post('rollback')).json, { version: 1 });
    assert.deepEqual((await page.post('rollback', { version: 2 })).json, { version: 2 });
    assert.deepEqual(await serving(), [2, [2, true], [1, false]]);
    const unknown = await page.post('promote', { version: 99 });
    assert.deepEqual([unknown.status, unknown.json.error.code], [404, 'HL_HEAD_UNKNOWN_VERSION']);
    const { heads } = await page.get('heads');
    const { holdout, ...summary } = heads[0];
    assert.deepEqual(summary, {
      version: 2,
      learner: 'ridge',
      labels: ['crop', 'weed'],
      trainedAt: '2026-01-01T00:00:00.000Z',
      holdoutMacroF1: 1,
      trust: null,
      serving: true,
    });
    assert.deepEqual(holdout.confusion, [
      [1, 0],
      [0, 1],
    ]);
  });

  test('pauses and resumes', async (t) => {
    const page = await Page.open(t, ['crop']);
    const what = 'inference';
    assert.deepEqual((await page.post('pause', { what })).json, { paused: ['inference'] });
    assert.deepEqual((await page.get('status')).state, 'paused');
    assert.deepEqual((await page.post('resume', { what })).json, { paused: [] });
    assert.deepEqual((await page.get('status')).state, 'online');
  });

  test('starts a training, follows it to its end, and keeps the report', async (t) => {
    const page = await Page.open(t, ['crop', 'weed', 'crop', 'weed', 'crop', 'weed']);
    for (const [index, { frameId }] of page.running.decisions.all.entries()) {
      const label = index % 2 ? 'weed' : 'crop';
      await page.post('label', { frameId, label, group: `pass ${index}` });
    }
    const { told, until } = watch(t, page);
    await until(({ type }) => type === 'decision');
    assert.deepEqual(
      told.map(({ type, data }) => [type, data.samples?.labelled ?? data.frameId]),
      [
        ['status', 6],
        ['decision', page.running.decisions.all.at(-1)!.frameId],
      ],
      'it begins with what there is',
    );
    const started = await page.post('retrain');
    assert.equal(started.status, 202);
    const { trainingId } = started.json;
    assert.equal((await page.post('retrain')).status, 409);
    await until(({ type, data }) => type === 'training' && data.running);
    const end = await until(({ type, data }) => type === 'training' && !data.running);
    assert.deepEqual([end.data.phase, end.data.newLabels], [null, 0], 'its labels are learnt');
    await until(({ type, data }) => type === 'status' && data.head?.version === 1);

    const { reports } = await page.get('reports');
    assert.deepEqual(
      reports.map((report: Body) => [report.trainingId, report.outcome, report.headVersion]),
      [[trainingId, 'promoted', 1]],
    );
    const [report] = reports;
    assert.equal(report.learner, 'ridge');
    assert.ok(report.durations.total > 0 && report.durations.fit >= 0);
    assert.ok(report.reason.length > 0 && Date.parse(report.finishedAt) > 0);
    const { head } = await page.get('status');
    assert.deepEqual([head.version, head.labels], [1, ['crop', 'weed']]);
  });

  test('is told of every kind of change, and lets go of the robot when it closes', async (t) => {
    const path = await writePhotos(temporaryFolder(t), ['crop', 'weed']);
    const page = await Page.open(t, [], { cameras: [{ driver: 'replay', path, intervalMs: 5 }] });
    const { until } = watch(t, page);
    await until(({ type }) => type === 'decision');
    const seen = await until(({ type }) => type === 'decision');
    assert.deepEqual([seen.data.camera, seen.data.decision], ['main', null]);
    await page.post('promote', { version: await page.publish(1) });
    await until(({ type, data }) => type === 'status' && data.head?.version === 1);
    const { data } = await until((event) => event.type === 'decision' && event.data.decision);
    assert.equal(data.decision.headVersion, 1);
    assert.ok(data.decision.totalMs > 0);
    assert.equal(data.picture, undefined);
    await page.post('pause', { what: 'training' });
    await until((event) => event.type === 'status' && event.data.paused.includes('training'));
    const { agent } = page;
    assert.ok(agent.listenerCount('status') > 0);
    await page.running.stop();
    for (const name of ['status', 'head', 'trainingProgress', 'trainingReport'] as const) {
      assert.equal(agent.listenerCount(name), 0, name);
    }
  });
});

describe('the page of a robot with several tasks', { timeout: TEST_HANG_MS }, () => {
  /** The task `weeds` decides on both cameras, `rows` on the rear one, whose frame is the older one. */
  async function openTasks(t: Test) {
    const dir = temporaryFolder(t);
    const path = await writePhotos(dir, ['crop']);
    const replay = {
      driver: 'replay',
      path,
      intervalMs: 0,
      loop: false,
      quality: { intervalMs: 0 },
    };
    const page = await Page.open(t, [], {
      cameras: [
        { ...replay, name: 'front' },
        { ...replay, name: 'rear' },
      ],
      tasks: [{ name: 'weeds' }, { name: 'rows', cameras: ['rear'] }],
    });
    await page.running.decisions.count(2, 'decisions');
    const [front, rear] = ['front', 'rear'].map((camera) => page.agent.recent.latest(camera)!);
    assert.ok(front && rear);
    return { page, front, rear };
  }

  test('shows one of them, by default the first', async (t) => {
    const { page } = await openTasks(t);
    for (const [query, task, decided] of [
      ['', 'weeds', [true, true]],
      ['?task=rows', 'rows', [false, true]],
    ] as const) {
      const status = await page.get(`status${query}`);
      assert.deepEqual(
        [status.task, status.namedTasks, status.tasks.map(({ name }: Body) => name)],
        [task, true, ['weeds', 'rows']],
      );
      assert.deepEqual(
        status.cameras.map((camera: Body) => camera.decided),
        decided,
      );
    }
    const unknown = await ask(`${page.running.url}/api/status?task=soil`);
    assert.deepEqual([unknown.status, unknown.json.error?.code], [404, 'HL_TASK_UNKNOWN']);
    assert.equal(unknown.json.error?.remedy, 'Name one of the tasks of this robot: weeds, rows.');
  });

  test('shows the frames on which the task decides', async (t) => {
    const { page, front, rear } = await openTasks(t);
    // The newest frame of all is now one of the camera on which `rows` does not decide.
    page.agent.recent.add({ ...front, frameId: 'newest' });
    assert.equal((await page.get('latest')).frame.frameId, 'newest');
    assert.equal((await page.get('latest?task=rows')).frame.frameId, rear.frameId);
    assert.equal((await page.get('latest?task=rows&camera=rear')).frame.frameId, rear.frameId);
    const other = await ask(`${page.running.url}/api/latest?task=rows&camera=front`);
    assert.deepEqual([other.status, other.json.error?.code], [404, 'HL_TASK_UNKNOWN']);
    assert.equal(other.json.error?.remedy, 'Name one of the tasks that decide on it: weeds.');
    const kept = await page.post('snapshot?task=rows');
    assert.equal(kept.json.frame.frameId, rear.frameId);
    const refused = await page.post('snapshot?task=rows', { camera: 'front' });
    assert.deepEqual([refused.status, refused.json.error.code], [404, 'HL_TASK_UNKNOWN']);
    assert.deepEqual(
      (await page.get('status')).tasks.map(({ waiting }: Body) => waiting),
      [0, 1],
    );
  });

  test('labels, trains and switches heads of the task of the request', async (t) => {
    const { page, rear } = await openTasks(t);
    const { frameId } = rear;
    await page.post('label?task=rows', { frameId, label: 'left' });
    await page.post('label', { frameId, label: 'thistle' });
    const classes = async (query: string) =>
      (await page.get(`status${query}`)).samples.classes.map(({ label }: Body) => label);
    assert.deepEqual([await classes(''), await classes('?task=rows')], [['thistle'], ['left']]);
    assert.deepEqual(
      page.audited.map(({ task, label }) => [task, label]),
      [
        ['rows', 'left'],
        ['weeds', 'thistle'],
      ],
    );
    const version = await page.publish(1, 'rows');
    assert.equal((await page.post('promote?task=rows', { version })).status, 200);
    assert.equal((await page.post('promote', { version })).status, 404, 'weeds has no such head');
    const { tasks } = await page.get('status');
    assert.deepEqual(
      tasks.map(({ headVersion, labelled }: Body) => [headVersion, labelled]),
      [
        [null, 1],
        [version, 1],
      ],
    );
  });

  test('tells a page of the events of its task alone', async (t) => {
    const { page, front, rear } = await openTasks(t);
    const { told, until } = watch(t, page, '?task=rows');
    await until(({ type }) => type === 'decision');
    const { agent } = page;
    agent.emit('decision', { ...front, frameId: 'front-2' });
    const step = { phase: 'embed', done: 1, total: 2, etaSeconds: null } as const;
    const progress = { ...step, paused: null };
    agent.emit('trainingProgress', 'weeds', progress);
    agent.emit('decision', { ...rear, frameId: 'rear-2' });
    await until(({ type, data }) => type === 'decision' && data.frameId === 'rear-2');
    agent.emit('trainingProgress', 'rows', progress);
    await until(({ type }) => type === 'training');
    assert.deepEqual(
      told.map(({ type, data }) => [type, data.frameId ?? data.task]),
      [
        ['status', 'rows'],
        ['decision', rear.frameId],
        ['decision', 'rear-2'],
        ['training', undefined],
      ],
    );
  });
});

/** The events of the page's stream, and a way to wait for one of those to come. */
function watch(t: Test, page: Page, query = '') {
  const aborted = new AbortController();
  t.after(() => aborted.abort());
  const stream = events(page.running.url, aborted.signal, `/api/stream${query}`);
  const told: { type: string; data: Body }[] = [];
  const until = async (matches: (event: { type: string; data: Body }) => boolean) => {
    for (;;) {
      const { value } = await stream.next();
      assert.ok(value, 'the stream has ended');
      told.push(value);
      if (matches(value)) return value;
    }
  };
  return { told, until };
}
