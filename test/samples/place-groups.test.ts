import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { distanceMeters, METERS_PER_DEGREE, type Position } from '../../src/base/geo/position.js';
import { PlaceGroups } from '../../src/samples/grouping/place-groups.js';
import { newSample, temporaryStore } from './support.js';

const RADIUS = 2;

/** Meters north and east of a field at 52 degrees north. */
function at(northMeters: number, eastMeters = 0, accuracyMeters: number | null = 0.02): Position {
  const width = METERS_PER_DEGREE * Math.cos((52 * Math.PI) / 180);
  return {
    latitude: 52 + northMeters / METERS_PER_DEGREE,
    longitude: 9 + eastMeters / width,
    accuracyMeters,
    altitudeMeters: null,
    speedMetersPerSecond: null,
    courseDegrees: null,
  };
}

/** A robot that stores a frame wherever it is. */
function robot(t: TestContext) {
  const { store } = temporaryStore(t);
  const boot = () =>
    new PlaceGroups(RADIUS, (position, radiusMeters) => store.near(position, radiusMeters));
  let places = boot();
  let atMs = 0;
  let stored = 0;
  const go = (position: Position) => {
    atMs += 100;
    places.moved({ position, atMs });
    return { position, atMs };
  };
  return {
    store,
    restart: () => {
      places = boot();
    },
    go,
    /** @returns the group of the frame */
    frame(position: Position, timeGroup: string, label: string | null = null): string {
      const located = go(position);
      const group = places.groupFor(located) ?? timeGroup;
      stored += 1;
      const { sample } = store.admit(newSample(`${stored}`, { group, label, position }));
      places.stored(sample.id, located);
      return group;
    },
  };
}

/** Frames every half meter along a row, with a new group of time every 20 frames. */
function pass(r: ReturnType<typeof robot>, name: string, eastMeters = 0): string[] {
  return Array.from({ length: 100 }, (_, i) =>
    r.frame(at(i / 2, eastMeters), `${name}-${Math.floor(i / 20)}`),
  );
}

describe('groups by place', () => {
  test('frames of a first pass are grouped by time, however close they are', (t) => {
    const groups = pass(robot(t), 'first');
    assert.equal(new Set(groups).size, 5);
    assert.equal(groups[19], 'first-0');
    assert.equal(groups[20], 'first-1');
  });

  test('every frame of a later pass is in the group of the frames at its place', (t) => {
    const r = robot(t);
    const first = pass(r, 'first');
    assert.deepEqual(pass(r, 'second', 0.1), first);
    // Also on the way back, and after a restart.
    const back = first.map((_, i) => r.frame(at((99 - i) / 2, -0.1), 'back'));
    assert.deepEqual(back, [...first].reverse());
    r.restart();
    assert.deepEqual(pass(r, 'third', 0.2), first);
  });

  test('a robot that turns at once is on another pass, as soon as it has left the place', (t) => {
    const r = robot(t);
    assert.equal(r.frame(at(0), 'a'), 'a');
    r.go(at(2 * RADIUS - 0.5));
    assert.equal(r.frame(at(0), 'b'), 'b');
    r.go(at(2 * RADIUS + 0.5));
    assert.equal(r.frame(at(0), 'c'), 'a');
  });

  test('a robot that stands still stays with the groups of time', (t) => {
    const r = robot(t);
    const groups = Array.from({ length: 50 }, (_, i) => r.frame(at(0.01 * i), `time-${i}`));
    assert.equal(new Set(groups).size, 50);
  });

  test('a row beside it, farther than the radius, is another place', (t) => {
    const r = robot(t);
    pass(r, 'first');
    const other = pass(r, 'other', RADIUS + 0.1);
    assert.deepEqual(
      [...new Set(other)],
      Array.from({ length: 5 }, (_, i) => `other-${i}`),
    );
  });

  test('a position that is less accurate than the radius, or of unknown accuracy, decides nothing', (t) => {
    for (const accuracy of [RADIUS + 0.01, null]) {
      const r = robot(t);
      r.frame(at(0), 'a');
      r.go(at(100));
      assert.equal(r.frame(at(0, 0, accuracy), 'b'), 'b');
      r.go(at(100));
      // Nor does it attract later ones.
      assert.equal(r.frame(at(0), 'c'), 'a');
      r.frame(at(50, 0, accuracy), 'd');
      r.go(at(100));
      assert.equal(r.frame(at(50), 'e'), 'e');
    }
  });

  test('frames never join what the user keeps out of training', (t) => {
    const r = robot(t);
    r.store.admit(newSample('kept', { group: 'kept', label: 'a', position: at(0) }), {
      kept: true,
    });
    assert.equal(r.frame(at(0), 'time'), 'time');
  });

  test('one plant is never on both sides of the holdout, and sides stay as they are', (t) => {
    const r = robot(t);
    const sides = () => new Map(r.store.list().map(({ group, holdout }) => [group, holdout]));
    for (let plant = 0; plant < 30; plant++) {
      r.frame(at(10 * plant), `first-${plant}`, plant % 2 ? 'weed' : 'crop');
    }
    const before = sides();
    assert.ok([...before.values()].includes(true) && [...before.values()].includes(false));
    for (let plant = 0; plant < 30; plant++) {
      r.frame(at(10 * plant, 1), `second-${plant}`, plant % 2 ? 'weed' : 'crop');
    }
    assert.deepEqual(sides(), before);
    assert.equal(r.store.counts().labelled, 60);
  });

  test('whatever the way, a frame of a later pass joins the nearest accurate sample within the radius', () => {
    const meters = fc.integer({ min: -40, max: 40 }).map((n) => n / 4);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(meters, meters), { maxLength: 20 }),
        meters,
        meters,
        (places, n, e) => {
          const samples = places.map(([north, east], i) => ({
            id: `${i}`,
            place: at(north, east),
          }));
          const here = at(n, e);
          const near = (position: Position, radiusMeters: number) =>
            samples
              .map(({ id, place }) => {
                return {
                  id,
                  group: id,
                  capturedAtMs: 0,
                  distanceMeters: distanceMeters(position, place),
                };
              })
              .filter((each) => each.distanceMeters <= radiusMeters)
              .sort((a, b) => a.distanceMeters - b.distanceMeters);
          const group = new PlaceGroups(RADIUS, near).groupFor({ position: here, atMs: 0 });
          const distances = samples.map(({ place }) => distanceMeters(here, place));
          const least = Math.min(...distances);
          if (least > RADIUS) assert.equal(group, null);
          else assert.equal(distances[Number(group)], least);
        },
      ),
    );
  });
});

test('the store finds what lies within a radius, also across the date line and at the pole', (t) => {
  const { store } = temporaryStore(t);
  const place = (latitude: number, longitude: number): Position => {
    return { ...at(0), latitude, longitude };
  };
  const put = (name: string, position: Position) =>
    store.admit(newSample(name, { group: name, position }));
  put('west', place(10, 179.999_999));
  put('east', place(10, -179.999_999));
  put('pole', place(89.999_99, 0));
  put('far', place(10, 0));
  store.admit(newSample('nowhere', { group: 'nowhere' }));
  const names = (position: Position) => store.near(position, 5).map(({ group }) => group);
  assert.deepEqual(names(place(10, 180)).sort(), ['east', 'west']);
  assert.deepEqual(names(place(89.999_99, 180)), ['pole']);
});

test('the store finds what a search of all samples finds, wherever on earth', (t) => {
  const { store } = temporaryStore(t);
  const radiusMeters = 500_000;
  const places = [-90, -89, -45, 1, 60, 88, 90].flatMap((latitude) =>
    [-180, -178, -90, 0, 3, 177, 180].map((longitude): Position => {
      return { ...at(0), latitude, longitude: longitude + 0.5 * Math.sign(-longitude) };
    }),
  );
  const stored = new Map(
    places.map((position, i) => {
      const { id } = store.admit(newSample(`${i}`, { group: `${i}`, position })).sample;
      return [id, position];
    }),
  );
  fc.assert(
    fc.property(
      fc.double({ min: -90, max: 90, noNaN: true }),
      fc.double({ min: -180, max: 180, noNaN: true }),
      (latitude, longitude) => {
        const here = { ...at(0), latitude, longitude };
        const expected = [...stored]
          .filter(([, place]) => distanceMeters(here, place) <= radiusMeters)
          .map(([id]) => id);
        assert.deepEqual(
          store
            .near(here, radiusMeters)
            .map(({ id }) => id)
            .sort(),
          expected.sort(),
        );
      },
    ),
  );
});

test('a search for places near reads the groups once, not once a sample', (t) => {
  const { store, database } = temporaryStore(t);
  const prepare = database.prepare.bind(database);
  const seen: string[] = [];
  database.prepare = (sql) => {
    seen.push(sql);
    return prepare(sql);
  };
  store.near(at(0), RADIUS);
  const [search, ...others] = seen;
  assert.ok(search !== undefined && others.length === 0);
  const plan = prepare<{ detail: string }>(`EXPLAIN QUERY PLAN ${search}`)
    .all(0, 0, 0, 0, 0, 0, 0)
    .map(({ detail }) => detail);
  assert.ok(
    plan.some((step) => step.includes('samples_by_place')),
    plan.join('\n'),
  );
  assert.ok(!plan.some((step) => step.includes('CORRELATED')), plan.join('\n'));
  assert.match(search, /longitude BETWEEN/);
});
