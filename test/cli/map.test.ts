import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { headland } from '../agent/daemon.js';
import { openRobot } from '../agent/support.js';
import { newSample } from '../samples/support.js';

const HERE = {
  latitude: 52,
  longitude: 9.5,
  accuracyMeters: 0.02,
  altitudeMeters: 98.5,
  speedMetersPerSecond: 1,
  courseDegrees: 90,
};

/** A robot that saw a row of weeds, and has labelled samples with and without a position. */
function robot(t: TestContext): { dir: string; at: string[] } {
  const { dir, state } = openRobot(t);
  const [{ samples }] = state.tasks;
  samples.admit(newSample('1', { label: 'crop & <weed>', position: HERE }));
  samples.admit(newSample('2', { label: 'weed' }));
  samples.admit(newSample('3', { position: HERE }));
  const sighting = {
    task: 'main',
    label: 'weed',
    frames: 4,
    maxProbability: 0.98765,
    longitude: 9.5,
    accuracyMeters: null,
    firstAtMs: Date.UTC(2026, 4, 1, 6),
    lastAtMs: Date.UTC(2026, 4, 1, 6, 0, 2),
  };
  state.sightings.write(
    [52, 52.000_01, 52.001].map((latitude) => ({ id: null, sighting: { ...sighting, latitude } })),
  );
  return { dir, at: ['--state', dir] };
}

function mapOf(...args: string[]) {
  const { status, stdout, stderr } = headland('map', ...args);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

describe('headland map', () => {
  test('is GeoJSON: longitude first, with what was seen and labelled', (t) => {
    const { at } = robot(t);
    const { type, features } = mapOf(...at);
    assert.equal(type, 'FeatureCollection');
    assert.equal(features.length, 4);
    const [first] = features;
    assert.deepEqual(first.geometry, { type: 'Point', coordinates: [9.5, 52] });
    assert.deepEqual(first.properties, {
      kind: 'sighting',
      task: 'main',
      label: 'weed',
      probability: 0.9877,
      frames: 4,
      time: '2026-05-01T06:00:00.000Z',
      last_time: '2026-05-01T06:00:02.000Z',
      accuracy_meters: null,
    });
    const sample = features[3];
    assert.deepEqual(sample.geometry.coordinates, [9.5, 52, 98.5]);
    assert.equal(sample.properties.label, 'crop & <weed>');
    assert.equal(sample.properties.accuracy_meters, 0.02);
  });

  test('takes what is asked for', (t) => {
    const { at } = robot(t);
    assert.equal(mapOf('--what', 'samples', ...at).features.length, 1);
    assert.equal(mapOf('--what', 'sightings', ...at).features.length, 3);
    assert.equal(mapOf('--label', 'weed', ...at).features.length, 3);
    // The sample is of 2023.
    assert.equal(mapOf('--since', '2026-05-01T06:00:02Z', ...at).features.length, 3);
    assert.equal(mapOf('--since', '2026-05-02', ...at).features.length, 0);
    assert.equal(headland('map', '--since', 'yesterday', ...at).status, 2);
  });

  test('draws areas of cells: neighbours are one polygon', (t) => {
    const { at } = robot(t);
    const { features } = mapOf('--cells', '--cell-meters', '2', '--label', 'weed', ...at);
    const [area] = features;
    assert.equal(area.geometry.type, 'MultiPolygon');
    assert.equal(area.properties.label, 'weed');
    assert.equal(area.properties.places, 3);
    assert.equal(area.properties.area_square_meters, 4 * area.properties.cells);
    for (const [ring] of area.geometry.coordinates) assert.deepEqual(ring[0], ring.at(-1));
  });

  test('writes KML where the file ends so, with labels escaped', (t) => {
    const { dir, at } = robot(t);
    const file = join(dir, 'weeds.kml');
    const { status, stdout } = headland('map', '--out', file, '--cells', ...at);
    assert.deepEqual([status, stdout], [0, '']);
    const text = readFileSync(file, 'utf8');
    assert.match(text, /<kml xmlns="http:\/\/www\.opengis\.net\/kml\/2\.2">/);
    assert.match(text, /<name>crop &amp; &lt;weed&gt;<\/name>/);
    assert.match(text, /<Point><coordinates>9\.5,52\.001<\/coordinates><\/Point>/);
    assert.match(text, /<outerBoundaryIs><LinearRing><coordinates>9\./);
    assert.match(text, /<TimeSpan><begin>2026-05-01T06:00:00\.000Z<\/begin>/);
  });
});
