import { createRandom, type Random, seedFrom } from '../../base/random.js';
import type { Reference } from '../reference.js';
import { Canvas } from './field-canvas.js';
import { layOut, type Thing } from './field-layout.js';
import { drawConditions, type FieldConditions, type FieldPass, FieldPlan } from './field-plan.js';
import { FieldShapes, type Placing } from './field-shapes.js';
import { soilTile, TILE } from './field-soil.js';
import { layOutBesideTrack, pressTrack, referencesOf } from './field-track.js';

export interface FieldSettings {
  seed: number;
  widthPixels: number;
  heightPixels: number;
  /** Frame from which thistles appear; 0 = never. */
  newWeedAfterFrames: number;
  /** Whether a wheel track takes the left part of the image. */
  wheelTrack: boolean;
}

/** A drawn frame and what is true of it. */
export interface FieldPicture {
  width: number;
  height: number;
  /** RGB, 8 bits; overwritten by the next draw(). */
  data: Uint8ClampedArray;
  references: Reference[];
  /** Id of the pass: frames with the same light, soil and plants. */
  group: string;
}

interface Scene {
  pass: FieldPass;
  conditions: FieldConditions;
  things: Thing[];
  tileX: number;
  tileY: number;
}

const VIEW_HEIGHT = 480;
/** A robot whose wheels have a track follows the rows more closely. */
const TRACK_SKEW = 0.3;
const NOISE_MASK = 8_191;

/**
 * Draws a field as seen by a robot's downward camera: furrows, rows of crop rosettes, weeds, stones
 * and posts, in light that changes from pass to pass. Deterministic: a frame depends only on the
 * seed and its number.
 */
export class FieldScene {
  readonly #settings: FieldSettings;
  readonly #plan: FieldPlan;
  readonly #shapes = new FieldShapes();
  readonly #canvas: Canvas;
  readonly #tile: Int8Array;
  readonly #noise: Float32Array;
  #scene: Scene | null = null;

  constructor(settings: FieldSettings) {
    this.#settings = settings;
    const { seed, newWeedAfterFrames, wheelTrack } = settings;
    this.#plan = new FieldPlan(seed, newWeedAfterFrames, wheelTrack);
    this.#canvas = new Canvas(settings.widthPixels, settings.heightPixels);
    this.#tile = soilTile(createRandom(seedFrom('soil', settings.seed)));
    const random = createRandom(seedFrom('noise', settings.seed));
    // The sum of four uniform numbers approximates Gaussian sensor noise with variance 1.
    this.#noise = Float32Array.from(
      { length: NOISE_MASK + 1 },
      () => (random.next() + random.next() + random.next() + random.next() - 2) * 1.732,
    );
  }

  /** Draws frame `frame` (from 0). */
  draw(frame: number): FieldPicture {
    const pass = this.#plan.passOf(frame);
    if (this.#scene?.pass.index !== pass.index) this.#scene = this.#compose(pass);
    const scene = this.#scene;
    const canvas = this.#canvas;
    const travelled = (frame - pass.firstFrame) * scene.conditions.speed;
    this.#drawGround(scene, travelled);
    if (scene.pass.track !== null) {
      pressTrack(canvas, 1 / (this.#unit * scene.conditions.zoom), travelled);
    }
    for (const thing of scene.things) this.#drawThing(scene, thing, travelled);
    canvas.blurDownwards(scene.conditions.motionBlur);
    canvas.soften(scene.conditions.defocus);
    this.#applyLight(scene.conditions, createRandom(seedFrom('light', this.#settings.seed, frame)));
    return {
      width: canvas.width,
      height: canvas.height,
      data: canvas.data,
      references: referencesOf(pass),
      group: `simulated-${this.#settings.seed}-pass-${pass.index}`,
    };
  }

  /** Image pixels per unit of length. */
  get #unit(): number {
    return this.#canvas.height / VIEW_HEIGHT;
  }

  #compose(pass: FieldPass): Scene {
    const random = createRandom(seedFrom('pass', this.#settings.seed, pass.index));
    const conditions = drawConditions(random);
    const length = pass.frames * conditions.speed + VIEW_HEIGHT / conditions.zoom;
    const things = layOut(pass.fieldClass, length, conditions.straws, random);
    const tileX = Math.floor(random.next() * TILE);
    const tileY = Math.floor(random.next() * TILE);
    if (pass.track === null) return { pass, conditions, things, tileX, tileY };
    const skew = conditions.skew * TRACK_SKEW;
    const width = this.#canvas.width / (this.#unit * conditions.zoom);
    return {
      pass,
      conditions: { ...conditions, skew },
      things: layOutBesideTrack(things, pass.track, { width, skew, length }, random),
      tileX,
      tileY,
    };
  }

  #drawGround({ conditions, tileX, tileY }: Scene, travelled: number): void {
    const { width, height, data } = this.#canvas;
    const tile = this.#tile;
    const scale = 1 / (this.#unit * conditions.zoom);
    const fine = conditions.soilScale * scale;
    const [red, green, blue] = conditions.soilRgb;
    const contrast = conditions.soilContrast / 127;
    const furrow = (2 * Math.PI) / conditions.furrowSpacing;
    // A table over one period: a cosine per pixel would cost more than everything else.
    const ridges = Float32Array.from({ length: 256 }, (_, i) => {
      const height = Math.cos((i / 256) * 2 * Math.PI);
      return 1 + conditions.furrowContrast * (height + 0.35 * height * Math.abs(height));
    });
    const mask = TILE - 1;
    let index = 0;
    for (let row = 0; row < height; row += 1) {
      const y = (row - height / 2) * scale + travelled;
      const line = ((y * conditions.soilScale + tileY) & mask) * TILE;
      const coarseLine = ((y * 0.23 + tileY) & mask) * TILE;
      const wander = 6 * Math.sin(y * 0.013 + tileX);
      const startX = -(width / 2) * scale;
      const ridgeStep = (furrow * scale * 256) / (2 * Math.PI);
      let ridge =
        ((startX - conditions.skew * y + wander) * furrow * 256) / (2 * Math.PI) + 2 ** 20;
      let tilePosition = startX * conditions.soilScale + tileX + 2 ** 16;
      let coarsePosition = startX * 0.23 + tileX + 2 ** 16;
      for (let column = 0; column < width; column += 1, index += 3) {
        const grain = tile[line + (tilePosition & mask)]!;
        const patch = tile[coarseLine + (coarsePosition & mask)]!;
        const light = ridges[ridge & 255]! * (1 + (grain + patch * 0.5) * contrast * 0.5);
        data[index] = red * light;
        data[index + 1] = green * light;
        data[index + 2] = blue * light;
        ridge += ridgeStep;
        tilePosition += fine;
        coarsePosition += scale * 0.23;
      }
    }
  }

  #drawThing({ conditions }: Scene, thing: Thing, travelled: number): void {
    const canvas = this.#canvas;
    const scale = this.#unit * conditions.zoom;
    const x = canvas.width / 2 + (thing.x + conditions.skew * thing.y) * scale;
    const y = canvas.height / 2 + (thing.y - travelled) * scale;
    const radius = thing.radius * scale;
    const reach = radius * 3;
    if (x < -reach || x > canvas.width + reach || y < -reach || y > canvas.height + reach) return;
    const { sunAngle, shadowLength } = conditions;
    const at: Placing = { x, y, radius, sunAngle, shadowLength };
    const random = createRandom(seedFrom(thing.seed));
    const texture = (index: number) => this.#tile[(index * 7) & (TILE * TILE - 1)]! / 127;
    if (thing.kind === 'crop') this.#shapes.crop(canvas, at, random);
    else if (thing.kind === 'weed') this.#shapes.weed(canvas, at, thing.species, random);
    else if (thing.kind === 'thistle') this.#shapes.thistle(canvas, at, random);
    else if (thing.kind === 'stone') this.#shapes.stone(canvas, at, texture, random);
    else if (thing.kind === 'post') this.#shapes.post(canvas, at, texture, random);
    else this.#shapes.straw(canvas, at, random);
  }

  /** Brightness, colour of the light, the robot's own shadow, vignette and sensor noise. */
  #applyLight(conditions: FieldConditions, random: Random): void {
    const { width, height, data } = this.#canvas;
    const flicker = random.uniform(0.96, 1.04);
    const exposure = conditions.exposure * flicker;
    const red = exposure * (1 + 0.13 * conditions.warmth);
    const blue = exposure * (1 - 0.16 * conditions.warmth);
    const bandX = Math.cos(conditions.bandAngle) / width;
    const bandY = Math.sin(conditions.bandAngle) / height;
    const noise = this.#noise;
    let index = 0;
    for (let row = 0; row < height; row += 1) {
      const y = row / height - 0.5;
      const rowLight = 1 - conditions.vignette * 2 * y * y;
      let grain = (random.next() * NOISE_MASK) | 0;
      let band = (row - height / 2) * bandY - (width / 2) * bandX - conditions.bandOffset;
      for (let column = 0; column < width; column += 1, index += 3) {
        const x = column / width - 0.5;
        const shadow = band < 0 ? 0 : band > 0.05 ? 1 : band * 20;
        const light =
          (rowLight - conditions.vignette * 2 * x * x) * (1 - shadow * (1 - conditions.bandLight));
        const sensor = conditions.noise;
        data[index] = data[index]! * light * red + noise[grain & NOISE_MASK]! * sensor;
        data[index + 1] =
          data[index + 1]! * light * exposure + noise[(grain + 1) & NOISE_MASK]! * sensor;
        data[index + 2] =
          data[index + 2]! * light * blue + noise[(grain + 2) & NOISE_MASK]! * sensor;
        grain += 3;
        band += bandX;
      }
    }
  }
}
