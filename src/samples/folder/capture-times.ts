import { type Doubt, doubtAlone, doubtTimes } from '../grouping/doubtful-times.js';
import type { PictureUnit } from './crops/picture-units.js';
import { countOf } from './found.js';
import type { Candidate, ImportRun } from './import-run.js';

const DOUBTS: Readonly<Record<Doubt, string>> = {
  'before-2000': 'before the year 2000',
  'clock-reset': 'on a first of January, where clocks without a battery start',
  future: 'in the future',
  'same-moment': 'at the same moment',
};

/** Discards implausible capture times; a GPS time replaces them if there is one. */
export function doubtTimesOf(run: ImportRun, units: readonly PictureUnit[]): void {
  const nowMs = (run.options.now ?? Date.now)();
  const doubts = doubtTimes(
    units.map(({ item: { captureTimeMs, group } }) => (group === null ? captureTimeMs : null)),
    nowMs,
  );
  const counts = new Map<Doubt, number>();
  units.forEach(({ members, item }, i) => {
    const doubt = doubts[i];
    const { gpsTimeMs } = item;
    const gpsIsTrue = gpsTimeMs !== null && doubtAlone(gpsTimeMs, nowMs) === null;
    if (doubt != null && !gpsIsTrue) counts.set(doubt, (counts.get(doubt) ?? 0) + 1);
    for (const candidate of members) {
      if (doubt != null) setTime(candidate, null);
      const isOpen = candidate.group === null && candidate.captureTimeMs === null;
      if (isOpen && gpsIsTrue) setTime(candidate, gpsTimeMs);
    }
  });
  for (const [doubt, count] of counts) {
    run.warn(
      'HL_IMPORT_TIME_DOUBTED',
      `${countOf(count)} ${count === 1 ? 'is' : 'are'} dated ${DOUBTS[doubt]}: the camera's clock was not set. These times are not used for grouping; use --group-pattern or --group-by instead`,
    );
  }
}

/** @param timeMs null: that of the file, and unknown for grouping */
function setTime(candidate: Candidate, timeMs: number | null): void {
  candidate.captureTimeMs = timeMs;
  if (candidate.restored === null) candidate.capturedAtMs = timeMs ?? candidate.fileTimeMs;
}
