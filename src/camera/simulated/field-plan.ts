import { createRandom, type Random, seedFrom, shuffled } from '../../base/random.js';

/** Classes of the simulated field; `thistle` appears only later. */
export type FieldClass = 'crop' | 'weed' | 'obstacle' | 'soil' | 'thistle';

/** Whether something stands or lies in the wheel track. */
export type TrackState = 'free' | 'blocked';

/** One pass over a piece of field: 8 to 15 frames with the same light, soil and plants. */
export interface FieldPass {
  index: number;
  firstFrame: number;
  frames: number;
  fieldClass: FieldClass;
  /** Null: a field without a wheel track. */
  track: TrackState | null;
}

/** Classes of every ten passes, which are shuffled: every class appears early and often. */
const EARLY: FieldClass[] = [
  ...(['crop', 'crop', 'crop', 'weed', 'weed', 'weed'] as const),
  ...(['obstacle', 'obstacle', 'soil', 'soil'] as const),
];
const LATE: FieldClass[] = [
  ...(['crop', 'crop', 'crop', 'weed', 'weed', 'thistle', 'thistle'] as const),
  ...(['obstacle', 'obstacle', 'soil'] as const),
];
/** States of the wheel track in every ten passes. */
const TRACK: TrackState[] = [
  ...(['free', 'free', 'free', 'free', 'free', 'free'] as const),
  ...(['blocked', 'blocked', 'blocked', 'blocked'] as const),
];
const MIN_FRAMES = 8;
const MAX_FRAMES = 15;

/** Maps frame numbers to passes, deterministically for a seed. */
export class FieldPlan {
  readonly #seed: number;
  readonly #newWeedAfterFrames: number;
  readonly #wheelTrack: boolean;
  #current: FieldPass;

  /**
   * @param newWeedAfterFrames the first pass that begins here or later shows thistle; 0 = never
   * @param wheelTrack obstacles lie in the wheel track, whatever grows beside it, and nowhere else
   */
  constructor(seed: number, newWeedAfterFrames: number, wheelTrack = false) {
    this.#seed = seed;
    this.#newWeedAfterFrames = newWeedAfterFrames;
    this.#wheelTrack = wheelTrack;
    this.#current = this.#passAt(0, 0, false);
  }

  /** The pass of frame `frame` (from 0). Fast for ascending frame numbers. */
  passOf(frame: number): FieldPass {
    if (frame < this.#current.firstFrame) this.#current = this.#passAt(0, 0, false);
    while (frame >= this.#current.firstFrame + this.#current.frames) {
      const { index, firstFrame, frames } = this.#current;
      this.#current = this.#passAt(index + 1, firstFrame + frames, this.#isLate(firstFrame));
    }
    return this.#current;
  }

  #isLate(firstFrame: number): boolean {
    return this.#newWeedAfterFrames > 0 && firstFrame >= this.#newWeedAfterFrames;
  }

  #passAt(index: number, firstFrame: number, previousWasLate: boolean): FieldPass {
    const random = createRandom(seedFrom('field length', this.#seed, index));
    const frames = Math.floor(random.uniform(MIN_FRAMES, MAX_FRAMES + 1));
    const late = this.#isLate(firstFrame);
    const planned = this.#planned(late ? LATE : EARLY, 'field classes', index);
    const fieldClass = late && !previousWasLate ? 'thistle' : planned;
    if (!this.#wheelTrack) return { index, firstFrame, frames, fieldClass, track: null };
    const track = this.#planned(TRACK, 'wheel track', index);
    // Crop takes the place of obstacles: nothing but plants grows in the row.
    const rowClass = fieldClass === 'obstacle' ? 'crop' : fieldClass;
    return { index, firstFrame, frames, fieldClass: rowClass, track };
  }

  /** What a pass gets of ten, which are shuffled anew for every ten passes. */
  #planned<T>(ten: readonly T[], purpose: string, index: number): T {
    const random = createRandom(seedFrom(purpose, this.#seed, Math.floor(index / 10)));
    return shuffled(ten, random)[index % 10]!;
  }
}

/** Conditions that are constant during a pass. Lengths in pixels of an image 480 pixels high. */
export interface FieldConditions {
  soilRgb: [number, number, number];
  soilContrast: number;
  soilScale: number;
  furrowSpacing: number;
  furrowContrast: number;
  /** Sideways shift of the rows per pixel of height: the robot never drives exactly along them. */
  skew: number;
  straws: number;
  /** Brightness of the light, 1 = normal. */
  exposure: number;
  /** -1 = blue morning, 1 = yellow evening. */
  warmth: number;
  vignette: number;
  /** Direction towards the light, radians; shadows fall the other way. */
  sunAngle: number;
  shadowLength: number;
  /** Share of the light in the robot's shadow; 1 = no shadow in the image. */
  bandLight: number;
  bandAngle: number;
  bandOffset: number;
  zoom: number;
  speed: number;
  motionBlur: number;
  defocus: number;
  noise: number;
}

/** Draws random conditions of a pass, so varied that one pass predicts little about the next. */
export function drawConditions(random: Random): FieldConditions {
  const soils: [number, number, number][] = [
    [134, 104, 78],
    [112, 86, 66],
    [150, 124, 96],
    [124, 92, 64],
    [104, 92, 82],
    [158, 112, 80],
  ];
  const soil = soils[Math.floor(random.next() * soils.length)]!;
  const wet = random.uniform(0.62, 1.12);
  const low = random.next() < 0.35;
  return {
    soilRgb: soil.map((c) => c * wet * random.uniform(0.94, 1.06)) as [number, number, number],
    soilContrast: random.uniform(0.35, 0.95),
    soilScale: random.uniform(0.6, 1.5),
    furrowSpacing: random.uniform(56, 120),
    furrowContrast: random.uniform(0.04, 0.3),
    skew: random.uniform(-0.14, 0.14),
    straws: Math.floor(random.uniform(0, 26)),
    exposure: low ? random.uniform(0.45, 0.75) : random.uniform(0.8, 1.35),
    warmth: random.uniform(-1, 1),
    vignette: random.uniform(0, 0.35),
    sunAngle: random.uniform(0, 2 * Math.PI),
    shadowLength: random.uniform(0.05, 0.4),
    bandLight: random.next() < 0.4 ? random.uniform(0.4, 0.75) : 1,
    bandAngle: random.uniform(0, 2 * Math.PI),
    bandOffset: random.uniform(-0.25, 0.45),
    zoom: random.uniform(0.78, 1.25),
    speed: random.uniform(14, 34),
    motionBlur: random.next() < 0.5 ? 1 : Math.round(random.uniform(2, 8)),
    defocus: random.next() < 0.6 ? 0 : 1 + Math.floor(random.next() * 2),
    noise: random.uniform(1.5, 9),
  };
}
