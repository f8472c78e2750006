import type { RgbImage } from '../vision/image.js';

/** Name of the only output of every converted ONNX model. */
export const FEATURES = 'features';

/** A frozen, pretrained feature extractor. */
export interface Backbone {
  /** Name of its model card. */
  readonly name: string;
  /** SHA-256 (hex) of the converted model file: features of different checksums never mix. */
  readonly checksum: string;
  /** Side of the square input, pixels. */
  readonly inputSize: number;
  /** Length of the pooled feature vector (the embedding). */
  readonly featureSize: number;
  /** Engine that runs it, as in the log: "onnxruntime-node 1.27.0 cpu". */
  readonly engine: string;
  /**
   * One forward pass. `image` is `inputSize` x `inputSize` RGB and not normalised. Returns a new
   * vector of `featureSize` finite numbers.
   * @throws HeadlandError HL_BACKBONE_INPUT_SIZE, HL_BACKBONE_OUTPUT_INVALID
   */
  embed(image: RgbImage): Promise<Float32Array>;
  close(): Promise<void>;
}
