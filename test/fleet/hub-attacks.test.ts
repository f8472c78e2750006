import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../src/base/log.js';
import { decodeChunk, framedChunk } from '../../src/fleet/contract/chunk-codec.js';
import { HubTally } from '../../src/fleet/hub/hub-tally.js';
import { ChunkIntake } from '../../src/fleet/hub/ingest/chunk-intake.js';
import { ReportIntake } from '../../src/fleet/hub/ingest/report-intake.js';
import { mergePending } from '../../src/fleet/hub/lead/exact-merge.js';
import type { LeadContext } from '../../src/fleet/hub/lead/lead-context.js';
import { makePriors } from '../../src/fleet/hub/lead/priors.js';
import { beginRound, endRound } from '../../src/fleet/hub/lead/round-step.js';
import type { RoundCall, RoundCalls } from '../../src/fleet/hub/round/round-protocol.js';
import { RoundThread } from '../../src/fleet/hub/round/round-thread.js';
import { HubStore } from '../../src/fleet/hub/store/hub-store.js';
import type { RoundRow } from '../../src/fleet/hub/store/tables/round-rows.js';
import { hasCode } from '../errors.js';
import { listen } from '../ports.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { hubConfig, startHub, until } from './hub-fixture.js';
import { placeData } from './places.js';
import { RobotStandIn, type StandInOptions } from './stand-in.js';
import { randomSums, reportWith, taskIn } from './sums-of.js';

const LIMITS = {
  maxRobots: 100,
  maxTasks: 10,
  maxObjectBytes: 1_000_000,
  maxPendingBytes: 2_000_000,
  maxClasses: 16,
};

/** The thread of rounds, during whose calls something happens. */
class WatchedThread extends RoundThread {
  during: { call: RoundCall; happens(): Promise<void> } | null = null;

  override async call<Call extends RoundCall>(
    call: Call,
    value: RoundCalls[Call][0],
  ): Promise<RoundCalls[Call][1]> {
    const answer = await super.call(call, value);
    const { during } = this;
    if (during?.call === call) {
      this.during = null;
      await during.happens();
    }
    return answer;
  }
}

interface Fleet {
  store: HubStore;
  scope: number;
  context: LeadContext;
  thread: WatchedThread;
  withdraw(robot: string): Promise<void>;
  merge(): Promise<unknown>;
  begin(atMs: number): Promise<RoundRow | null>;
}

/** Three robots whose sums are merged. */
async function fleet(t: TestContext): Promise<Fleet> {
  const store = await HubStore.open({ sqlite: join(temporaryFolder(t), 'hub.sqlite') });
  t.after(() => store.close());
  const thread = new WatchedThread();
  t.after(() => thread.close());
  const scope = await taskIn(store);
  const intake = new ChunkIntake(store, LIMITS);
  const reports = new ReportIntake(store, LIMITS);
  const epochs = new Map<string, string>();
  for (const [i, robot] of ['x', 'y', 'z'].entries()) {
    const { chunks, epoch } = randomSums(20 + i, { samples: 40 });
    epochs.set(robot, epoch);
    await reports.take(robot, reportWith(epoch, 1), 1_000);
    for (const chunk of chunks) await intake.take(robot, chunk, 1_000);
  }
  const merge = () => store.transaction((tables) => mergePending(tables, scope, 10));
  await merge();
  const context: LeadContext = {
    store,
    term: (await store.seat().hold('one'))!,
    thread,
    config: hubConfig('mqtt://127.0.0.1'),
    alarms: { raise: () => {}, clear: () => {} },
    log: silentLog(),
    tally: new HubTally(),
  };
  return {
    store,
    scope,
    context,
    thread,
    withdraw: (robot) =>
      reports.take(robot, reportWith(epochs.get(robot)!, 2, { share: false }), 1_500),
    merge,
    begin: async (atMs) => {
      const [row] = await store.transaction(({ scopes }) => scopes.list());
      await beginRound(context, row!, atMs);
      return store.transaction(({ rounds }) => rounds.newest(scope));
    },
  };
}

test('no round begins with sums that were withdrawn while its candidates were made', async (t) => {
  const { thread, withdraw, merge, begin, store, scope } = await fleet(t);
  thread.during = { call: 'candidates', happens: () => withdraw('x') };
  assert.equal(await begin(2_000), null);
  await merge();
  assert.equal((await begin(3_000))?.robots, 2);
  const asked = await store.transaction(({ rounds }) => rounds.asked(scope, 1));
  assert.deepEqual(
    asked.map(({ robot }) => robot),
    ['y', 'z'],
  );
});

test('no head is published from sums that were withdrawn while it was made', async (t) => {
  const { thread, withdraw, begin, store, scope, context } = await fleet(t);
  assert.equal((await begin(2_000))?.state, 'judging');
  thread.during = { call: 'head', happens: () => withdraw('x') };
  const [row] = await store.transaction(({ scopes }) => scopes.list());
  await endRound(context, row!, 1_000_000);
  const { head, round } = await store.transaction(async ({ heads, rounds }) => {
    return { head: await heads.newest(scope), round: await rounds.newest(scope) };
  });
  assert.equal(head, null);
  assert.equal(round?.state, 'failed');
});

test('no head is published with sums of a robot that was quarantined while it was made', async (t) => {
  const { thread, begin, store, scope, context } = await fleet(t);
  await begin(2_000);
  const detail = { by: 'Eva', reason: 'odd', atMs: 2_500 };
  thread.during = {
    call: 'head',
    happens: () =>
      store.transaction(({ robots }) => robots.quarantine('x', 'quarantined', detail, 2_500)),
  };
  const end = async () => {
    const [row] = await store.transaction(({ scopes }) => scopes.list());
    await endRound(context, row!, 1_000_000);
    return store.transaction(({ rounds }) => rounds.newest(scope));
  };
  assert.equal((await end())?.headVersion, null);
  assert.match((await end())?.reason ?? '', /made with sums of x/);
});

test('no prior is kept that was made from sums that were withdrawn meanwhile', async (t) => {
  const { thread, withdraw, merge, store, context } = await fleet(t);
  const make = async (): Promise<number> => {
    const [scope] = await store.transaction(({ scopes }) => scopes.list());
    await makePriors(context, [{ robot: 'y', scope: scope!, version: 1 }], 2_000);
    return store.transaction(({ objects }) => objects.bytesOf('prior'));
  };
  thread.during = { call: 'prior', happens: () => withdraw('x') };
  assert.equal(await make(), 0);
  await merge();
  assert.ok((await make()) > 0);
});

test('a damaged chunk makes no other robot of the one that sent it', async (t) => {
  const { store, scope } = await fleet(t);
  const intake = new ChunkIntake(store, LIMITS);
  const epoch = '0af5bb0a-64a5-4ba0-8e19-5a9b4a4f8f10';
  const first = randomSums(60, { epoch });
  for (const chunk of first.chunks) await intake.take('w', chunk);
  const next = randomSums(61, { epoch, version: 2 });
  const [chunk] = next.chunks;
  const at = Buffer.from(chunk!).indexOf(epoch) + epoch.length - 1;
  const damaged = Uint8Array.from(chunk!);
  damaged[at]! ^= 1;
  await intake.take('w', damaged);
  for (const one of next.chunks) await intake.take('w', one);
  const found = await store.transaction(({ contributions }) =>
    contributions.find(scope, 'w', 'sums'),
  );
  assert.equal(found?.object, next.object);
});

test('a chunk with a lie in its header does not keep its object out for good', async (t) => {
  const { store, scope } = await fleet(t);
  const intake = new ChunkIntake(store, LIMITS);
  const { chunks, object } = randomSums(50);
  const { header, payload } = decodeChunk(chunks[1]!);
  for (const change of [{ chunks: header.chunks + 1 }, { bytes: header.bytes + 9 }]) {
    await intake.take('w', framedChunk({ ...header, ...change }, payload));
  }
  for (const chunk of chunks) await intake.take('w', chunk);
  const found = await store.transaction(({ contributions }) =>
    contributions.find(scope, 'w', 'sums'),
  );
  assert.equal(found?.object, object);
  const robot = await store.transaction(({ robots }) => robots.find('w'));
  assert.equal(robot?.refused, 2);
});

test('a database that stops while a hub connects ends no hub', async (t) => {
  const message = (type: string, body: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(4 + body.length);
    return Buffer.concat([Buffer.from(type), length, body]);
  };
  // Ready, and in the same packet: it shuts down.
  const answer = Buffer.concat([
    message('R', Buffer.alloc(4)),
    message('Z', Buffer.from('I')),
    message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0')),
  ]);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  t.after(() => server.close());
  const port = await listen(server);
  await assert.rejects(
    HubStore.open({ postgres: `postgres://headland@127.0.0.1:${port}/fleet`, password: null }),
    hasCode('HL_FLEET_STORE_UNAVAILABLE'),
  );
});

const SIZE = 16;

function robotAt(
  t: TestContext,
  url: string,
  robot: string,
  more: Partial<StandInOptions> = {},
): RobotStandIn {
  const standIn = new RobotStandIn({
    robot,
    url,
    task: 'weeds',
    backbone: 'b1',
    featureSize: SIZE,
    data: placeData(robot, ['dock', 'maize'], 12, SIZE),
    ...more,
  });
  t.after(() => standIn.stop());
  return standIn;
}

/** As many samples as if the robot had seen its own that often. */
const heavy =
  (samples: number): NonNullable<StandInOptions['distort']> =>
  (task) => {
    for (const { sums } of task.classes) {
      const factor = samples / sums.samples;
      for (const values of [sums.sum, sums.gram]) {
        for (const [i, value] of values.entries()) values[i] = value * factor;
      }
      sums.samples = samples;
    }
    return task;
  };

test('a fleet may have more samples than a robot, and no robot so many or so few that no head can be made', {
  skip: withoutMosquitto,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  await startHub(t, place, hubConfig(broker.url));
  const most = robotAt(t, broker.url, 'most', { distort: heavy(1e7) });
  const plain = robotAt(t, broker.url, 'plain');
  const more = robotAt(t, broker.url, 'more', { distort: heavy(1e7 + 1) });
  const few = robotAt(t, broker.url, 'few', {
    data: placeData('few', ['new', 'newer'], 12, SIZE),
    distort: heavy(2 ** -55),
  });
  const huge = robotAt(t, broker.url, 'huge', {
    distort: (task) => {
      task.classes[0]!.sums.gram[0] = 1e30;
      return { ...task, sigma: 1e30 };
    },
  });
  const refused = [more, few, huge];
  const all = [most, plain, ...refused];
  for (const robot of all) await robot.start();
  await until('three are refused', () => refused.every(({ task }) => task?.refused != null));
  for (const { task } of refused) assert.equal(task?.refused?.code, 'HL_FLEET_OBJECT_INVALID');
  await until('all serve a head, and the third has the sums of both', () =>
    all.every(({ task, servingVersion, prior }) => {
      const isNewest = servingVersion !== null && servingVersion === task?.head?.fleet_version;
      return isNewest && prior !== null && more.prior?.classes[0]?.sums.samples === 1e7 + 12;
    }),
  );
  assert.deepEqual(
    all.flatMap(({ faults }) => faults),
    [],
  );
});

test('a fleet of MQTT 3.1.1 learns as any other', { skip: withoutMosquitto }, async (t) => {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  const mqtt = { url: broker.url, protocol: '3.1.1' };
  const { stop } = await startHub(t, place, hubConfig(broker.url, { mqtt }));
  const a = robotAt(t, broker.url, 'a', { protocolVersion: 4 });
  await a.start();
  await until('it serves', () => a.servingVersion !== null);
  // What comes while the hub is away, it takes when it is back.
  await stop();
  const before = a.servingVersion ?? 0;
  a.learn(placeData('later', ['thistle'], 12, SIZE));
  await startHub(t, place, hubConfig(broker.url, { mqtt }));
  await until('it serves what it learnt meanwhile', () => (a.servingVersion ?? 0) > before);
  assert.deepEqual(a.head?.labels, ['dock', 'maize', 'thistle']);
});

test('wishes to many robots at once warn of no leak', { skip: withoutMosquitto }, async (t) => {
  const warnings: string[] = [];
  const onWarning = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  await startHub(t, place, hubConfig(broker.url));
  const robots = Array.from({ length: 12 }, (_, i) => robotAt(t, broker.url, `r${i}`));
  for (const robot of robots) await robot.start();
  await until('all serve', () => robots.every(({ servingVersion }) => servingVersion !== null));
  assert.deepEqual(warnings, []);
});
