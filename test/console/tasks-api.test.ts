import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { TEST_HANG_MS } from '../liveness.js';
import { ask, DECISION, events, open, WRITE } from './client.js';
import { createHead, createReport, createTasks, sourcesOf } from './field-source.js';

/** A robot with the tasks `weeds` and `rows`. */
async function openTasks(t: TestContext) {
  const [weeds, rows] = createTasks('weeds', 'rows');
  assert.ok(weeds && rows);
  const limits = { statusIntervalMs: 60_000, maxListeners: 3 };
  const { url } = await open(t, { sources: sourcesOf([weeds, rows]), limits });
  return { url, weeds, rows };
}

describe('the API of several tasks', { timeout: TEST_HANG_MS }, () => {
  it('reads what belongs to the task of the request, by default to the first', async (t) => {
    const { url, weeds, rows } = await openTasks(t);
    for (const [source, version] of [
      [weeds, 1],
      [rows, 7],
    ] as const) {
      source.versions = [{ ...createHead(version, 0.9, ['a', 'b']), serving: true }];
      source.trainings = [createReport('promoted', 'better', version, null, 0)];
      await source.advance(DECISION);
    }
    const waiting = await rows.ask(null);
    for (const [query, version, frameId, waits] of [
      ['', 1, 'weeds-1', []],
      ['task=weeds', 1, 'weeds-1', []],
      ['task=rows', 7, 'rows-1', [waiting]],
    ] as const) {
      // biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
      const get = async (path: string): Promise<any> => (await ask(`${url}${path}?${query}`)).json;
      assert.equal((await get('/api/status')).head.version, version);
      assert.equal((await get('/api/latest')).frame.frameId, frameId);
      assert.equal((await get('/api/reports')).reports[0].headVersion, version);
      assert.equal((await get('/api/heads')).heads[0].version, version);
      const { samples } = await get('/api/waiting');
      assert.deepEqual(
        samples.map(({ id }: { id: string }) => id),
        waits,
      );
      const picture = await ask(`${url}/api/frame.jpg?${query}`);
      const carried = JSON.parse(decodeURIComponent(String(picture.headers['x-headland-frame'])));
      assert.equal(carried.frameId, frameId);
      const stored = await ask(`${url}/api/samples/${waiting}/picture?${query}`);
      assert.equal(stored.status, waits.length > 0 ? 200 : 404);
    }
  });

  it('lists the tasks in every status', async (t) => {
    const { url, rows } = await openTasks(t);
    rows.versions = [{ ...createHead(7, 0.9, ['a', 'b']), trust: 'useful', serving: true }];
    await rows.ask(null);
    await rows.labelSample(await rows.ask(null), 'a');
    const status = (await ask(`${url}/api/status?task=weeds`)).json;
    assert.deepEqual([status.task, status.namedTasks], ['weeds', true]);
    const none = {
      labelled: 0,
      waiting: 0,
      headVersion: null,
      learntLabels: null,
      trust: null,
      training: false,
    };
    assert.deepEqual(status.tasks, [
      { name: 'weeds', ...none },
      { ...none, name: 'rows', labelled: 1, waiting: 1, headVersion: 7, trust: 'useful' },
    ]);
  });

  it('changes the task of the request alone', async (t) => {
    const { url, weeds, rows } = await openTasks(t);
    const frameId = await rows.advance(null);
    const post = (path: string, body: object) =>
      ask(`${url}${path}?task=rows`, 'POST', WRITE, JSON.stringify(body));
    assert.equal((await post('/api/label', { frameId, label: 'left' })).status, 200);
    assert.equal((await post('/api/snapshot', {})).status, 200);
    const heads = [createHead(2, 0.9, ['a', 'b']), createHead(1, 0.8, ['a', 'b'])];
    for (const source of [weeds, rows]) {
      source.versions = heads.map((head) => ({ ...head, serving: head.version === 2 }));
    }
    assert.deepEqual((await post('/api/rollback', {})).json, { version: 1 });
    assert.equal((await post('/api/retrain', {})).status, 202);
    assert.deepEqual(
      [weeds, rows].map((source) => [
        [...source.labelOfFrame.values()],
        source.samples.size,
        source.versions.find(({ serving }) => serving)?.version,
        source.training.running,
      ]),
      [
        [[], 0, 2, false],
        [['left'], 2, 1, true],
      ],
    );
    assert.deepEqual((await post('/api/promote', { version: 2 })).json, { version: 2 });
  });

  it('refuses an unknown task on every route, and changes nothing', async (t) => {
    const { url, weeds, rows } = await openTasks(t);
    const frameId = await weeds.advance(null);
    const sampleId = await weeds.ask(null);
    const reads = ['status', 'latest', 'frame.jpg', 'stream', 'waiting', 'reports', 'heads'];
    const writes: [string, object][] = [
      ['label', { frameId, label: 'maize' }],
      ['label', { sampleId, label: 'maize' }],
      ['retrain', {}],
      ['rollback', {}],
      ['promote', { version: 1 }],
      ['pause', { what: 'inference' }],
      ['resume', { what: 'inference' }],
      ['snapshot', {}],
    ];
    for (const name of ['weed', 'Weeds', '', 'constructor']) {
      const answers = [
        ...[...reads, `samples/${sampleId}/picture`].map((path) =>
          ask(`${url}/api/${path}?task=${name}`),
        ),
        ...writes.map(([path, body]) =>
          ask(`${url}/api/${path}?task=${name}`, 'POST', WRITE, JSON.stringify(body)),
        ),
      ];
      for (const { status, json } of await Promise.all(answers)) {
        assert.deepEqual([status, json.error?.code], [404, 'HL_TASK_UNKNOWN']);
        assert.equal(json.error?.remedy, 'Name one of the tasks of this robot: weeds, rows.');
      }
    }
    assert.deepEqual(
      [weeds, rows].map((source) => [
        source.labelOfFrame.size,
        source.samples.size,
        source.training.running,
        source.status().paused,
      ]),
      [
        [0, 1, false, []],
        [0, 0, false, []],
      ],
    );
  });

  it('streams the events of one task', async (t) => {
    const { url, weeds, rows } = await openTasks(t);
    await weeds.advance(DECISION);
    await rows.advance(null);
    const abort = new AbortController();
    t.after(() => abort.abort());
    const first = events(url, abort.signal);
    const second = events(url, abort.signal, '/api/stream?task=rows');
    const next = async (stream: typeof first) => (await stream.next()).value!;
    assert.equal((await next(first)).data.task, 'weeds');
    assert.equal((await next(first)).data.frameId, 'weeds-1');
    assert.equal((await next(second)).data.task, 'rows');
    assert.equal((await next(second)).data.frameId, 'rows-1');
    await weeds.retrain();
    await weeds.ask(null);
    await rows.ask(null);
    const [training, asked] = [await next(first), await next(first)];
    assert.deepEqual([training.type, asked.data.task], ['training', 'weeds']);
    const other = await next(second);
    assert.deepEqual(
      [other.type, other.data.task],
      ['status', 'rows'],
      'nothing of weeds before it',
    );
  });

  it('counts the clients of all tasks, and lets go of a task that nobody follows', async (t) => {
    const { url, weeds, rows } = await openTasks(t);
    const follow = async (task: string) => {
      const abort = new AbortController();
      t.after(() => abort.abort());
      await events(url, abort.signal, `/api/stream?task=${task}`).next();
      return abort;
    };
    await follow('weeds');
    const leaving = [await follow('rows'), await follow('rows')];
    assert.deepEqual([weeds.subscribers, rows.subscribers], [1, 1]);
    assert.equal((await fetch(`${url}/api/stream?task=weeds`)).status, 503);
    for (const abort of leaving) abort.abort();
    let status = 503;
    while (status === 503 || rows.subscribers > 0) {
      const response = await fetch(`${url}/api/stream`);
      status = response.status;
      await response.body?.cancel();
    }
    assert.deepEqual([status, weeds.subscribers, rows.subscribers], [200, 1, 0]);
  });
});
