import { DEFECT_REMEDY, HeadlandError } from '../../base/errors.js';
import type { RgbImage } from '../../vision/image.js';
import type { ModelCard } from '../model-card.js';

/** Input and output of a forward pass, with the same checks for every engine. */
export class EngineInput {
  /** 1 x 3 x S x S or 1 x S x S x 3, by the card's layout; {@link fill} overwrites it. */
  readonly values: Float32Array;
  /** The normalised value of every byte, per channel: 3 x 256. */
  private readonly normalised: Float32Array;
  /** The bits of `values` and of `normalised`. */
  private readonly valueBits: Int32Array;
  private readonly tableBits: Int32Array;

  constructor(private readonly card: ModelCard) {
    this.values = new Float32Array(3 * card.inputSize * card.inputSize);
    this.normalised = normalisationTable(card.normalisation);
    this.valueBits = new Int32Array(this.values.buffer);
    this.tableBits = new Int32Array(this.normalised.buffer);
  }

  /**
   * Converts interleaved bytes to normalised numbers. @throws HeadlandError HL_BACKBONE_INPUT_SIZE
   */
  fill(image: RgbImage): void {
    const { name, inputSize: size } = this.card;
    const pixels = size * size;
    if (image.width !== size || image.height !== size || image.data.length !== pixels * 3) {
      throw new HeadlandError(
        'HL_BACKBONE_INPUT_SIZE',
        `backbone ${name} takes ${size} x ${size} RGB pixels, ` +
          `not ${image.width} x ${image.height} (${image.data.length} bytes)`,
        { remedy: DEFECT_REMEDY },
      );
    }
    const { data } = image;
    const planes = this.card.layout === 'NCHW-RGB';
    if (planes && pixels % 4 === 0 && data.byteOffset % 4 === 0) this.fillPlanes(data, pixels);
    else this.fillAny(data, pixels, planes);
  }

  /**
   * Reads four pixels as three words and copies the bits of the table's numbers, which takes half
   * the time of the plain loop. Every processor that headland supports is little-endian.
   */
  private fillPlanes(data: Uint8Array, pixels: number): void {
    const words = new Int32Array(data.buffer, data.byteOffset, (pixels * 3) / 4);
    const { valueBits: values, tableBits: table } = this;
    const green = pixels;
    const blue = 2 * pixels;
    for (let i = 0, to = 0; to < pixels; i += 3, to += 4) {
      // R G B R | G B R G | B R G B, the first byte lowest.
      const first = words[i] as number;
      const second = words[i + 1] as number;
      const third = words[i + 2] as number;
      values[to] = table[first & 255] as number;
      values[to + 1] = table[first >>> 24] as number;
      values[to + 2] = table[(second >>> 16) & 255] as number;
      values[to + 3] = table[(third >>> 8) & 255] as number;
      values[green + to] = table[256 + ((first >>> 8) & 255)] as number;
      values[green + to + 1] = table[256 + (second & 255)] as number;
      values[green + to + 2] = table[256 + (second >>> 24)] as number;
      values[green + to + 3] = table[256 + ((third >>> 16) & 255)] as number;
      values[blue + to] = table[512 + ((first >>> 16) & 255)] as number;
      values[blue + to + 1] = table[512 + ((second >>> 8) & 255)] as number;
      values[blue + to + 2] = table[512 + (third & 255)] as number;
      values[blue + to + 3] = table[512 + (third >>> 24)] as number;
    }
  }

  private fillAny(data: Uint8Array, pixels: number, planes: boolean): void {
    const { normalised, values } = this;
    const step = planes ? 1 : 3;
    const channel = planes ? pixels : 1;
    for (let i = 0, to = 0; i < pixels * 3; i += 3, to += step) {
      values[to] = normalised[data[i] as number] as number;
      values[to + channel] = normalised[256 + (data[i + 1] as number)] as number;
      values[to + 2 * channel] = normalised[512 + (data[i + 2] as number)] as number;
    }
  }

  /** @throws HeadlandError HL_BACKBONE_OUTPUT_INVALID */
  checkFeatures(features: unknown): asserts features is Float32Array {
    if (!(features instanceof Float32Array) || features.length !== this.card.featureSize) {
      throw this.invalidOutput(
        `${(features as Float32Array | undefined)?.length ?? 'no'} features, not ${this.card.featureSize}`,
      );
    }
    for (const value of features) {
      if (!Number.isFinite(value)) throw this.invalidOutput('features that are not finite');
    }
  }

  private invalidOutput(what: string): HeadlandError {
    return new HeadlandError(
      'HL_BACKBONE_OUTPUT_INVALID',
      `backbone ${this.card.name} gave ${what}`,
      {
        remedy:
          'Run `headland models verify` and do what it says. If it says "intact", check the memory of the board.',
      },
    );
  }
}

/** @throws HeadlandError HL_BACKBONE_CLOSED */
export function refuseClosed(name: string, closed: boolean): void {
  if (!closed) return;
  throw new HeadlandError('HL_BACKBONE_CLOSED', `backbone ${name} is closed`, {
    remedy: DEFECT_REMEDY,
  });
}

function normalisationTable({ mean, std }: ModelCard['normalisation']): Float32Array {
  const table = new Float32Array(3 * 256);
  for (let channel = 0; channel < 3; channel++) {
    for (let value = 0; value < 256; value++) {
      table[channel * 256 + value] = (value - (mean[channel] as number)) / (std[channel] as number);
    }
  }
  return table;
}
