import { between, type Random } from '../random.js';
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
  const species = random() < 0.5 ? 0 : 1;
  const growth = between(random, 0.75, 1.3);
  const add = (kind: Kind, x: number, y: number, radius: number) =>
    things.push({ kind, x, y, radius, species, seed: Math.floor(random() * 2 ** 31) });
  const along = (step: number, jitter: number, place: (y: number) => void) => {
    for (let y = -VIEW; y < length; y += step) place(y + between(random, -jitter, jitter));
  };
  const row = (x: number, radius: number) =>
    along(radius * 2.1, radius * 0.25, (y) => {
      if (random() < 0.93) add('crop', x + between(random, -9, 9), y, radius * size(random));
    });

  for (let i = 0; i < straws; i += 1) {
    add(
      'straw',
      between(random, -420, 420),
      between(random, -VIEW, length),
      between(random, 8, 26),
    );
  }
  const edgeRows = random() < (fieldClass === 'soil' ? 0.2 : 0.45);
  if (fieldClass === 'crop') {
    const spacing = between(random, 190, 290);
    const offset = between(random, -60, 60);
    for (const side of [-1, 0, 1]) row(offset + side * spacing, 52 * growth);
  } else if (edgeRows) {
    const spacing = between(random, 250, 330);
    for (const side of [-1, 1]) row(side * spacing, 46 * growth);
  }
  if (fieldClass === 'weed' || fieldClass === 'thistle') {
    const radius = fieldClass === 'weed' ? 68 : 76;
    along(between(random, 110, 190), 30, (y) =>
      add(fieldClass, between(random, -120, 120), y, radius * growth * size(random)),
    );
  }
  if (fieldClass === 'obstacle') {
    const kind = random() < 0.65 ? 'stone' : 'post';
    along(kind === 'stone' ? 210 : 300, 40, (y) =>
      add(kind, between(random, -110, 110), y, between(random, 46, 88)),
    );
  }
  if (random() < 0.45 && fieldClass !== 'thistle') {
    along(260, 110, (y) => add('weed', between(random, -300, 300), y, between(random, 10, 24)));
  }
  if (random() < 0.4) {
    along(170, 80, (y) => add('stone', between(random, -320, 320), y, between(random, 5, 13)));
  }
  return things.sort((one, other) => one.radius - other.radius);
}

const size = (random: Random) => between(random, 0.78, 1.12);
