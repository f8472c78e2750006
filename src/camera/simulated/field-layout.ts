import type { Random } from '../../base/random.js';
import type { FieldClass } from './field-plan.js';

/** Kinds of things on the ground. */
export type Kind = 'crop' | 'weed' | 'thistle' | 'stone' | 'post' | 'straw';

/** A thing on the ground; lengths in pixels of an image 480 pixels high at zoom 1. */
export interface Thing {
  kind: Kind;
  /** Offset to the right of the camera's path. */
  x: number;
  /** Distance along the camera's path from its first position; ahead is positive. */
  y: number;
  radius: number;
  /** Leaf shape of a weed: 0 = grassy, 1 = serrated. */
  species: number;
  seed: number;
}

const VIEW = 480;

/**
 * Lays out a strip of field so that every frame of a pass shows the class of the pass near its
 * middle. Crop rows at the edges, small weeds and straw are distractors.
 *
 * @param length of the path plus one image height, same unit as {@link Thing}
 */
export function layOut(
  fieldClass: FieldClass,
  length: number,
  straws: number,
  random: Random,
): Thing[] {
  const strip = new Strip(length, random);
  strip.scatterStraw(straws);
  const edgeRows = random.next() < (fieldClass === 'soil' ? 0.2 : 0.45);
  if (fieldClass === 'crop') strip.sowCrop();
  else if (edgeRows) strip.sowEdgeRows();
  if (fieldClass === 'weed') strip.growWeeds('weed', 68);
  if (fieldClass === 'thistle') strip.growWeeds('thistle', 76);
  if (fieldClass === 'obstacle') strip.placeObstacles();
  if (random.next() < 0.45 && fieldClass !== 'thistle') {
    strip.scatter('weed', { step: 260, jitter: 110, reach: 300, radii: [10, 24] });
  }
  if (random.next() < 0.4) {
    strip.scatter('stone', { step: 170, jitter: 80, reach: 320, radii: [5, 13] });
  }
  return strip.things.sort((one, other) => one.radius - other.radius);
}

/** How things of one kind are placed along the path; lengths as in {@link Thing}. */
interface Scattering {
  /** Distance between two of them, and the largest random offset of each. */
  step: number;
  jitter: number;
  /** Largest distance from the path, to either side. */
  reach: number;
  radii: readonly [least: number, most: number];
}

class Strip {
  readonly things: Thing[] = [];
  readonly #species: number;
  readonly #growth: number;

  constructor(
    private readonly length: number,
    private readonly random: Random,
  ) {
    this.#species = random.next() < 0.5 ? 0 : 1;
    this.#growth = random.uniform(0.75, 1.3);
  }

  scatterStraw(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const x = this.random.uniform(-420, 420);
      const y = this.random.uniform(-VIEW, this.length);
      this.#add('straw', x, y, this.random.uniform(8, 26));
    }
  }

  sowCrop(): void {
    const spacing = this.random.uniform(190, 290);
    const offset = this.random.uniform(-60, 60);
    for (const side of [-1, 0, 1]) this.#sowRow(offset + side * spacing, 52 * this.#growth);
  }

  sowEdgeRows(): void {
    const spacing = this.random.uniform(250, 330);
    for (const side of [-1, 1]) this.#sowRow(side * spacing, 46 * this.#growth);
  }

  growWeeds(kind: 'weed' | 'thistle', radius: number): void {
    this.#along(this.random.uniform(110, 190), 30, (y) => {
      const x = this.random.uniform(-120, 120);
      this.#add(kind, x, y, radius * this.#growth * this.#size());
    });
  }

  placeObstacles(): void {
    const kind = this.random.next() < 0.65 ? 'stone' : 'post';
    const step = kind === 'stone' ? 210 : 300;
    this.scatter(kind, { step, jitter: 40, reach: 110, radii: [46, 88] });
  }

  scatter(kind: Kind, { step, jitter, reach, radii: [least, most] }: Scattering): void {
    this.#along(step, jitter, (y) => {
      const x = this.random.uniform(-reach, reach);
      this.#add(kind, x, y, this.random.uniform(least, most));
    });
  }

  #sowRow(x: number, radius: number): void {
    this.#along(radius * 2.1, radius * 0.25, (y) => {
      if (this.random.next() >= 0.93) return;
      this.#add('crop', x + this.random.uniform(-9, 9), y, radius * this.#size());
    });
  }

  #along(step: number, jitter: number, place: (y: number) => void): void {
    for (let y = -VIEW; y < this.length; y += step) {
      place(y + this.random.uniform(-jitter, jitter));
    }
  }

  #size(): number {
    return this.random.uniform(0.78, 1.12);
  }

  #add(kind: Kind, x: number, y: number, radius: number): void {
    const seed = Math.floor(this.random.next() * 2 ** 31);
    this.things.push({ kind, x, y, radius, species: this.#species, seed });
  }
}
