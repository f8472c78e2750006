import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { distanceMeters } from '../../../src/base/geo/position.js';
import type { ListFilter } from '../../../src/samples/listing/sample-list.js';
import type { Sample } from '../../../src/samples/sample.js';
import type { SampleStore } from '../../../src/samples/store.js';
import { newSample, openStore, temporaryStore } from '../support.js';

const DAY_MS = 86_400_000;
const NOWHERE = {
  accuracyMeters: 1,
  altitudeMeters: null,
  speedMetersPerSecond: null,
  courseDegrees: null,
};

/** 60 samples of every kind. @returns all, with those of the trash */
function filled(store: SampleStore): Sample[] {
  const ids = Array.from({ length: 60 }, (_, i) => {
    const label = i % 4 === 0 ? null : `class ${i % 3}`;
    const position = i % 2 ? { latitude: 48 + i / 1e5, longitude: 11, ...NOWHERE } : null;
    const capturedAtMs = 1_700_000_000_000 + i * Math.trunc(DAY_MS / 7);
    const given = { label, group: `g${i % 9}`, source: `camera ${i % 2}`, capturedAtMs, position };
    return store.admit(newSample(`${i}`, given)).sample.id;
  });
  store.change(ids[3]!, { state: 'bad_image' }, 'cli');
  store.change(ids[4]!, { state: 'cannot_tell' }, 'cli');
  store.remove([ids[5]!, ids[8]!], 'cli');
  return ids.map((id) => store.find(id)!);
}

const filter: fc.Arbitrary<ListFilter> = fc.record(
  {
    state: fc.constantFrom(
      'labelled',
      'waiting',
      'cannot_tell',
      'bad_image',
      'ignored',
      'trash',
    ) as fc.Arbitrary<NonNullable<ListFilter['state']>>,
    label: fc.constantFrom('class 0', 'class 1', 'none'),
    holdout: fc.boolean(),
    source: fc.constantFrom('camera 0', 'camera 1'),
    fromMs: fc.nat(8).map((day) => 1_700_000_000_000 + day * DAY_MS),
    toMs: fc.nat(8).map((day) => 1_700_000_000_000 + day * DAY_MS),
    place: fc.nat(60).map((i) => ({ latitude: 48 + i / 1e5, longitude: 11, radiusMeters: 20 })),
  },
  { requiredKeys: [] },
);

function isWanted(sample: Sample, wanted: ListFilter): boolean {
  const { state, label, holdout, source, fromMs, toMs, place } = wanted;
  return (
    (state === undefined ? sample.state !== 'trash' : sample.state === state) &&
    (label === undefined || sample.label === label) &&
    (holdout === undefined || (sample.label !== null && sample.holdout === holdout)) &&
    (source === undefined || sample.source === source) &&
    (fromMs === undefined || sample.capturedAtMs >= fromMs) &&
    (toMs === undefined || sample.capturedAtMs < toMs) &&
    (place === undefined ||
      (sample.position !== null && distanceMeters(place, sample.position) <= place.radiusMeters))
  );
}

describe('the list of all samples', () => {
  test('gives what a plain search gives, in any part and order', (t) => {
    const { store } = temporaryStore(t, { holdoutShare: 0.4 });
    const all = filled(store).filter(({ state }) => state !== 'trash');
    fc.assert(
      fc.property(
        filter,
        fc.boolean(),
        fc.nat(30),
        fc.integer({ min: 1, max: 20 }),
        (f, newest, offset, limit) => {
          // Labels and sides of the trash are compared below.
          fc.pre(f.state !== 'trash');
          const expected = all.filter((sample) => isWanted(sample, f)).map(({ id }) => id);
          if (newest) expected.reverse();
          const order = newest ? 'newest' : 'oldest';
          const found = store.everything.page(f, { order, offset, limit });
          assert.equal(found.total, expected.length);
          assert.deepEqual(
            found.samples.map(({ id }) => id),
            expected.slice(offset, offset + limit),
          );
        },
      ),
      { numRuns: 300 },
    );
    const trash = store.everything.page({ state: 'trash' }, { limit: 10 });
    assert.deepEqual(
      trash.samples.map(({ state }) => state),
      ['trash', 'trash'],
    );
  });

  test('lists chosen ids, and no others', (t) => {
    const { store } = temporaryStore(t);
    const ids = filled(store).map(({ id }) => id);
    const found = store.everything.page({ ids: [ids[9]!, ids[1]!, 'nobody'] }, { limit: 5 });
    assert.deepEqual(
      found.samples.map(({ id }) => id),
      [ids[9], ids[1]],
    );
  });

  test('counts what is there, by the day of the person, and again after any change', (t) => {
    const { store, path } = temporaryStore(t, { holdoutShare: 0.4 });
    const all = filled(store).filter(({ state }) => state !== 'trash');
    const facets = store.everything.facets(120);
    const count = (which: (sample: Sample) => boolean) => all.filter(which).length;
    assert.deepEqual(
      new Map(facets.states.map(({ state, samples }) => [state, samples])),
      new Map<string, number>([
        ['labelled', count(({ label }) => label !== null)],
        ['waiting', count(({ state }) => state === 'waiting')],
        ['bad_image', 1],
        ['cannot_tell', 1],
        ['trash', 2],
      ]),
    );
    assert.deepEqual(
      facets.classes,
      store.counts().classes.map(({ label, training, holdout }) => ({ label, training, holdout })),
    );
    for (const { fromMs, toMs, samples } of facets.days) {
      assert.equal(new Date(fromMs + 120 * 60_000).getUTCHours(), 0);
      assert.equal(
        samples,
        count((s) => s.capturedAtMs >= fromMs && s.capturedAtMs < toMs),
      );
    }
    const placed = facets.places.reduce((sum, { samples }) => sum + samples, 0);
    assert.equal(
      placed,
      count(({ position }) => position !== null),
    );
    assert.equal(store.everything.facets(120).days, facets.days, 'remembered');
    store.label(all[0]!.id, 'class 9', 'cli');
    assert.equal(store.everything.facets(120).classes.at(-1)?.label, 'class 9');
    const other = openStore(path);
    t.after(() => other.database.close());
    other.store.label(all[0]!.id, 'class 8', 'cli');
    assert.equal(store.everything.facets(120).classes.at(-1)?.label, 'class 8');
    const total = () => store.everything.page({ label: 'class 8' }, { limit: 1 }).total;
    assert.equal(total(), 1);
    store.change(all[1]!.id, { label: 'class 8' }, 'cli');
    assert.equal(total(), 2);
  });
});
