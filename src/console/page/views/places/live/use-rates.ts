import { useRef } from 'preact/hooks';
import type { CameraStatus } from '../../../../contract/live-contract.js';
import type { RobotClock } from '../../../robot/robot-clock.js';

/** Over this time, frames are counted. */
const WINDOW_MS = 10_000;
const LEAST_MS = 3_500;

/** Frames a second by camera, from what the robot has counted; empty in the first seconds. */
export type Rates = ReadonlyMap<string, number>;

interface Count {
  atMs: number;
  frames: ReadonlyMap<string, number>;
}

export function useRates(cameras: readonly CameraStatus[], clock: RobotClock): Rates {
  const counts = useRef<Count[]>([]);
  const counted = useRef<readonly CameraStatus[] | null>(null);
  const rates = useRef<Rates>(new Map());
  if (counted.current !== cameras) {
    counted.current = cameras;
    const frames = new Map(cameras.map(({ name, framesTotal }) => [name, framesTotal]));
    const newest = { atMs: clock.nowMs(), frames };
    counts.current = [...counts.current, newest].filter(
      ({ atMs }) => newest.atMs - atMs <= WINDOW_MS,
    );
    rates.current = ratesBetween(counts.current[0]!, newest);
  }
  return rates.current;
}

function ratesBetween(first: Count, last: Count): Rates {
  const ageMs = last.atMs - first.atMs;
  if (ageMs < LEAST_MS) return new Map();
  const rates = new Map<string, number>();
  for (const [name, frames] of last.frames) {
    const before = first.frames.get(name);
    if (before !== undefined && frames >= before)
      rates.set(name, ((frames - before) / ageMs) * 1e3);
  }
  return rates;
}
