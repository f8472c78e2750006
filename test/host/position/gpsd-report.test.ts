import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BoundedLines } from '../../../src/host/position/bounded-lines.js';
import { GpsdReports } from '../../../src/host/position/gpsd-report.js';

/** The example of gpsd_json(5). */
const TPV = {
  class: 'TPV',
  device: '/dev/pts/1',
  time: '2005-06-08T10:34:48.283Z',
  ept: 0.005,
  lat: 46.498293369,
  lon: 7.567411672,
  alt: 1343.127,
  eph: 36,
  epv: 32.321,
  track: 10.3788,
  speed: 0.091,
  climb: -0.085,
  mode: 3,
};

const read = (report: object) => new GpsdReports().push(JSON.stringify(report));

describe('reports of gpsd', () => {
  test('the example of the manual is read', () => {
    assert.deepEqual(read(TPV)?.position, {
      latitude: 46.498293369,
      longitude: 7.567411672,
      accuracyMeters: 36,
      altitudeMeters: 1343.127,
      speedMetersPerSecond: 0.091,
      courseDegrees: 10.3788,
    });
  });

  test('the accuracy may be told by its parts, and the altitude above the sea has priority', () => {
    const { eph: _, ...rest } = TPV;
    const position = read({ ...rest, epx: 3, epy: 4, altMSL: 1290, altHAE: 1343 })?.position;
    assert.deepEqual([position?.accuracyMeters, position?.altitudeMeters], [5, 1290]);
    assert.equal(read(rest)?.position?.accuracyMeters, null);
  });

  test('without a fix there is no position, but a report', () => {
    assert.deepEqual(read({ ...TPV, mode: 1 }), { position: null });
    assert.deepEqual(read({ class: 'TPV', mode: 0 }), { position: null });
    assert.equal(read({ ...TPV, mode: 2 })?.position?.altitudeMeters, null);
  });

  test('what the receiver says of its errors has priority, for two positions', () => {
    const reports = new GpsdReports();
    const push = (report: object) => reports.push(JSON.stringify(report))?.position?.accuracyMeters;
    // As gpsd 3.22 reports an RTK fix.
    const rtk = { class: 'TPV', status: 3, mode: 3, lat: 48.1, lon: 11.5, eph: 17.1 };
    const gst = { class: 'GST', rms: 0.02, lat: 0.006, lon: 0.008, alt: 0.03 };
    assert.equal(push(rtk), 17.1);
    assert.equal(push(gst), undefined);
    assert.equal(push(rtk), 0.02);
    assert.equal(push(rtk), 0.02);
    assert.equal(push(rtk), 17.1);
  });

  test('other objects and damaged lines are no reports', () => {
    assert.equal(read({ class: 'SKY', lat: 1, lon: 2, mode: 3 }), null);
    for (const line of ['', 'null', '[]', '{"class":"TPV"', '"TPV"']) {
      assert.equal(new GpsdReports().push(line), null);
    }
  });

  test('no report throws or gives an impossible position', () => {
    const value = fc.oneof(fc.double(), fc.string(), fc.constant(null), fc.boolean());
    const fields = ['lat', 'lon', 'alt', 'eph', 'epx', 'epy', 'speed', 'track'];
    fc.assert(
      fc.property(
        fc.record(Object.fromEntries(fields.map((name) => [name, value]))),
        fc.constantFrom(0, 1, 2, 3, 9),
        (report, mode) => {
          const position = read({ ...report, class: 'TPV', mode })?.position;
          if (position == null) return;
          assert.ok(Math.abs(position.latitude) <= 90 && Math.abs(position.longitude) <= 180);
          assert.ok((position.accuracyMeters ?? 0) >= 0);
          const course = position.courseDegrees ?? 0;
          assert.ok(course >= 0 && course < 360);
        },
      ),
    );
  });
});

describe('bounded lines', () => {
  test('lines are the same however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[ -~]{1,20}$/), { maxLength: 10 }),
        fc.array(fc.nat(200), { maxLength: 10 }),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\r\n`).join(''));
          const found: string[] = [];
          const split = new BoundedLines(20, (line) => found.push(line));
          let from = 0;
          for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
            split.push(bytes.subarray(from, cut));
            from = Math.min(cut, bytes.length);
          }
          assert.deepEqual(found, lines);
        },
      ),
    );
  });

  test('a line beyond the limit is skipped, in however many pieces it comes, and the next one read', () => {
    const found: string[] = [];
    const split = new BoundedLines(10, (line) => found.push(line));
    for (let i = 0; i < 1_000; i++) split.push(Buffer.from('x'.repeat(7)));
    split.push(Buffer.from('x\nnext\n'));
    assert.deepEqual(found, ['next']);
  });
});
