import type { Random } from '../../base/random.js';
import type { Canvas, Rgb } from './field-canvas.js';

const STEPS = 96;

/** Half width of a leaf from base to tip, relative to its maximum, in STEPS steps. */
type Outline = Float32Array;

interface Leaf {
  x: number;
  y: number;
  angle: number;
  length: number;
  /** Maximum half width, pixels. */
  halfWidth: number;
  /** Sideways deflection of the tip, as a share of the length. */
  bend: number;
  outline: Outline;
  rgb: Rgb;
  ribRgb: Rgb;
  /** Width of the midrib, as a share of the half width. */
  rib: number;
}

function outline(shape: (u: number) => number): Outline {
  return Float32Array.from({ length: STEPS + 1 }, (_, i) => Math.max(0, shape(i / STEPS)));
}

/** Rises from 0 to 1 and falls back within each of `teeth` teeth. */
const sawtooth = (u: number, teeth: number) => 1 - Math.abs(((u * teeth) % 1) * 2 - 1);

/**
 * Draws a leaf in its own bent coordinates (u along, v across): bright ridge, dark edge, fine
 * veins.
 */
function drawLeaf(canvas: Canvas, leaf: Leaf, sunAngle: number): void {
  const { length, halfWidth, bend, outline: widths, rgb, ribRgb } = leaf;
  const cos = Math.cos(leaf.angle);
  const sin = Math.sin(leaf.angle);
  const side = Math.sin(leaf.angle - sunAngle) * 0.22;
  const margin = halfWidth + Math.abs(bend) * length + 1;
  const centreX = leaf.x + (cos * length) / 2;
  const centreY = leaf.y + (sin * length) / 2;
  const reachX = (Math.abs(cos) * length) / 2 + Math.abs(sin) * margin + 1;
  const reachY = (Math.abs(sin) * length) / 2 + Math.abs(cos) * margin + 1;
  const halfLength = length / 2;
  canvas.visit(centreX, centreY, reachX, reachY, (dx, dy, index) => {
    const u = (dx * cos + dy * sin + halfLength) / length;
    if (u < 0 || u > 1) return;
    const v = dy * cos - dx * sin - bend * length * u * u;
    const half = halfWidth * widths[(u * STEPS) | 0]!;
    const distance = v < 0 ? -v : v;
    const alpha = half - distance + 0.5;
    if (alpha <= 0) return;
    const across = distance / (half + 0.01);
    const vein = (((u * 9 + across * 1.6) % 1) - 0.5) * 0.09;
    const light = 1.08 - 0.3 * across * across + (v < 0 ? side : -side) * across + vein;
    if (distance < leaf.rib * halfWidth * (1.15 - u)) {
      canvas.mix(index, ribRgb[0] * light, ribRgb[1] * light, ribRgb[2] * light, 0.75);
    } else {
      const covering = Math.min(1, alpha);
      const gain = light * (0.86 + 0.2 * u);
      canvas.mix(index, rgb[0] * gain, rgb[1] * gain, rgb[2] * gain, covering);
    }
  });
}

function tinted(rgb: Rgb, random: Random, spread: number): Rgb {
  const gain = random.uniform(1 - spread, 1 + spread);
  return [
    rgb[0] * gain * random.uniform(1 - spread / 2, 1 + spread / 2),
    rgb[1] * gain,
    rgb[2] * gain * random.uniform(1 - spread / 2, 1 + spread / 2),
  ];
}

/** Position, size and lighting of a plant or thing in the image. */
export interface Placing {
  x: number;
  y: number;
  /** Outer radius, pixels. */
  radius: number;
  sunAngle: number;
  /** Length of the shadow, as a share of the radius. */
  shadowLength: number;
}

function groundShadow(canvas: Canvas, at: Placing, depth: number): void {
  const reach = at.radius * at.shadowLength;
  const x = at.x - Math.cos(at.sunAngle) * reach;
  const y = at.y - Math.sin(at.sunAngle) * reach;
  canvas.shade(x, y, at.radius * 0.85, at.radius * 0.85, depth);
}

interface RosetteStyle {
  leaves: [number, number];
  /** Maximum half width, as a share of the length. */
  slimness: [number, number];
  bend: number;
  lengthSpread: number;
  rgb: Rgb;
  ribRgb: Rgb;
  rib: number;
  outline: Outline;
}

function drawRosette(canvas: Canvas, at: Placing, style: RosetteStyle, random: Random): void {
  groundShadow(canvas, at, 0.38);
  const count = Math.round(random.uniform(style.leaves[0], style.leaves[1]));
  const start = random.next() * 2 * Math.PI;
  const rgb = tinted(style.rgb, random, 0.12);
  for (let i = 0; i < count; i += 1) {
    // Leaves grow at the golden angle; the inner, younger ones are on top, shorter and brighter.
    const age = 1 - i / count;
    const length = at.radius * (0.45 + 0.55 * age) * random.uniform(1 - style.lengthSpread, 1);
    const young = 0.88 + 0.24 * (1 - age);
    const leafRgb = tinted([rgb[0] * young, rgb[1] * young, rgb[2] * young], random, 0.08);
    drawLeaf(
      canvas,
      {
        x: at.x,
        y: at.y,
        angle: start + i * 2.399963 + random.uniform(-0.2, 0.2),
        length,
        halfWidth: length * random.uniform(style.slimness[0], style.slimness[1]),
        bend: random.uniform(-style.bend, style.bend),
        outline: style.outline,
        rgb: leafRgb,
        ribRgb: style.ribRgb,
        rib: style.rib,
      },
      at.sunAngle,
    );
  }
}

const STALKED = (u: number) => (u < 0.3 ? 0.1 + 0.25 * u : Math.sin((u - 0.3) * 4.488) ** 0.6);

/** Draws the field's plants and things. Caches their outlines: create one instance and keep it. */
export class FieldShapes {
  readonly #crop: RosetteStyle = {
    leaves: [7, 11],
    slimness: [0.27, 0.38],
    bend: 0.1,
    lengthSpread: 0.25,
    rgb: [74, 142, 58],
    ribRgb: [156, 196, 128],
    rib: 0.09,
    outline: outline((u) => STALKED(u) * (0.95 + 0.05 * Math.sin(u * 40))),
  };
  readonly #weeds: RosetteStyle[] = [
    {
      leaves: [10, 17],
      slimness: [0.07, 0.12],
      bend: 0.28,
      lengthSpread: 0.5,
      rgb: [86, 128, 46],
      ribRgb: [122, 156, 80],
      rib: 0.16,
      outline: outline((u) => Math.sin(Math.min(1, u * 0.9 + 0.1) * Math.PI) ** 0.5),
    },
    {
      leaves: [9, 14],
      slimness: [0.14, 0.21],
      bend: 0.16,
      lengthSpread: 0.45,
      rgb: [66, 116, 52],
      ribRgb: [128, 150, 96],
      rib: 0.12,
      outline: outline((u) => Math.sin(u ** 0.8 * Math.PI) ** 0.8 * (0.62 + 0.38 * sawtooth(u, 7))),
    },
  ];
  readonly #thistle: RosetteStyle = {
    leaves: [9, 13],
    slimness: [0.26, 0.34],
    bend: 0.1,
    lengthSpread: 0.2,
    rgb: [98, 136, 104],
    ribRgb: [206, 216, 196],
    rib: 0.11,
    outline: outline(
      (u) => Math.sin(u ** 0.75 * Math.PI) ** 0.7 * (0.22 + 0.78 * sawtooth(u, 5) ** 1.4),
    ),
  };

  readonly #straw: Outline = outline(() => 1);

  crop(canvas: Canvas, at: Placing, random: Random): void {
    drawRosette(canvas, at, this.#crop, random);
  }

  /** @param species 0 = grassy, 1 = serrated. */
  weed(canvas: Canvas, at: Placing, species: number, random: Random): void {
    drawRosette(canvas, at, this.#weeds[species]!, random);
  }

  straw(canvas: Canvas, at: Placing, random: Random): void {
    const gain = random.uniform(0.8, 1.15);
    const rgb: Rgb = [186 * gain, 164 * gain, 112 * gain];
    drawLeaf(
      canvas,
      {
        x: at.x,
        y: at.y,
        angle: random.next() * 2 * Math.PI,
        length: at.radius * 2,
        halfWidth: Math.max(0.8, at.radius * 0.07),
        bend: random.uniform(-0.1, 0.1),
        outline: this.#straw,
        rgb,
        ribRgb: rgb,
        rib: 0,
      },
      at.sunAngle,
    );
  }

  /** Deeply lobed, blue-green, white-ribbed; older ones carry a purple head. */
  thistle(canvas: Canvas, at: Placing, random: Random): void {
    drawRosette(canvas, at, this.#thistle, random);
    if (random.next() > 0.6) return;
    const radius = at.radius * random.uniform(0.1, 0.17);
    canvas.visit(at.x, at.y, radius, radius, (dx, dy, index) => {
      const d = Math.sqrt(dx * dx + dy * dy) / radius;
      if (d > 1) return;
      const light = 0.75 + 0.35 * Math.abs(Math.sin(Math.atan2(dy, dx) * 11));
      canvas.mix(index, 158 * light, 84 * light, 168 * light, Math.min(1, (1 - d) * 4));
    });
  }

  /** A grey stone: a lumpy dome lit from the sun's side. `texture` gives -1..1 for a pixel. */
  stone(canvas: Canvas, at: Placing, texture: (index: number) => number, random: Random): void {
    groundShadow(canvas, { ...at, radius: at.radius * 1.12 }, 0.6);
    const phases = [random.next() * 6.3, random.next() * 6.3, random.next() * 6.3];
    const radii = Float32Array.from({ length: 129 }, (_, i) => {
      const angle = (i / 128) * 2 * Math.PI;
      const lumps =
        0.11 * Math.sin(2 * angle + phases[0]!) +
        0.07 * Math.sin(3 * angle + phases[1]!) +
        0.05 * Math.sin(5 * angle + phases[2]!);
      return at.radius * (0.8 + lumps);
    });
    const grey = random.uniform(118, 176);
    const tint = random.uniform(-10, 14);
    const sunX = Math.cos(at.sunAngle);
    const sunY = Math.sin(at.sunAngle);
    canvas.visit(at.x, at.y, at.radius, at.radius, (dx, dy, index) => {
      const distance = Math.sqrt(dx * dx + dy * dy);
      const turn = Math.atan2(dy, dx) / (2 * Math.PI) + 0.5;
      const radius = radii[(turn * 128) | 0]!;
      const alpha = radius - distance + 0.5;
      if (alpha <= 0) return;
      const d = Math.min(1, distance / radius);
      const slope = d * d * d;
      const facing = ((dx * sunX + dy * sunY) / (distance + 0.01)) * slope;
      const light = 0.82 + 0.34 * facing - 0.16 * slope + 0.14 * texture(index);
      const value = grey * light;
      canvas.mix(index, value + tint, value, value - tint, Math.min(1, alpha));
    });
  }

  /** A post lying across the row: a wooden or zinc-coated cylinder. */
  post(canvas: Canvas, at: Placing, texture: (index: number) => number, random: Random): void {
    const angle = random.uniform(-0.7, 0.7);
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const halfLength = at.radius * 2.1;
    const halfWidth = at.radius * random.uniform(0.2, 0.32);
    const wooden = random.next() < 0.5;
    const rgb: Rgb = wooden ? [150, 118, 84] : [164, 168, 172];
    const shadow = halfWidth * (0.6 + at.shadowLength);
    const reach = halfLength + halfWidth;
    const towardsSun = Math.sin(at.sunAngle - angle);
    const side = towardsSun < 0 ? 1 : -1;
    canvas.visit(at.x, at.y, reach, reach, (dx, dy, index) => {
      const u = dx * cos + dy * sin;
      const v = dy * cos - dx * sin;
      if (u < -halfLength || u > halfLength) return;
      const across = v / halfWidth;
      if (across < -1 || across > 1) {
        const behind = v * side - halfWidth;
        if (behind > 0 && behind < shadow) canvas.mix(index, 18, 14, 12, 0.5);
        return;
      }
      const grain = wooden ? 0.1 * Math.sin(across * 14 + u * 0.02) + 0.12 * texture(index) : 0;
      const gloss = wooden ? 0 : 0.3 * Math.max(0, 1 - Math.abs(across - towardsSun * 0.4) * 5);
      const light = 1.05 - 0.5 * across * across + 0.18 * across * towardsSun + grain + gloss;
      canvas.mix(index, rgb[0] * light, rgb[1] * light, rgb[2] * light, 1);
    });
  }
}
