import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Position } from '../../../src/base/geo/position.js';
import { NmeaFixes } from '../../../src/host/position/nmea-fixes.js';
import { readSentence } from '../../../src/host/position/nmea-sentence.js';
import type { PositionReport } from '../../../src/host/position/position-source.js';
import { gga, gst, rmc, sentence } from './nmea-lines.js';

/** What a receiver that sends these lines last reports; undefined: nothing. */
function reported(lines: readonly string[]): PositionReport | null | undefined {
  const fixes = new NmeaFixes();
  let last: PositionReport | null | undefined;
  for (const line of lines) {
    const read = readSentence(line);
    const report = read && fixes.push(read);
    if (report !== null) last = report;
  }
  return last;
}

function near(actual: Position | null | undefined, expected: Partial<Position>): void {
  assert.ok(actual);
  for (const [name, value] of Object.entries(expected)) {
    const found: number | null = actual[name as keyof Position];
    if (value === null || found === null) assert.equal(found, value, name);
    else assert.ok(Math.abs(found - value) < 1e-6, `${name}: ${found}, not ${value}`);
  }
}

const AT = { utc: '123519.00', latitude: 48.1173, longitude: 11.5166667 };

describe('sentences of NMEA 0183', () => {
  test('the examples of the standard are read', () => {
    const report = reported([
      '$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47',
      '$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A',
    ]);
    near(report?.position, {
      latitude: 48.1173,
      longitude: 11 + 31 / 60,
      altitudeMeters: 545.4,
      accuracyMeters: 0.9 * 15,
      speedMetersPerSecond: (22.4 * 1852) / 3600,
      courseDegrees: 84.4,
    });
  });

  test('every position survives the way through a sentence, of any talker, in all four quarters', () => {
    const degrees = (most: number) => fc.double({ min: -most, max: most, noNaN: true });
    fc.assert(
      fc.property(
        degrees(89.99),
        degrees(179.99),
        fc.constantFrom('GP', 'GN', 'GL', 'GA', 'GB'),
        fc.integer({ min: -400, max: 8_000 }),
        (latitude, longitude, talker, altitudeMeters) => {
          fc.pre(Math.abs(latitude) > 1e-6 || Math.abs(longitude) > 1e-6);
          const facts = { utc: '000001.5', latitude, longitude, talker, altitudeMeters };
          const { position } = reported([gga(facts)]) ?? { position: null };
          assert.ok(position);
          // Seven decimals of a minute: 0.2 mm.
          assert.ok(Math.abs(position.latitude - latitude) < 2e-9);
          assert.ok(Math.abs(position.longitude - longitude) < 2e-9);
          assert.equal(position.altitudeMeters, altitudeMeters);
        },
      ),
    );
  });

  test('one changed character is noticed', () => {
    const line = gga(AT);
    const end = line.indexOf('*');
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: end - 1 }),
        fc.integer({ min: 33, max: 126 }),
        (at, code) => {
          fc.pre(line.charCodeAt(at) !== code);
          const changed = line.slice(0, at) + String.fromCharCode(code) + line.slice(at + 1);
          assert.equal(readSentence(changed), null);
        },
      ),
    );
  });

  test('a sentence without a checksum, or of another kind, says nothing', () => {
    assert.equal(readSentence(gga(AT).replace(/\*..$/, '')), null);
    assert.equal(readSentence(sentence('GPGSV,1,1,00')), null);
    assert.equal(readSentence(sentence('PUBX,00')), null);
  });

  test('garbage never throws, nor is it a position', () => {
    const fields = fc.array(
      fc.oneof(
        fc.string({ maxLength: 12 }),
        fc.constantFrom('', 'A', 'N', '4807.038', '1e9', 'NaN'),
      ),
      { maxLength: 20 },
    );
    const kinds = fc.constantFrom('GPGGA', 'GNRMC', 'GPGSA', 'GLGST', 'GPXXX');
    fc.assert(
      fc.property(fc.array(fc.tuple(kinds, fields)), fc.string(), (bodies, rest) => {
        const lines = bodies.map(([kind, parts]) => sentence([kind, ...parts].join(',')));
        const position = reported([...lines, rest])?.position;
        if (position == null) return;
        assert.ok(Math.abs(position.latitude) <= 90 && Math.abs(position.longitude) <= 180);
      }),
    );
  });
});

describe('the fixes of a receiver', () => {
  test('GST decides the accuracy: twice the distance root mean square', () => {
    near(reported([gga(AT), gst(AT.utc, 0.3, 0.4)])?.position, { accuracyMeters: 1 });
    near(reported([rmc(AT), gst(AT.utc, 0.3, 0.4)])?.position, { accuracyMeters: 1 });
  });

  test('without GST it follows from the dilution and the quality of the fix', () => {
    const cases = [
      [1, 13.5],
      [2, 3.375],
      [4, 0.045],
      [5, 0.45],
      [6, null],
    ] as const;
    for (const [quality, accuracyMeters] of cases) {
      near(reported([gga({ ...AT, quality })])?.position, { accuracyMeters });
    }
  });

  test('a receiver that sends RMC alone gets its dilution from GSA', () => {
    const gsa = sentence('GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.2,2.1');
    near(reported([gsa, rmc(AT)])?.position, { accuracyMeters: 18, altitudeMeters: null });
  });

  test('speed and accuracy of the moment before serve the next one, and no later one', () => {
    const at = (utc: string) => ({ ...AT, utc });
    const first = [rmc(at('1.00')), gga(at('1.00')), gst('1.00', 0.3, 0.4)];
    near(reported([...first, gga(at('2.00'))])?.position, {
      speedMetersPerSecond: 1,
      accuracyMeters: 1,
    });
    near(reported([...first, gga(at('2.00')), gga(at('3.00'))])?.position, {
      speedMetersPerSecond: null,
      accuracyMeters: 13.5,
    });
  });

  test('the position of RMC does not replace that of GGA, which comes in the same moment', () => {
    const next = { ...AT, utc: '123520.00' };
    const fixes = new NmeaFixes();
    const push = (line: string) => fixes.push(readSentence(line)!);
    assert.ok(push(rmc(AT)));
    assert.ok(push(gga(AT)));
    assert.equal(push(rmc(next)), null);
    assert.ok(push(gga(next))?.position);
  });

  test('no fix, a warning, a manual or a simulated position are no position', () => {
    for (const quality of [0, 7, 8]) {
      assert.deepEqual(reported([gga({ ...AT, quality })]), { position: null });
    }
    assert.deepEqual(reported([gga(AT), rmc(AT, 'V')]), { position: null });
    assert.deepEqual(reported([sentence('GPGGA,,,,,,0,00,,,M,,M,,')]), { position: null });
    const simulated = rmc(AT)
      .replace(/,A\*..$/, ',S')
      .slice(1);
    assert.deepEqual(reported([sentence(simulated)]), { position: null });
  });

  test('zeros are no position', () => {
    assert.deepEqual(reported([gga({ ...AT, latitude: 0, longitude: 0 })]), { position: null });
  });
});
