import type { Mutant } from '../mutant.js';

const PLACES_TESTS = [{ file: 'test/samples/place-groups.test.ts' }];
const NMEA_TESTS = [{ file: 'test/host/position/nmea.test.ts' }];
const GEOTAG_TESTS = [{ file: 'test/vision/geotag/geotag.test.ts' }];
const SIGHTING_TESTS = [{ file: 'test/samples/sightings/sightings.test.ts' }];
const OUTLINE_TESTS = [{ file: 'test/samples/map/cell-outlines.test.ts' }];

export const POSITION_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a damaged sentence of a receiver is no position',
    file: 'src/host/position/nmea-sentence.ts',
    text: 'if (checksumOf(body) !== Number.parseInt(sum, 16)) return null;',
    replacement: '',
    tests: NMEA_TESTS,
  },
  {
    promise: 'a position without a fix is none',
    file: 'src/host/position/nmea-fixes.ts',
    text: 'gga.quality >= 1 && gga.quality <= 6',
    replacement: 'gga.quality >= 0',
    tests: NMEA_TESTS,
  },
  {
    promise: 'the accuracy of gpsd is what the receiver says',
    file: 'src/host/position/gpsd-report.ts',
    text: 'this.#accuracyMeters ?? number(',
    replacement: 'number(',
    tests: [{ file: 'test/host/position/gpsd-report.test.ts' }],
  },
  {
    promise: 'a position is not used when it is too old',
    file: 'src/host/position/current-position.ts',
    text: 'this.nowMs() - this.#receivedMs <= this.maxAgeMs',
    replacement: 'true',
    tests: [{ file: 'test/host/position/current-position.test.ts' }],
  },
  {
    promise: 'frames of one pass are grouped by time',
    file: 'src/samples/grouping/place-groups.ts',
    text: 'storedMs === undefined || ',
    replacement: 'true || ',
    tests: PLACES_TESTS,
  },
  {
    promise: 'a position that is too inaccurate decides no group',
    file: 'src/samples/grouping/place-groups.ts',
    text: 'position.accuracyMeters > this.radiusMeters',
    replacement: 'false',
    tests: PLACES_TESTS,
  },
  {
    promise: 'an inaccurate sample attracts no frame',
    file: 'src/samples/shared-samples.ts',
    text: 'AND accuracy_meters <= ?',
    replacement: 'AND coalesce(accuracy_meters, 0) < 1000 + ?',
    tests: PLACES_TESTS,
  },
  {
    promise: 'no frame joins a group that the user keeps out of training',
    file: 'src/samples/shared-samples.ts',
    text: 'FROM task_groups WHERE kept = 1',
    replacement: 'FROM task_groups WHERE kept = 2',
    tests: PLACES_TESTS,
  },
  {
    promise: 'taking the position out of a picture gives the picture back',
    file: 'src/vision/geotag/geotag.ts',
    text: 'viewOf(before).setUint32(4, firstAt, block.little);',
    replacement: '',
    tests: GEOTAG_TESTS,
  },
  {
    promise: 'the position that a camera wrote stays',
    file: 'src/vision/geotag/geotag.ts',
    text: 'entries.some(isGps) ? null',
    replacement: 'entries.length < 0 ? null',
    tests: GEOTAG_TESTS,
  },
  {
    promise: 'a sighting that could not be written is written later',
    file: 'src/samples/sightings/sighting-recorder.ts',
    text: 'if (known?.changed) this.#open.set(',
    replacement: 'if (known?.changed === false) this.#open.set(',
    tests: SIGHTING_TESTS,
  },
  {
    promise: 'the table of sightings is bounded',
    file: 'src/samples/sightings/sighting-table.ts',
    text: '.run(this.maxRows);',
    replacement: '.run(this.maxRows * 1_000);',
    tests: SIGHTING_TESTS,
  },
  {
    promise: 'the outline of cells crosses itself nowhere',
    file: 'src/samples/map/cell-outlines.ts',
    text: '[3, 0, 1].find',
    replacement: '[1, 0, 3].find',
    tests: OUTLINE_TESTS,
  },
  {
    promise: 'a search for places near reads the groups once',
    file: 'src/samples/shared-samples.ts',
    text: 'group_name NOT IN (SELECT name FROM task_groups WHERE kept = 1)',
    replacement: 'NOT EXISTS (SELECT 1 FROM task_groups WHERE name = group_name AND kept = 1)',
    tests: PLACES_TESTS,
  },
  {
    promise: 'a place near a pole is found at any longitude',
    file: 'src/base/geo/position.ts',
    text: 'farthest >= 90 ? 180 :',
    replacement: 'farthest >= 90 ? 1 :',
    tests: PLACES_TESTS,
  },
  {
    promise: 'positions stay on the robot where the setting says so',
    file: 'src/sync/discovery.ts',
    text: 'positions ? sample : { ...sample, position: null }',
    replacement: 'positions ? sample : { ...sample }',
    tests: [{ file: 'test/sync/synchroniser.test.ts', names: 'positions are in' }],
  },
  {
    promise: 'an export without positions holds none',
    file: 'src/samples/folder/export-folder.ts',
    text: 'includePositions ? sample : { ...sample, position: null }',
    replacement: 'includePositions ? sample : { ...sample }',
    tests: [{ file: 'test/samples/export.test.ts', names: 'without positions' }],
  },
];
