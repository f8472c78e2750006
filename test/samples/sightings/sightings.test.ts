import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { METERS_PER_DEGREE } from '../../../src/base/geo/position.js';
import {
  type SeenLabel,
  SightingRecorder,
} from '../../../src/samples/sightings/sighting-recorder.js';
import { SightingTable } from '../../../src/samples/sightings/sighting-table.js';
import { openDatabase } from '../../../src/storage/database.js';
import { temporaryFolder } from '../../temporary-folder.js';

function recorder(t: TestContext, maxRows = 1_000) {
  const path = join(temporaryFolder(t), 'headland.db');
  const database = openDatabase(path);
  t.after(() => database.close());
  const table = new SightingTable(database, maxRows);
  return { path, database, table, recorder: new SightingRecorder(table, 1) };
}

/** A frame at so many meters north of a corner of a cell. */
function seen(northMeters: number, atMs: number, given: Partial<SeenLabel> = {}): SeenLabel {
  const position = {
    latitude: (5_800_000 + northMeters) / METERS_PER_DEGREE,
    longitude: 9,
    accuracyMeters: 0.02,
    altitudeMeters: null,
    speedMetersPerSecond: null,
    courseDegrees: null,
  };
  const capturedAtMs = 1_770_000_000_000 + atMs;
  return {
    task: 'main',
    label: 'weed',
    probability: 0.8,
    located: { position, atMs },
    capturedAtMs,
    ...given,
  };
}

describe('sightings', () => {
  test('frames of a label in one cell are one sighting, at the place of the most probable one', (t) => {
    const { table, recorder: r } = recorder(t);
    r.see(seen(0.2, 0));
    r.see(seen(0.4, 200, { probability: 0.95 }));
    r.see(seen(0.6, 400, { probability: 0.9 }));
    r.see(seen(1.2, 600));
    r.see(seen(0.4, 700, { label: 'crop' }));
    r.see(seen(0.4, 700, { task: 'pests' }));
    r.flush(1_000);
    const rows = table.list({ task: 'main' });
    assert.deepEqual(
      rows.map(({ label, frames, maxProbability }) => [label, frames, maxProbability]),
      [
        ['weed', 3, 0.95],
        ['weed', 1, 0.8],
        ['crop', 1, 0.8],
      ],
    );
    const [first] = rows;
    assert.equal(first!.latitude, seen(0.4, 0).located.position.latitude);
    assert.equal(first!.lastAtMs - first!.firstAtMs, 400);
    assert.equal(table.list().length, 4);
  });

  test('a row is written again while the pass goes on; the next pass is another one', (t) => {
    const { table, recorder: r } = recorder(t);
    r.see(seen(0.5, 0));
    r.flush(1_000);
    r.see(seen(0.5, 30_000));
    r.flush(31_000);
    assert.deepEqual(
      table.list().map(({ frames }) => frames),
      [2],
    );
    r.see(seen(0.5, 91_000));
    r.flush(92_000);
    assert.deepEqual(
      table.list().map(({ frames }) => frames),
      [2, 1],
    );
  });

  test('a pass that ended before it was written is not lost', (t) => {
    const { table, recorder: r } = recorder(t);
    r.see(seen(0.5, 0));
    r.see(seen(0.5, 61_000));
    r.see(seen(0.5, 122_000));
    r.flush(123_000);
    assert.equal(table.list().length, 3);
  });

  test('a failed write loses nothing, and the next one writes it once', (t) => {
    const { database, table, recorder: r } = recorder(t);
    r.see(seen(0.5, 0));
    database.exec(
      "CREATE TRIGGER full BEFORE INSERT ON sightings BEGIN SELECT RAISE(ABORT, 'x'); END",
    );
    assert.throws(() => r.flush(1_000));
    database.exec('DROP TRIGGER full');
    r.flush(100_000);
    r.flush(101_000);
    assert.equal(table.list().length, 1);
  });

  test('the oldest rows go when there are too many, and what is gone is not written again', (t) => {
    const { table, recorder: r } = recorder(t, 100);
    for (let i = 0; i < 150; i++) r.see(seen(i + 0.5, i));
    r.flush(1_000);
    assert.equal(table.list().length, 100);
    assert.equal(table.list()[0]!.firstAtMs, seen(0, 50).capturedAtMs);
    r.see(seen(0.5, 1_001));
    r.flush(1_002);
    assert.equal(table.list().length, 100);
  });

  test('since a time means seen at or after it', (t) => {
    const { table, recorder: r } = recorder(t);
    r.see(seen(0.5, 0));
    r.see(seen(5.5, 1_000));
    r.flush(2_000);
    const { capturedAtMs } = seen(0, 1_000);
    assert.equal(table.list({ sinceMs: capturedAtMs }).length, 1);
    assert.equal(table.list({ sinceMs: capturedAtMs + 1 }).length, 0);
  });

  test('nothing changed, nothing written', () => {
    let writes = 0;
    const r = new SightingRecorder({ write: () => void writes++ }, 1);
    r.flush(0);
    r.see(seen(0.5, 1));
    r.flush(2);
    r.flush(3);
    assert.equal(writes, 1);
  });

  test('every frame is counted once, whenever it is written', () => {
    const step = fc.record({
      meters: fc.nat(4),
      label: fc.constantFrom('weed', 'crop'),
      waitMs: fc.constantFrom(0, 200, 50_000, 61_000),
      flush: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const rows = new Map<object, number>();
        const table = {
          write: (all: readonly { id: number | null; sighting: { frames: number } }[]) => {
            for (const row of all) {
              row.id ??= rows.size + 1;
              rows.set(row, row.sighting.frames);
            }
          },
        };
        const r = new SightingRecorder(table, 1);
        let atMs = 0;
        for (const { meters, label, waitMs, flush } of steps) {
          atMs += waitMs;
          r.see(seen(meters + 0.5, atMs, { label }));
          if (flush) r.flush(atMs);
        }
        r.flush(atMs);
        assert.equal(
          [...rows.values()].reduce((sum, frames) => sum + frames, 0),
          steps.length,
        );
      }),
    );
  });
});
