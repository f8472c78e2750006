import type { Random } from '../../base/random.js';
import type { FieldClass } from './field-plan.js';

/** What can stand or lie on the ground. */
export type Kind = 'crop' | 'weed' | 'thistle' | 'stone' | 'post' | 'straw';

/** A thing on the ground; lengths in pixels of a picture 480 pixels high at zoom 1. */
export interface Thing {
  kind: Kind;
  /** Right of the camera's path. */
  x: number;
  /** Along the camera's path from its first position; ahead is positive. */
  y: number;
  radius: number;
  /** Of a weed: 0 = grassy, 1 = serrated. */
  species: number;
  seed: number;
}

const VIEW = 480;

/**
 * Lays out a strip of field so that every frame of a pass shows what the pass is about near its
 * middle. Rows of crop at the edges, small weeds and straw are there to be overlooked.
 *
 * @param length of the path and one picture height, same unit as Thing.
 */
export function layOut(
  fieldClass: FieldClass,
  length: number,
  straws: number,
  random: Random,
): Thing[] {
  const things: Thing[] = [];
  const species = random.next() < 0.5 ? 0 : 1;
  const growth = random.uniform(0.75, 1.3);
  const add = (kind: Kind, x: number, y: number, radius: number) =>
    things.push({ kind, x, y, radius, species, seed: Math.floor(random.next() * 2 ** 31) });
  const along = (step: number, jitter: number, place: (y: number) => void) => {
    for (let y = -VIEW; y < length; y += step) place(y + random.uniform(-jitter, jitter));
  };
  const row = (x: number, radius: number) =>
    along(radius * 2.1, radius * 0.25, (y) => {
      if (random.next() < 0.93) add('crop', x + random.uniform(-9, 9), y, radius * size(random));
    });

  for (let i = 0; i < straws; i += 1) {
    add('straw', random.uniform(-420, 420), random.uniform(-VIEW, length), random.uniform(8, 26));
  }
  const edgeRows = random.next() < (fieldClass === 'soil' ? 0.2 : 0.45);
  if (fieldClass === 'crop') {
    const spacing = random.uniform(190, 290);
    const offset = random.uniform(-60, 60);
    for (const side of [-1, 0, 1]) row(offset + side * spacing, 52 * growth);
  } else if (edgeRows) {
    const spacing = random.uniform(250, 330);
    for (const side of [-1, 1]) row(side * spacing, 46 * growth);
  }
  if (fieldClass === 'weed' || fieldClass === 'thistle') {
    const radius = fieldClass === 'weed' ? 68 : 76;
    along(random.uniform(110, 190), 30, (y) =>
      add(fieldClass, random.uniform(-120, 120), y, radius * growth * size(random)),
    );
  }
  if (fieldClass === 'obstacle') {
    const kind = random.next() < 0.65 ? 'stone' : 'post';
    along(kind === 'stone' ? 210 : 300, 40, (y) =>
      add(kind, random.uniform(-110, 110), y, random.uniform(46, 88)),
    );
  }
  if (random.next() < 0.45 && fieldClass !== 'thistle') {
    along(260, 110, (y) => add('weed', random.uniform(-300, 300), y, random.uniform(10, 24)));
  }
  if (random.next() < 0.4) {
    along(170, 80, (y) => add('stone', random.uniform(-320, 320), y, random.uniform(5, 13)));
  }
  return things.sort((one, other) => one.radius - other.radius);
}

const size = (random: Random) => random.uniform(0.78, 1.12);
