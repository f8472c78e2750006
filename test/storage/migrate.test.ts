import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { SIGHTING_TABLES, SightingTable } from '../../src/samples/sightings/sighting-table.js';
import { SampleStore } from '../../src/samples/store.js';
import { SAMPLE_TABLES } from '../../src/samples/tables.js';
import { ACCESS_TABLES, AccessTable } from '../../src/storage/access-table.js';
import { AUDIT_TABLES, AuditLog } from '../../src/storage/audit-table.js';
import { type Database, findDamage, openDatabase } from '../../src/storage/database.js';
import { EVENT_TABLES, EventLog } from '../../src/storage/event-log.js';
import { META_TABLES, Meta } from '../../src/storage/meta-table.js';
import { migrate } from '../../src/storage/migrate.js';
import { OUTBOX_TABLES, OutboxTable } from '../../src/storage/outbox-table.js';
import { REPORT_TABLES, ReportLog } from '../../src/storage/report-log.js';
import { SYNC_TABLES, SyncTable } from '../../src/sync/sync-table.js';
import { hasCode } from '../errors.js';
import { temporaryFolder } from '../temporary-folder.js';
import { fixtureNames, openFixture } from './fixtures.js';

const openSamples = (database: Database) =>
  new SampleStore(database, {
    holdoutShare: 0.2,
    holdoutAfterSamples: 0,
    maxPictureStoreBytes: 1_000_000_000,
  });

function checkOutbox(database: Database, version: number): void {
  const table = new OutboxTable(database);
  const messages = table.after(0);
  assert.deepEqual(table.after(messages[1]!.id), messages.slice(2));
  assert.deepEqual(
    messages.map(({ id, topic, qos, retain, expiresAtMs, payload, correlation }) => [
      id,
      topic,
      qos,
      retain,
      expiresAtMs,
      JSON.parse(Buffer.from(payload).toString()).seq,
      correlation && [...correlation],
    ]),
    [
      [2, 'headland/r1/metrics', 1, false, 604_800_000, 2, undefined],
      [3, 'headland/r1/training/report', 1, false, null, 3, undefined],
      [4, 'headland/r1/cmd/status/response', 1, false, 600_000, 4, [0, 255, 7]],
      [5, 'headland/r1/event', version < 2 ? 1 : 0, false, null, 5, undefined],
    ],
  );
  assert.deepEqual(table.totals(), {
    event: { messages: 1, bytes: 173 },
    report: { messages: 1, bytes: 193 },
    metrics: { messages: 1, bytes: 177 },
    result: { messages: 1, bytes: 193 },
    fleet: { messages: 0, bytes: 0 },
  });
  const dated = { dateMs: 1_770_000_000_000, clockMs: 80_000, kernelBoot: 'b0' };
  assert.deepEqual(
    table.savedClock(),
    version < 3 ? null : { clockMs: 90_000, kernelBoot: 'b0', uptimeMs: 120_000, dated },
  );
}

const AT_48_11 = {
  latitude: 48.1173,
  longitude: 11.5166667,
  accuracyMeters: 0.02,
  altitudeMeters: 545.4,
  speedMetersPerSecond: 0.5,
  courseDegrees: 84.4,
};

function checkSamples(database: Database, version: number): void {
  const store = openSamples(database);
  const samples = store.list();
  const [first] = samples;
  assert.deepEqual(
    samples.map(({ label, group, holdout }) => [label, group, holdout]),
    [
      [version === 1 ? 'crop' : 'beet', 'pass-1', false],
      ['weed', 'pass-2', false],
      [null, 'pass-3', false],
    ],
  );
  assert.deepEqual(
    samples.map(({ id }) => Buffer.from(store.picture(id)!).toString()),
    ['picture 1', 'picture 2', 'picture 3'],
  );
  assert.equal(first!.multiplicity, version === 1 ? 3 : 1);
  const { pictureBytes, waiting, excluded, trash, thinned, classes } = store.counts();
  assert.deepEqual([pictureBytes, waiting, excluded, trash, thinned], [27, 1, 0, 0, 0]);
  assert.deepEqual(
    classes.map(({ label, training, groups }) => [label, training, groups]),
    [
      [version === 1 ? 'crop' : 'beet', 1, 1],
      ['weed', 1, 1],
    ],
  );
  assert.equal(store.labelRevision(), version === 1 ? 2 : 3);
  assert.equal(store.labelHistory(first!.id)[0]!.newLabel, 'crop');
  const position = version < 6 ? null : AT_48_11;
  assert.deepEqual(
    samples.map((sample) => sample.position),
    [null, position, null],
  );
  const vectors = store.features([first!.id], 'sha256:abc', '', 0).get(first!.id);
  assert.deepEqual(vectors, [Float32Array.of(1, 0.5)]);
}

/** Each room: its steps, and what must be there after an older version was brought up to date. */
const ROOMS: Record<
  string,
  { steps: readonly string[]; check: (database: Database, version: number) => void }
> = {
  access: {
    steps: ACCESS_TABLES,
    check: (database) => {
      const table = new AccessTable(database);
      assert.equal(table.pairing('AAAAAAAA')?.used, true);
      assert.deepEqual(
        table.sessions().map(({ id, device, lastSeenAtMs }) => [id, device, lastSeenAtMs]),
        [['BBBBBBBB', 'Chrome on Android', 1_770_000_600_000]],
      );
    },
  },
  audit: {
    steps: AUDIT_TABLES,
    check: (database) => {
      const entries = new AuditLog(database).list();
      assert.deepEqual(
        entries.map(({ sequence, kind, atMs }) => [sequence, kind, atMs]),
        [
          [2, 'command', 1_700_000_001_000],
          [1, 'start', 1_700_000_000_000],
        ],
      );
      assert.deepEqual(entries[0]!.detail, { name: 'rollback', version: 2 });
    },
  },
  meta: {
    steps: META_TABLES,
    check: (database) => assert.equal(new Meta(database).get('position'), '600'),
  },
  outbox: { steps: OUTBOX_TABLES, check: checkOutbox },
  reports: {
    steps: REPORT_TABLES,
    check: (database) => {
      const last = new ReportLog(database).last('main');
      assert.deepEqual([last?.trainingId, last?.outcome, last?.headVersion], ['t1', 'promoted', 1]);
    },
  },
  samples: { steps: SAMPLE_TABLES, check: checkSamples },
  sightings: {
    steps: SIGHTING_TABLES,
    check: (database) => {
      const rows = new SightingTable(database, 1_000).list();
      assert.deepEqual(
        rows.map(({ task, label, frames, latitude, accuracyMeters, lastAtMs }) => [
          task,
          label,
          frames,
          latitude,
          accuracyMeters,
          lastAtMs,
        ]),
        [
          ['main', 'weed', 3, 48.1173, 0.02, 1_700_000_001_000],
          ['pests', 'aphid', 1, -33.5, null, 1_700_000_002_000],
        ],
      );
    },
  },
  events: {
    steps: EVENT_TABLES,
    check: (database) => {
      const events = new EventLog(database).list({ limit: 9 });
      assert.deepEqual(
        events.map(({ sequence, atMs, kind, severity, text }) => [
          sequence,
          atMs,
          kind,
          severity,
          text,
        ]),
        [
          [2, 1_700_000_001_000, 'head', 'info', 'head 2 serves'],
          [1, 1_700_000_000_000, 'alarm', 'warning', 'the disk is full'],
        ],
      );
    },
  },
  sync: {
    steps: SYNC_TABLES,
    check: (database) => {
      const table = new SyncTable(database);
      const target = table.targetOf('https://b.s3.eu-west-3.amazonaws.com/r1/');
      assert.deepEqual(table.totals(target), { sent: 1, due: 1, dueBytes: 1_200 });
      assert.deepEqual(table.due(target, '', 10), [
        { sampleId: 'b', pictureBytes: 1_200, file: null, sentDigest: null, due: true },
      ]);
      assert.deepEqual(table.outcome(target), { passedAtMs: 1_700_000_000_000, error: null });
      assert.deepEqual(table.allowance(), { bytes: 5_000, savedAtMs: 1_700_000_000_001 });
    },
  },
};

/** Every table, index and trigger, with spaces as one. */
function schemaOf(database: Database): Record<string, string> {
  const rows = database
    .prepare<{ name: string; sql: string }>(
      `SELECT name, sql FROM sqlite_schema
       WHERE sql IS NOT NULL AND name <> 'schema_versions' ORDER BY name`,
    )
    .all();
  return Object.fromEntries(rows.map(({ name, sql }) => [name, sql.replaceAll(/\s+/g, ' ')]));
}

function fresh(t: TestContext, room: string, steps: readonly string[]): Database {
  const database = openDatabase(join(temporaryFolder(t), 'fresh.db'));
  t.after(() => database.close());
  migrate(database, room, steps);
  return database;
}

const versionOf = (name: string) => Number(name.slice(name.lastIndexOf('-') + 1));

for (const [room, { steps, check }] of Object.entries(ROOMS)) {
  describe(`the tables of ${room}`, () => {
    const fixtures = fixtureNames().filter((name) => name.startsWith(`${room}-`));

    test('there is a fixture of every version', () => {
      const versions = fixtures.map(versionOf).filter((version) => version > 0);
      assert.deepEqual(
        versions,
        steps.map((_, index) => index + 1),
        `keep one: sqlite3 headland.db .dump > test/storage/fixtures/${room}-<version>.sql`,
      );
    });

    for (const name of fixtures) {
      const version = versionOf(name);

      test(`${name} is brought up to date with everything in it`, (t) => {
        const path = join(temporaryFolder(t), 'old.db');
        const database = openFixture(path, name);
        t.after(() => database.close());
        check(database, version);
        assert.deepEqual(schemaOf(database), schemaOf(fresh(t, room, steps)));
        assert.deepEqual(
          database.prepare('SELECT version FROM schema_versions WHERE room = ?').get(room),
          { version: steps.length },
        );
        assert.deepEqual(findDamage(database), []);
        database.close();
        const again = openDatabase(path);
        t.after(() => again.close());
        check(again, version);
      });

      test(`the steps that led to ${name} are still the same`, (t) => {
        const database = openFixture(join(temporaryFolder(t), 'old.db'), name);
        t.after(() => database.close());
        // What had no version yet has the tables of the first.
        const made = fresh(t, room, steps.slice(0, Math.max(1, version)));
        assert.deepEqual(schemaOf(made), schemaOf(database));
      });
    }

    test('tables of a later headland are refused', (t) => {
      const database = fresh(t, room, steps);
      database.exec(`UPDATE schema_versions SET version = ${steps.length + 1}`);
      assert.throws(() => check(database, steps.length), hasCode('HL_STORE_NEWER'));
    });
  });
}

test('every fixture belongs to a room', () => {
  const rooms = fixtureNames().map((name) => name.slice(0, name.lastIndexOf('-')));
  assert.deepEqual([...new Set(rooms)].sort(), Object.keys(ROOMS).sort());
});
