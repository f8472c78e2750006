import type { OnnxTensor } from '../../../src/backbone/engines/onnx-proto.js';
import { floatTensor } from '../../../src/models/onnx/onnx-read.js';

/** `dataType` of the tensors in a backbone and its 8-bit variant. */
export const ONNX_ELEMENT = { float32: 1, uint8: 2, int8: 3, int32: 6 } as const;

export type Elements = Float32Array | Int32Array | Int8Array | Uint8Array;

/** The values of a tensor. @throws when its type is none of these */
export function elementsOf(tensor: OnnxTensor): Elements {
  const { name, dataType, rawData } = tensor;
  if (dataType === ONNX_ELEMENT.float32) return floatTensor(tensor).values;
  // A copy, because the bytes in the file are not aligned.
  const raw = Uint8Array.from(rawData ?? []);
  if (dataType === ONNX_ELEMENT.uint8) return raw;
  if (dataType === ONNX_ELEMENT.int8) return new Int8Array(raw.buffer);
  if (dataType === ONNX_ELEMENT.int32) return new Int32Array(raw.buffer);
  throw new Error(`${name}: elements of type ${dataType}`);
}
