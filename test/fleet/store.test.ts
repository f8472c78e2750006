import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { createRandom, shuffled } from '../../src/base/random.js';
import { encodeChunks } from '../../src/fleet/contract/chunk-codec.js';
import { ChunkIntake } from '../../src/fleet/hub/ingest/chunk-intake.js';
import { ReportIntake } from '../../src/fleet/hub/ingest/report-intake.js';
import {
  mergePending,
  RecomputeSteps,
  readMerged,
  recompute,
} from '../../src/fleet/hub/lead/exact-merge.js';
import { addPerson, tokenDigest } from '../../src/fleet/hub/people.js';
import { HubStore } from '../../src/fleet/hub/store/hub-store.js';
import type { Sql, SqlCell } from '../../src/fleet/hub/store/sql/sql.js';
import { ContributionRows } from '../../src/fleet/hub/store/tables/contribution-rows.js';
import { flatten } from '../../src/head/sums/class-sums.js';
import { ExactSums } from '../../src/head/sums/exact-sums.js';
import { decodeSums } from '../../src/head/sums/task-sums.js';
import { temporaryFolder } from '../temporary-folder.js';
import { Postgres, withoutPostgres } from './postgres.js';
import { BACKBONE, randomSums, reportWith, TASK, taskIn } from './sums-of.js';

const CHUNK_LIMITS = {
  maxRobots: 100,
  maxObjectBytes: 1_000_000,
  maxPendingBytes: 2_000_000,
  maxClasses: 16,
};
const REPORT_LIMITS = { maxRobots: 100, maxTasks: 3 };

let cluster: Promise<Postgres> | null = null;
after(async () => (await cluster)?.stop());
let databases = 0;

interface Opened {
  store: HubStore;
  /** Another connection, as of another hub. */
  another(): Promise<HubStore>;
}

const STORES: { name: string; skip: string | false; open(t: TestContext): Promise<Opened> }[] = [
  {
    name: 'SQLite',
    skip: false,
    open: async (t) => {
      const sqlite = join(temporaryFolder(t), 'hub.sqlite');
      const { store } = await opened(t, () => HubStore.open({ sqlite }));
      // Two connections of one process would wait for each other.
      return { store, another: async () => store };
    },
  },
  {
    name: 'PostgreSQL',
    skip: withoutPostgres,
    open: async (t) => {
      // Stopped with the file, not with the test that happens to need it first.
      cluster ??= Postgres.start({ after: () => {} });
      const url = (await cluster).database(`test${++databases}`);
      return opened(t, () => HubStore.open({ postgres: url, password: null }));
    },
  },
];

async function opened(t: TestContext, open: () => Promise<HubStore>): Promise<Opened> {
  const another = async (): Promise<HubStore> => {
    const store = await open();
    t.after(() => store.close());
    return store;
  };
  return { store: await another(), another };
}

const EPOCHS: Readonly<Record<string, string>> = { r: randomUUID(), s: randomUUID() };

/** What the merged sums would be, from the objects alone. */
function expected(objects: readonly Uint8Array[]): Map<string, ExactSums> {
  const classes = new Map<string, ExactSums>();
  for (const bytes of objects) {
    for (const { label, sums } of decodeSums(bytes).classes) {
      const flat = flatten(sums);
      const merged = classes.get(label) ?? new ExactSums(flat.length);
      classes.set(label, merged);
      merged.add(flat);
    }
  }
  return classes;
}

async function assertMerged(
  store: HubStore,
  scope: number,
  objects: readonly Uint8Array[],
): Promise<void> {
  const wanted = expected(objects);
  const merged = await store.transaction((tables) => readMerged(tables, scope, 6));
  assert.deepEqual(
    merged.map(({ label }) => label),
    [...wanted.keys()].sort(),
  );
  for (const { label, merged: found } of merged) {
    assert.deepEqual(found.sums.coarse, wanted.get(label)?.coarse, label);
    assert.deepEqual(found.sums.fine, wanted.get(label)?.fine, label);
  }
}

for (const { name, skip, open } of STORES) {
  test(`${name}: chunks in any order, twice and by two hubs are one contribution`, {
    skip,
  }, async (t) => {
    const { store, another } = await open(t);
    const scope = await taskIn(store);
    const intakes = [
      new ChunkIntake(store, CHUNK_LIMITS),
      new ChunkIntake(await another(), CHUNK_LIMITS),
    ];
    const random = createRandom(5);
    const newest = new Map<string, Uint8Array>();
    const robots = ['r1', 'r2', 'r3', 'r4'];
    const epochs = new Map(robots.map((robot) => [robot, randomUUID()]));
    const replays: { robot: string; chunk: Uint8Array }[] = [];
    for (let version = 1; version <= 5; version++) {
      for (const robot of robots) {
        const epoch = epochs.get(robot)!;
        const labels = ['a', 'b', 'c', 'd'].slice(random.int(3));
        const sums = randomSums(random.int(1e9), { epoch, version, labels });
        assert.ok(sums.chunks.length > 2);
        newest.set(robot, sums.bytes);
        const sent = shuffled([...sums.chunks, ...sums.chunks], random);
        await Promise.all(sent.map((chunk) => intakes[random.int(2)]!.take(robot, chunk)));
        for (const chunk of sums.chunks) replays.push({ robot, chunk });
        if (random.next() < 0.5)
          await store.transaction((tables) => mergePending(tables, scope, 2));
      }
    }
    // What came before comes again.
    for (const { robot, chunk } of shuffled(replays, random)) await intakes[0]!.take(robot, chunk);
    while ((await store.transaction((tables) => mergePending(tables, scope, 2))) > 0);
    await assertMerged(store, scope, [...newest.values()]);
    const again = await store.transaction((tables) => recompute(tables, scope, 1));
    assert.deepEqual(again.differing, []);
    assert.equal(again.robots, 4);
    const row = await store.transaction(({ robots: rows }) => rows.find('r1'));
    assert.ok(row!.replayed >= 15, `${row!.replayed} replays`);
    assert.equal(row!.accepted, 5);
    assert.deepEqual(await store.transaction(({ uploads }) => uploads.ofRobot('r1')), []);
  });

  test(`${name}: an earlier epoch is a replay, a new one replaces`, { skip }, async (t) => {
    const { store } = await open(t);
    const scope = await taskIn(store);
    const intake = new ChunkIntake(store, CHUNK_LIMITS);
    const old = randomSums(1, { version: 9 });
    const fresh = randomSums(2);
    for (const chunk of [...old.chunks, ...fresh.chunks, ...old.chunks])
      await intake.take('r', chunk);
    const reports = new ReportIntake(store, REPORT_LIMITS);
    await reports.take('r', reportWith(old.epoch, 99), 5);
    assert.equal((await store.transaction(({ robots }) => robots.find('r')))!.report, null);
    await reports.take('r', reportWith(fresh.epoch, 7), 6);
    await reports.take('r', reportWith(fresh.epoch, 3, { version: 'late' }), 7);
    const row = (await store.transaction(({ robots }) => robots.find('r')))!;
    assert.equal(row.reportNumber, 7);
    assert.equal(row.seenAtMs, 6);
    await store.transaction((tables) => mergePending(tables, scope, 10));
    await assertMerged(store, scope, [fresh.bytes]);
  });

  test(`${name}: withdrawn and quarantined sums leave no trace, and released ones come back`, {
    skip,
  }, async (t) => {
    const { store } = await open(t);
    const scope = await taskIn(store);
    const intake = new ChunkIntake(store, CHUNK_LIMITS);
    const reports = new ReportIntake(store, REPORT_LIMITS);
    const sums = new Map(['x', 'y', 'z'].map((robot, i) => [robot, randomSums(10 + i)]));
    for (const [robot, { chunks, epoch }] of sums) {
      await reports.take(robot, reportWith(epoch, 1));
      for (const chunk of chunks) await intake.take(robot, chunk);
    }
    const merge = () => store.transaction((tables) => mergePending(tables, scope, 10));
    const bytesOf = (...robots: string[]) => robots.map((robot) => sums.get(robot)!.bytes);
    await merge();
    await assertMerged(store, scope, bytesOf('x', 'y', 'z'));
    await store.transaction(({ robots }) =>
      robots.quarantine('x', 'quarantined', { reason: 'odd' }, 1),
    );
    await merge();
    await assertMerged(store, scope, bytesOf('y', 'z'));
    // It sends again, is withdrawn, and is merged only then.
    const { epoch } = sums.get('y')!;
    const next = randomSums(77, { epoch, version: 2 });
    for (const chunk of next.chunks) await intake.take('y', chunk);
    await reports.take('y', reportWith(epoch, 2, { share: false }));
    await merge();
    await assertMerged(store, scope, bytesOf('z'));
    const kept = await store.transaction(({ sql }) =>
      sql.all("SELECT robot FROM contributions WHERE robot = 'y'"),
    );
    assert.deepEqual(kept, []);
    await store.transaction(({ robots }) => robots.quarantine('x', null, null, 2));
    await merge();
    await assertMerged(store, scope, bytesOf('x', 'z'));
    assert.deepEqual(
      (await store.transaction((tables) => recompute(tables, scope, 1))).differing,
      [],
    );
  });

  test(`${name}: what changes while the leader merges stays due`, { skip }, async (t) => {
    const { store } = await open(t);
    const scope = await taskIn(store);
    const intake = new ChunkIntake(store, CHUNK_LIMITS);
    const first = randomSums(5);
    for (const chunk of first.chunks) await intake.take('r', chunk);
    const pending = () =>
      store.transaction(({ contributions }) => contributions.pending(scope, 10));
    const settle = (object: string | null, due: number) =>
      store.transaction(({ contributions }) => contributions.setMerged(scope, 'r', object, due));
    const [found] = await pending();
    assert.equal(found?.wanted, 1);
    // Between the look of the leader and its note that the sums are merged.
    await store.transaction(({ robots }) => robots.quarantine('r', 'quarantined', {}, 1));
    await settle(first.object, found.due);
    const [after] = await pending();
    assert.equal(after?.wanted, 0);
    await settle(null, after.due);
    assert.deepEqual(await pending(), []);
    await store.transaction(({ robots }) => robots.quarantine('r', null, null, 2));
    const [released] = await pending();
    await settle(first.object, released?.due ?? 0);
    assert.deepEqual(await pending(), []);
    const next = randomSums(6, { epoch: first.epoch, version: 2 });
    for (const chunk of next.chunks) await intake.take('r', chunk);
    assert.equal((await pending())[0]?.object, next.object);
  });

  test(`${name}: a recomputation in steps bears new sums, and gives up when others merge`, {
    skip,
  }, async (t) => {
    const { store } = await open(t);
    const scope = await taskIn(store);
    const intake = new ChunkIntake(store, CHUNK_LIMITS);
    const first = randomSums(1);
    for (const chunk of first.chunks) await intake.take('r', chunk);
    for (const chunk of randomSums(2).chunks) await intake.take('s', chunk);
    await store.transaction((tables) => mergePending(tables, scope, 10));
    const steps = new RecomputeSteps(scope);
    await store.transaction((tables) => steps.begin(tables));
    assert.equal(await store.transaction((tables) => steps.add(tables, 1)), true);
    for (const robot of ['r', 's']) {
      const { epoch } = robot === 'r' ? first : { epoch: randomUUID() };
      const next = randomSums(3, { epoch, version: 2 });
      for (const chunk of next.chunks) await intake.take(robot, chunk);
    }
    assert.equal(await store.transaction((tables) => steps.add(tables, 1)), false);
    const found = await store.transaction((tables) => steps.end(tables, 1));
    assert.deepEqual([found?.robots, found?.differing], [2, []]);
    const late = new RecomputeSteps(scope);
    await store.transaction((tables) => late.begin(tables));
    await store.transaction((tables) => mergePending(tables, scope, 10));
    while (await store.transaction((tables) => late.add(tables, 1)));
    assert.equal(await store.transaction((tables) => late.end(tables, 2)), null);
    assert.deepEqual(
      (await store.transaction((tables) => recompute(tables, scope, 3))).differing,
      [],
    );
  });

  test(`${name}: a rollout counts the robots that it has asked`, { skip }, async (t) => {
    const { store } = await open(t);
    const scope = await taskIn(store);
    const reports = new ReportIntake(store, REPORT_LIMITS);
    const names = ['a', 'b', 'c', 'd', 'late'];
    for (const [i, robot] of names.entries()) {
      await reports.take(robot, reportWith(randomUUID(), 1), 1_000 * i);
    }
    const rollout = {
      scope,
      version: 4,
      state: 'running' as const,
      stage: 1,
      stageStartedAtMs: 0,
      previousVersion: null,
      reason: null,
      startedBy: 'hub',
    };
    const asked = await store.transaction(async ({ rollouts, robotTasks }) => {
      const stages = ['a', 'b', 'c', 'd'].map((robot, i) => ({
        robot,
        stage: i === 3 ? 2 : i % 2,
      }));
      await rollouts.begin(rollout, stages);
      const head = { scope, report: '{}', headVersion: 4, headState: 'serving' };
      await robotTasks.report({ robot: 'a', ...head });
      await robotTasks.report({ robot: 'b', ...head, headVersion: 3 });
      await robotTasks.report({ robot: 'd', ...head });
      return {
        second: await rollouts.asked(rollout, 2, 1_000),
        last: await rollouts.asked({ ...rollout, stage: 2 }, 2, 1_000),
      };
    });
    const sorted = (rows: typeof asked.last) =>
      rows.map(({ online, state, robots }) => `${robots} ${state} ${online}`).sort();
    assert.deepEqual(sorted(asked.second), ['1 serving 0', '2 null 1']);
    assert.deepEqual(sorted(asked.last), ['1 serving 0', '1 serving 1', '3 null 1']);
  });

  test(`${name}: a recomputation finds and replaces merged sums that are wrong`, {
    skip,
  }, async (t) => {
    const { store } = await open(t);
    const scope = await taskIn(store);
    const sums = randomSums(3);
    const intake = new ChunkIntake(store, CHUNK_LIMITS);
    for (const chunk of sums.chunks) await intake.take('r', chunk);
    await store.transaction((tables) => mergePending(tables, scope, 10));
    await store.transaction(async ({ merged }) => {
      const row = (await merged.find(scope, 'a'))!;
      const low = Uint8Array.from(row.low);
      low[8]! ^= 1;
      await merged.put(scope, { ...row, low });
    });
    const found = await store.transaction((tables) => recompute(tables, scope, 1));
    assert.deepEqual(found.differing, ['a']);
    await assertMerged(store, scope, [sums.bytes]);
    assert.equal(
      (await store.transaction(({ audit }) => audit.list(1, null, null)))[0]!.action,
      'merge-differed',
    );
  });

  test(`${name}: what is no object of the task is refused with its code`, { skip }, async (t) => {
    const { store } = await open(t);
    const scope = await taskIn(store, 5);
    const intake = new ChunkIntake(store, {
      ...CHUNK_LIMITS,
      maxObjectBytes: 2_000,
      maxPendingBytes: 6_000,
    });
    const refusal = async (): Promise<{ code: string; object: string } | null> => {
      const [row] = await store.transaction(({ robotTasks }) => robotTasks.ofRobot('r'));
      return row?.refusal == null ? null : JSON.parse(row.refusal);
    };
    const epoch = randomUUID();
    const other = randomSums(1, { epoch });
    for (const chunk of other.chunks) await intake.take('r', chunk);
    assert.equal((await refusal())!.code, 'HL_FLEET_BASIS_OTHER');
    assert.equal((await refusal())!.object, other.object);
    const large = randomSums(1, { epoch, size: 20, samples: 90 });
    for (const chunk of large.chunks) await intake.take('r', chunk);
    assert.equal((await refusal())!.code, 'HL_FLEET_OBJECT_TOO_LARGE');
    const wide = randomSums(1, { epoch, size: 5 });
    const narrow = new ChunkIntake(store, { ...CHUNK_LIMITS, maxClasses: 2 });
    for (const chunk of wide.chunks) await narrow.take('r', chunk);
    assert.equal((await refusal())!.code, 'HL_FLEET_OBJECT_TOO_LARGE');
    assert.equal((await refusal())!.object, wide.object);
    await store.transaction(({ names }) => names.setNeverShared(scope, 'b', true));
    const local = randomSums(2, { epoch, size: 5 });
    for (const chunk of local.chunks) await intake.take('r', chunk);
    assert.equal((await refusal())!.code, 'HL_FLEET_LABEL_LOCAL');
    const good = randomSums(1, { epoch, size: 5, labels: ['a', 'c'] });
    // A chunk that was damaged on the way: the object is dropped, and may come again.
    const [first, ...rest] = good.chunks;
    const damaged = Uint8Array.from(first!);
    damaged[damaged.length - 1]! ^= 1;
    for (const chunk of [damaged, ...rest]) await intake.take('r', chunk);
    // A refusal would keep the robot from sending it again.
    assert.notEqual((await refusal())?.object, good.object);
    assert.equal(
      await store.transaction(({ contributions }) => contributions.find(scope, 'r', 'sums')),
      null,
    );
    await intake.take('r', Buffer.from('no chunk'));
    for (const chunk of good.chunks) await intake.take('r', chunk);
    assert.equal(await refusal(), null);
    const row = (await store.transaction(({ robots }) => robots.find('r')))!;
    assert.equal(row.accepted, 1);
    assert.ok(row.refused >= 5);
  });

  test(`${name}: three impossible objects within a day quarantine, or flag`, {
    skip,
  }, async (t) => {
    const { store } = await open(t);
    await taskIn(store);
    const hourMs = 3_600_000;
    let version = 0;
    const send = async (intake: ChunkIntake, robot: string, atHours: number) => {
      version += 1;
      const about = { kind: 'sums' as const, task: TASK, backbone: BACKBONE, version };
      const bytes = Buffer.from(`no sums ${version}`);
      for (const chunk of encodeChunks(bytes, { ...about, epoch: EPOCHS[robot]! }))
        await intake.take(robot, chunk, atHours * hourMs);
      return (await store.transaction(({ robots }) => robots.find(robot)))!.quarantine;
    };
    const intake = new ChunkIntake(store, CHUNK_LIMITS);
    assert.equal(await send(intake, 'r', 100), null);
    assert.equal(await send(intake, 'r', 101), null);
    // The first is older than a day.
    assert.equal(await send(intake, 'r', 124.5), null);
    assert.equal(await send(intake, 'r', 124.9), 'quarantined');
    const careful = new ChunkIntake(store, CHUNK_LIMITS, { automatic: false });
    for (const at of [100, 101]) assert.equal(await send(careful, 's', at), null);
    assert.equal(await send(careful, 's', 102), 'flagged');
    const counts = await store.transaction(({ robots }) => robots.counts(100 * hourMs));
    assert.deepEqual(counts, { all: 2, online: 2, flagged: 1, quarantined: 1, withdrawn: 0 });
  });

  test(`${name}: unfinished objects of a robot are bounded`, { skip }, async (t) => {
    const { store } = await open(t);
    await taskIn(store);
    const intake = new ChunkIntake(store, CHUNK_LIMITS);
    const epoch = randomUUID();
    for (let i = 0; i < 20; i++) await intake.take('r', randomSums(i, { epoch }).chunks[0]!, i);
    const pending = await store.transaction(({ uploads }) => uploads.ofRobot('r'));
    assert.ok(pending.length <= 8, `${pending.length}`);
    assert.equal(pending.at(-1)!.atMs, 19);
  });

  test(`${name}: reports bound tasks and robots`, { skip }, async (t) => {
    const { store } = await open(t);
    const reports = new ReportIntake(store, { maxRobots: 2, maxTasks: 2 });
    const task = (backbone: string) => {
      const [one] = JSON.parse(Buffer.from(reportWith(randomUUID(), 1)).toString()).tasks;
      return { ...one, backbone: { ...one.backbone, checksum: backbone } };
    };
    await reports.take(
      'a',
      reportWith(randomUUID(), 1, { tasks: ['1', '2', '3', 'x\0'].map(task) }),
    );
    for (const robot of ['b', 'c']) await reports.take(robot, reportWith(randomUUID(), 1));
    const chunks = new ChunkIntake(store, { ...CHUNK_LIMITS, maxRobots: 2 });
    await chunks.take('d', randomSums(1).chunks[0]!);
    await reports.take('a', Buffer.from('{"schema":'));
    assert.deepEqual(
      (await store.transaction(({ scopes }) => scopes.list())).map((row) => row.backbone),
      ['1', '2'],
    );
    assert.deepEqual(
      (await store.transaction(({ robots }) => robots.list())).map((row) => row.robot),
      ['a', 'b'],
    );
  });

  test(`${name}: one leads; another follows, and the first cannot write any more`, {
    skip,
  }, async (t) => {
    const { store, another } = await open(t);
    const second = await another();
    const seats = [store.seat(), second.seat()];
    const term = (await seats[0]!.hold('one'))!;
    assert.equal(await seats[1]!.hold('two'), null);
    assert.equal(await seats[0]!.hold('one'), term);
    assert.equal(await store.leader(), 'one');
    await seats[0]!.leave();
    const next = (await seats[1]!.hold('two'))!;
    assert.ok(next > term);
    await assert.rejects(
      store.lead(term, async ({ robots }) => robots.touch(null)),
      (error) => isHeadlandError(error, 'HL_FLEET_NOT_LEADER'),
    );
    assert.equal(await second.lead(next, async () => 1), 1);
    assert.equal(await store.leader(), 'two');
    await seats[1]!.leave();
  });

  test(`${name}: a failed transaction writes nothing`, { skip }, async (t) => {
    const { store } = await open(t);
    const work = store.transaction(async ({ people }) => {
      await people.add('ann', 'view', 'd', 1);
      throw new Error('no');
    });
    await assert.rejects(work, /no/);
    assert.deepEqual(await store.transaction(({ people }) => people.list()), []);
  });

  test(`${name}: people and audit`, { skip }, async (t) => {
    const { store } = await open(t);
    const ann = await store.transaction((tables) => addPerson(tables, 'Ann', 'operate', 'hub', 5));
    await assert.rejects(
      store.transaction((tables) => addPerson(tables, 'Ann', 'view', 'hub', 5)),
      (error) => isHeadlandError(error, 'HL_FLEET_PERSON_KNOWN'),
    );
    await assert.rejects(
      store.transaction((tables) => addPerson(tables, 'hub', 'view', 'hub', 5)),
      (error) => isHeadlandError(error, 'HL_FLEET_PERSON_INVALID'),
    );
    const found = await store.transaction(({ people }) => people.byDigest(tokenDigest(ann.token)));
    assert.equal(found!.role, 'operate');
    const text = await store.transaction(({ sql }) => sql.all('SELECT * FROM people'));
    assert.ok(!JSON.stringify(text).includes(ann.token));
    await store.transaction(async ({ audit }) => {
      for (let i = 0; i < 5; i++) {
        await audit.add({
          atMs: i,
          by: 'Ann',
          action: 'pause',
          robot: `r${i % 2}`,
          task: null,
          detail: { i },
        });
      }
    });
    const entries = await store.transaction(({ audit }) => audit.list(2, 'r0', null));
    assert.deepEqual(
      entries.map(({ detail }) => detail.i),
      [4, 2],
    );
    const older = await store.transaction(({ audit }) => audit.list(9, 'r0', entries.at(-1)!.id));
    assert.deepEqual(
      older.map(({ detail }) => detail.i),
      [0],
    );
    await store.transaction(({ audit }) => audit.trim(2));
    assert.equal((await store.transaction(({ audit }) => audit.list(9, null, null))).length, 2);
  });
}

test('SQLite: what is due, and when sums came last, is found without reading all sums', async (t) => {
  const store = await HubStore.open({ sqlite: join(temporaryFolder(t), 'hub.sqlite') });
  t.after(() => store.close());
  const plans = await store.transaction(async ({ sql }) => {
    const found: string[] = [];
    const explained: Sql = {
      ...sql,
      all: async <Row>(text: string, ...values: SqlCell[]) => {
        const steps = await sql.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${text}`, ...values);
        found.push(steps.map(({ detail }) => detail).join('; '));
        return sql.all<Row>(text, ...values);
      },
    };
    const contributions = new ContributionRows(explained);
    await contributions.pending(1, 32);
    await contributions.noises(1);
    await contributions.ofRobot('r');
    await contributions.newestMs(1);
    return found;
  });
  const indexes = [
    /c USING INDEX due_contributions/,
    /noisy_contributions/,
    /contributions_of_robot/,
    /contributions_by_time/,
  ];
  for (const [i, index] of indexes.entries()) assert.match(plans[i] ?? '', index);
});
