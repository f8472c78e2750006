import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type {
  HubOverview,
  NewPerson,
  RobotList,
  TaskDetail,
} from '../../src/fleet/contract/hub-api.js';
import { addPerson } from '../../src/fleet/hub/people.js';
import type { HubStore } from '../../src/fleet/hub/store/hub-store.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { hubConfig, startHub, until } from './hub-fixture.js';
import { placeData } from './places.js';
import { RobotStandIn, type StandInOptions } from './stand-in.js';

const SIZE = 16;

async function robotWith(
  t: TestContext,
  url: string,
  robot: string,
  labels: readonly string[],
  more: Partial<StandInOptions> = {},
): Promise<RobotStandIn> {
  const standIn = new RobotStandIn({
    robot,
    url,
    task: 'weeds',
    backbone: 'b1',
    featureSize: SIZE,
    data: placeData(robot, labels, 30, SIZE),
    ...more,
  });
  t.after(() => standIn.stop());
  await standIn.start();
  return standIn;
}

test('what one robot was taught, all know', { skip: withoutMosquitto }, async (t) => {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  await startHub(t, place, hubConfig(broker.url));
  const a = await robotWith(t, broker.url, 'a', ['maize', 'thistle']);
  const b = await robotWith(t, broker.url, 'b', ['maize', 'dock']);
  const c = await robotWith(t, broker.url, 'c', ['sugar-beet', 'dock']);
  await until('all serve a head with all labels', () =>
    [a, b, c].every((one) => one.head?.labels.length === 4),
  );
  const seen = placeData('elsewhere', ['thistle'], 20, SIZE);
  const right = c.answers(seen.features).filter((label) => label === 'thistle').length;
  assert.ok(right >= 18, `${right} of 20 right`);
  assert.deepEqual(
    [a, b, c].flatMap((one) => one.faults),
    [],
  );
});

/** A client of the API. */
async function clientOf(
  store: HubStore,
  url: string,
  role: 'view' | 'operate' = 'operate',
): Promise<{
  get<T>(path: string): Promise<T>;
  post(path: string, body: object): Promise<{ status: number; body: Record<string, unknown> }>;
}> {
  const { token } = await store.transaction((tables) =>
    addPerson(tables, `${role} ${Math.random()}`, role, 'hub', Date.now()),
  );
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return {
    get: async <T>(path: string) => {
      const response = await fetch(new URL(path, url), { headers });
      assert.equal(response.status, 200, path);
      return (await response.json()) as T;
    },
    post: async (path, body) => {
      const response = await fetch(new URL(path, url), {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
  };
}

const KEY = { task: 'weeds', backbone: 'b1' };

test('moments fix a basis, sums follow in it, and it can be renewed', {
  skip: withoutMosquitto,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  const learning = {
    basisDirections: 8,
    basisMinSamples: 100,
    roundIntervalMs: 1_000,
    settleMs: 200,
  };
  const { store, url } = await startHub(t, place, hubConfig(broker.url, { learning }));
  const a = await robotWith(t, broker.url, 'a', ['maize', 'thistle']);
  await until('its moment is here', () => a.task?.moment_wanted === false);
  const basis = () => a.task?.basis ?? null;
  assert.equal(basis(), null);
  const b = await robotWith(t, broker.url, 'b', ['maize', 'dock']);
  await until('both serve', () => [a, b].every((one) => one.head?.labels.length === 3));
  assert.equal(basis()?.directions, 8);
  const first = basis()?.checksum;
  assert.equal(b.prior?.classes.map(({ label }) => label).join(), 'maize,thistle');
  const { post } = await clientOf(store, url);
  a.learn(placeData('more', ['grass'], 30, SIZE));
  assert.equal((await post('/api/renew-basis', KEY)).status, 200);
  await until('the basis is gone', () => basis()?.checksum !== first);
});

test('a rollout stops when gates refuse; an operator pins, pauses and rolls back', {
  skip: withoutMosquitto,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  const { store, url } = await startHub(
    t,
    place,
    hubConfig(broker.url, { rollout: { stageMs: 0, stages: [0, 0.5, 1] } }),
  );
  const gate = (_: unknown, version: number) => (version === 1 ? 'serving' : 'refused');
  const robots: RobotStandIn[] = [];
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
    robots.push(await robotWith(t, broker.url, name, ['maize', 'dock'], { gate }));
  }
  const { get, post } = await clientOf(store, url);
  const detail = () => get<TaskDetail>('/api/tasks/weeds/b1');
  await until('a robot serves', () => robots.some((robot) => robot.servingVersion === 1));
  await until('version 1 is settled', async () => (await detail()).rollout?.state === 'done');
  assert.ok(robots.every((robot) => robot.servingVersion === 1));
  robots[0]!.learn(placeData('new', ['thistle'], 30, SIZE));
  await until('version 2 is stopped', async () => (await detail()).rollout?.state === 'stopped');
  const { rollout } = await detail();
  assert.equal(rollout?.version, 2);
  assert.match(rollout?.reason ?? '', /refused/);
  const reached = robots.filter((robot) => robot.servingVersion === 2).length;
  assert.ok(reached >= 3 && reached < 6, `${reached} robots`);
  assert.equal((await post('/api/pause', { robot: 'a' })).status, 200);
  assert.equal((await post('/api/group', { robot: 'b', group: 'north' })).status, 200);
  assert.equal((await post('/api/pin', { group: 'north', ...KEY, version: 1 })).status, 200);
  await until(
    'they are told',
    () => robots[0]!.task?.follow === 'paused' && robots[1]!.task?.follow === 'pinned',
  );
  assert.equal(robots[1]!.task?.head?.fleet_version, 1);
  assert.equal((await post('/api/rollback', { ...KEY, version: null })).status, 200);
  await until('all others are back', () =>
    robots.slice(2).every((robot) => robot.task?.head?.roll_back === true),
  );
  assert.ok(robots.slice(2).every((robot) => robot.task?.head?.fleet_version === 1));
  // The next head waits for an operator.
  robots[2]!.learn(placeData('newer', ['thistle'], 30, SIZE));
  await until('version 3 waits', async () => (await detail()).rollout?.version === 3);
  assert.equal((await detail()).rollout?.state, 'paused');
  assert.ok(robots.every((robot) => robot.task?.head?.fleet_version !== 3));
  assert.equal((await post('/api/rollout', { ...KEY, action: 'resume' })).status, 200);
  await until('a robot gets version 3', () =>
    robots.some((robot) => robot.task?.head?.fleet_version === 3),
  );
  const { entries } = await get<{ entries: { by: string; action: string }[] }>(
    '/api/audit?limit=200',
  );
  for (const action of ['pause', 'group', 'pin', 'rollback', 'rollout']) {
    assert.ok(
      entries.some((entry) => entry.action === action && entry.by.startsWith('operate')),
      action,
    );
  }
  for (const action of ['head', 'rollout-stage', 'rollout-done', 'rollout-stopped']) {
    assert.ok(
      entries.some((entry) => entry.action === action && entry.by === 'hub'),
      action,
    );
  }
});

test('hostile robots: wrong labels are quarantined, impossible sums refused', {
  skip: withoutMosquitto,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  const { store, url } = await startHub(t, place, hubConfig(broker.url));
  const labels = ['dock', 'maize', 'thistle'];
  const robots: RobotStandIn[] = [];
  for (const name of ['a', 'b', 'c', 'd'])
    robots.push(await robotWith(t, broker.url, name, labels));
  const { get, post } = await clientOf(store, url);
  await until('all serve', () => robots.every(({ servingVersion }) => servingVersion !== null));
  await until('a head of four', async () => {
    const { head } = await get<TaskDetail>('/api/tasks/weeds/b1');
    return head?.robots === 4;
  });
  // The same plants under each other's names.
  const shifted = placeData('liar', labels, 30, SIZE);
  const names = shifted.labels.map((label) => labels[(labels.indexOf(label) + 1) % 3]!);
  const liar = await robotWith(t, broker.url, 'liar', [], { data: { ...shifted, labels: names } });
  const huge = await robotWith(t, broker.url, 'huge', labels, {
    distort: (sums) => {
      sums.classes[0]!.sums.gram[0] = 1e30;
      return sums;
    },
  });
  const nan = await robotWith(t, broker.url, 'nan', labels, {
    distort: (sums) => {
      sums.classes[0]!.sums.sum[0] = Number.NaN;
      return sums;
    },
  });
  await until('both are refused', () => [huge, nan].every((robot) => robot.task?.refused != null));
  assert.equal(nan.task?.refused?.code, 'HL_FLEET_OBJECT_INVALID');
  await until('the liar is told', () => liar.desired?.quarantined != null);
  const quarantined = async () =>
    (await get<RobotList>('/api/robots')).robots.filter(({ quarantine }) => quarantine !== null);
  const [found, ...others] = await quarantined();
  assert.deepEqual(others, []);
  assert.equal(found?.robot, 'liar');
  assert.equal(found?.quarantine?.state, 'quarantined');
  assert.ok((found?.quarantine?.figures?.logLoss ?? 0) > 2);
  await until('the others serve a head without it', async () => {
    const { robots: merged, head } = await get<TaskDetail>('/api/tasks/weeds/b1');
    return (
      merged === 4 &&
      head?.robots === 4 &&
      robots.every((one) => one.servingVersion === head.version)
    );
  });
  const contrary = found?.tasks[0]?.disagreement;
  assert.ok(contrary && contrary.excess > (contrary.quarantineAt ?? 99), `${contrary?.excess}`);
  const { heads, rounds } = await get<TaskDetail>('/api/tasks/weeds/b1');
  for (const { lambda, scale, leftOut } of heads) {
    if (leftOut === null) continue;
    const { lambdas } = leftOut;
    assert.equal(lambdas.length, 9);
    const [chosen, ...more] = lambdas.filter((each) => each.chosen);
    assert.deepEqual(more, []);
    const { accuracy, macroAccuracy, logLoss } = leftOut;
    assert.deepEqual(chosen, { lambda, scale, accuracy, macroAccuracy, logLoss, chosen: true });
    // Chosen by log-loss; equal ones by the share of right answers.
    assert.ok(lambdas.every((each) => each.logLoss * 1.001 + 1e-12 >= logLoss / 1.001));
  }
  assert.ok(heads.every((head) => head.robots <= 4));
  assert.ok(rounds.some(({ state, reason }) => state === 'failed' && /liar/.test(reason ?? '')));
  const elsewhere = placeData('elsewhere', ['maize'], 20, SIZE);
  assert.ok(
    robots[0]!.answers(elsewhere.features).filter((label) => label === 'maize').length >= 19,
  );
  // An operator knows better: it stays released with these sums.
  assert.equal((await post('/api/release', { robot: 'liar' })).status, 200);
  await until(
    'its sums count again',
    async () => (await get<TaskDetail>('/api/tasks/weeds/b1')).robots === 5,
  );
  await until('another round has ended', async () => {
    const { round } = await get<TaskDetail>('/api/tasks/weeds/b1');
    return round?.state === 'done' && round.robots === 5;
  });
  assert.deepEqual(await quarantined(), []);
});

test('names of the fleet, labels that stay on robots, and withdrawal', {
  skip: withoutMosquitto,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  const { store, url } = await startHub(t, place, hubConfig(broker.url));
  const a = await robotWith(t, broker.url, 'a', ['maize', 'docken', 'secret']);
  const b = await robotWith(t, broker.url, 'b', ['maize', 'dock']);
  const { get, post } = await clientOf(store, url);
  await until('a head with four names', () => b.head?.labels.length === 4);
  assert.equal(
    (await post('/api/alias', { ...KEY, label: 'docken', instead: 'dock' })).status,
    200,
  );
  assert.equal((await post('/api/alias', { ...KEY, label: 'dock', instead: 'x' })).status, 422);
  assert.equal((await post('/api/never-share', { ...KEY, label: 'secret', on: true })).status, 200);
  await until('a head with two names', () => b.head?.labels.join() === 'dock,maize');
  assert.deepEqual(a.task?.local_labels, ['secret']);
  const { classList } = await get<TaskDetail>('/api/tasks/weeds/b1');
  const dock = classList.find(({ label }) => label === 'dock');
  assert.deepEqual(dock?.alsoCalled, ['docken']);
  assert.deepEqual(dock?.taughtBy.map(({ robot }) => robot).sort(), ['a', 'b']);
  const before = b.task?.head?.fleet_version ?? 0;
  a.withdraw();
  await until(
    'only one is left',
    async () => (await get<TaskDetail>('/api/tasks/weeds/b1')).robots === 1,
  );
  await until('nothing of it is left', async () => {
    const rest = await store.transaction(({ sql }) =>
      sql.all("SELECT * FROM contributions WHERE robot = 'a'"),
    );
    return rest.length === 0;
  });
  await until('a head without it', () => (b.servingVersion ?? 0) > before);
  // All other robots together: there are none.
  assert.equal(b.prior, null);
});

test('roles, tokens, health and metrics', { skip: withoutMosquitto }, async (t) => {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  const { store, url } = await startHub(t, place, hubConfig(broker.url));
  const a = await robotWith(t, broker.url, 'a', ['maize', 'dock']);
  await until('it serves', () => a.servingVersion !== null);
  for (const token of ['', 'Bearer wrongwrongwrongwrong']) {
    const headers = { authorization: token };
    const response = await fetch(new URL('/api/overview', url), {
      headers: headers,
    });
    assert.equal(response.status, 401);
  }
  const viewer = await clientOf(store, url, 'view');
  const overview = await viewer.get<HubOverview>('/api/overview');
  assert.deepEqual(overview.robots, {
    all: 1,
    online: 1,
    flagged: 0,
    quarantined: 0,
    withdrawn: 0,
  });
  assert.equal(overview.broker.connected, true);
  const refused = await viewer.post('/api/pause', { robot: 'a' });
  assert.equal(refused.status, 403);
  assert.equal(a.task?.follow, 'follow');
  const operator = await clientOf(store, url);
  const added = await operator.post('/api/people', { name: 'Eva', role: 'view' });
  assert.equal(typeof (added.body as unknown as NewPerson).token, 'string');
  assert.equal((await operator.post('/api/pause', { robot: 'nobody' })).status, 404);
  assert.equal((await operator.post('/api/pause', { robot: 'a', more: 1 })).status, 422);
  assert.equal((await operator.post('/api/recompute', KEY)).body.equal, true);
  assert.equal((await fetch(new URL('/healthz', url))).status, 200);
  const metrics = await (await fetch(new URL('/metrics', url))).text();
  assert.match(metrics, /^headland_fleet_robots\{state="online"\} 1$/m);
  assert.match(metrics, /^headland_fleet_head_version\{task="weeds",backbone="b1"\} 1$/m);
});

test('wrong tokens are bounded, and right ones are not', { skip: withoutMosquitto }, async (t) => {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  const { store, url } = await startHub(t, place, hubConfig(broker.url));
  const { get } = await clientOf(store, url, 'view');
  const guess = async (): Promise<Response> => {
    const headers = { authorization: `Bearer ${'x'.repeat(43)}` };
    return fetch(new URL('/api/me', url), { headers });
  };
  for (let right = 0; right < 40; right++) await get('/api/me');
  const statuses = new Set<number>();
  for (let wrong = 0; wrong < 20; wrong++) statuses.add((await guess()).status);
  assert.deepEqual([...statuses], [401]);
  const refused = await guess();
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  const { error } = (await refused.json()) as { error: { code: string } };
  assert.equal(error.code, 'HL_FLEET_TOO_MANY_ATTEMPTS');
  // What needs no token is open.
  assert.equal((await fetch(new URL('/metrics', url))).status, 200);
  assert.equal((await fetch(new URL('/healthz', url))).status, 200);
});
