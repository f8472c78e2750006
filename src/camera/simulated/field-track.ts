import type { Random } from '../../base/random.js';
import type { Reference } from '../reference.js';
import type { Canvas } from './field-canvas.js';
import type { Thing } from './field-layout.js';
import type { FieldPass, TrackState } from './field-plan.js';

/** Share of the image's width, from the left, in which the wheel track is. */
const TRACK_SHARE = 0.4;
/** Middles of the track and of the row beside it, as shares of the width from the image's middle. */
const TRACK_MIDDLE = TRACK_SHARE / 2 - 0.5;
const ROW_MIDDLE = TRACK_SHARE / 2;

/** The two parts of a field with a wheel track, as regions of a camera. */
export const FIELD_REGIONS = [
  { name: 'track', left: 0, top: 0, width: TRACK_SHARE, height: 1 },
  { name: 'row', left: TRACK_SHARE, top: 0, width: 1 - TRACK_SHARE, height: 1 },
] as const;

/** The question that each of these regions answers. */
export const FIELD_TASKS = [
  { name: 'weeds', regions: ['row'] },
  { name: 'way', regions: ['track'] },
] as const;

/** What is true of a frame of a pass. */
export function referencesOf({ fieldClass, track }: FieldPass): Reference[] {
  if (track === null) return [{ label: fieldClass }];
  return [
    { region: 'row', task: 'weeds', label: fieldClass },
    { region: 'track', task: 'way', label: track },
  ];
}

/** What decides where a thing appears in the image. */
export interface TrackView {
  /** Width of the image, in the unit of {@link Thing}. */
  width: number;
  /** Sideways shift of the rows per length of the path. */
  skew: number;
  /** Length of the path plus one image height. */
  length: number;
}

/**
 * Moves a strip of field beside the wheel track, and lays obstacles into a blocked track so that one
 * is in view all the time. Nothing grows in the track; straw and pebbles lie everywhere.
 */
export function layOutBesideTrack(
  things: readonly Thing[],
  state: TrackState,
  view: TrackView,
  random: Random,
): Thing[] {
  const { width, skew } = view;
  const edge = (TRACK_SHARE - 0.5) * width;
  const beside = things
    .map((thing) => ({ ...thing, x: thing.x + ROW_MIDDLE * width }))
    .filter(
      ({ kind, x, y, radius }) =>
        kind === 'straw' || kind === 'stone' || x + skew * y > edge + radius * LEAF_REACH,
    );
  if (state === 'blocked') beside.push(...obstacles(view, random));
  return beside.sort((one, other) => one.radius - other.radius);
}

/** How far leaves reach over the wheel track; 1 = they end at its edge. */
const LEAF_REACH = 0.8;
const IMAGE_HEIGHT = 480;

function obstacles({ width, skew, length }: TrackView, random: Random): Thing[] {
  const kind = random.next() < 0.65 ? 'stone' : 'post';
  const found: Thing[] = [];
  for (let along = -IMAGE_HEIGHT; along < length; along += 210) {
    const y = along + random.uniform(-40, 40);
    // The track does not follow the rows: it is where the robot drives.
    const x = TRACK_MIDDLE * width + random.uniform(-45, 45) - skew * y;
    const radius = random.uniform(46, 80);
    const seed = Math.floor(random.next() * 2 ** 31);
    found.push({ kind, x, y, radius, species: 0, seed });
  }
  return found;
}

/** Half the width of a tyre, and the length of its tread pattern, in the unit of {@link Thing}. */
const TYRE_REACH = 62;
const TREAD = 32;

/**
 * Presses the tyre's tread into the soil.
 * @param scale unit of {@link Thing} per pixel
 */
export function pressTrack(canvas: Canvas, scale: number, travelled: number): void {
  const { width, height } = canvas;
  const reach = TYRE_REACH / scale;
  const x = width / 2 + TRACK_MIDDLE * width;
  canvas.visit(x, height / 2, reach, height, (dx, dy, index) => {
    const across = Math.abs(dx) * scale;
    const along = dy * scale + travelled + across * 0.5;
    const lug = along - Math.floor(along / TREAD) * TREAD < TREAD / 2;
    const edge = Math.min(1, (TYRE_REACH - across) / 8);
    canvas.mix(index, 0, 0, 0, (lug ? 0.22 : 0.08) * edge);
  });
}
