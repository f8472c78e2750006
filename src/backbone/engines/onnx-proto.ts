import protobuf from 'protobufjs/light.js';
import { HeadlandError, messageOf } from '../../base/errors.js';

/** The part of `Long` (protobufjs' 64-bit integer) that sizes need. */
export type Int64 = number | { toNumber(): number };

export interface OnnxTensor {
  name: string;
  dims: Int64[];
  /** 1 = float32, 7 = int64. */
  dataType: number;
  rawData?: Uint8Array;
  floatData?: number[];
  int64Data?: Int64[];
  externalData?: object[];
}

export interface OnnxAttribute {
  name: string;
  /** 1 float, 2 int, 3 string, 4 tensor, 5 graph, 6 floats, 7 ints, 8 strings. */
  type: number;
  f?: number;
  i?: Int64;
  s?: Uint8Array;
  t?: OnnxTensor;
  g?: OnnxGraph;
  floats?: number[];
  ints?: Int64[];
  strings?: Uint8Array[];
  graphs?: OnnxGraph[];
}

export interface OnnxNode {
  name: string;
  opType: string;
  domain?: string;
  input: string[];
  output: string[];
  attribute: OnnxAttribute[];
}

export interface OnnxDimension {
  dimValue?: Int64;
  dimParam?: string;
}

export interface OnnxValueInfo {
  name: string;
  type?: { tensorType?: { elemType: number; shape?: { dim: OnnxDimension[] } } };
}

export interface OnnxGraph {
  name: string;
  node: OnnxNode[];
  initializer: OnnxTensor[];
  input: OnnxValueInfo[];
  output: OnnxValueInfo[];
  valueInfo: OnnxValueInfo[];
  sparseInitializer?: Uint8Array[];
}

export interface OnnxModel {
  irVersion: Int64;
  producerName?: string;
  producerVersion?: string;
  graph: OnnxGraph;
  opsetImport: { domain?: string; version: Int64 }[];
  metadataProps: { key: string; value: string }[];
  functions?: Uint8Array[];
}

type FieldDescription = [id: number, type: string, rule?: 'repeated'];

/**
 * The messages of `onnx.proto` (github.com/onnx/onnx, onnx/onnx.proto) that a model for inference
 * needs. Sparse initialisers and functions are kept as bytes, so that they are detected instead of
 * lost.
 */
const MESSAGES: Record<string, Record<string, FieldDescription>> = {
  Model: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    producerVersion: [3, 'string'],
    domain: [4, 'string'],
    modelVersion: [5, 'int64'],
    docString: [6, 'string'],
    graph: [7, 'Graph'],
    opsetImport: [8, 'OperatorSetId', 'repeated'],
    metadataProps: [14, 'StringStringEntry', 'repeated'],
    functions: [25, 'bytes', 'repeated'],
  },
  OperatorSetId: { domain: [1, 'string'], version: [2, 'int64'] },
  StringStringEntry: { key: [1, 'string'], value: [2, 'string'] },
  Graph: {
    node: [1, 'Node', 'repeated'],
    name: [2, 'string'],
    initializer: [5, 'Tensor', 'repeated'],
    docString: [10, 'string'],
    input: [11, 'ValueInfo', 'repeated'],
    output: [12, 'ValueInfo', 'repeated'],
    valueInfo: [13, 'ValueInfo', 'repeated'],
    sparseInitializer: [15, 'bytes', 'repeated'],
  },
  Node: {
    input: [1, 'string', 'repeated'],
    output: [2, 'string', 'repeated'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'Attribute', 'repeated'],
    docString: [6, 'string'],
    domain: [7, 'string'],
  },
  Attribute: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'Tensor'],
    g: [6, 'Graph'],
    floats: [7, 'float', 'repeated'],
    ints: [8, 'int64', 'repeated'],
    strings: [9, 'bytes', 'repeated'],
    tensors: [10, 'Tensor', 'repeated'],
    graphs: [11, 'Graph', 'repeated'],
    docString: [13, 'string'],
    type: [20, 'int32'],
    refAttrName: [21, 'string'],
  },
  Tensor: {
    dims: [1, 'int64', 'repeated'],
    dataType: [2, 'int32'],
    floatData: [4, 'float', 'repeated'],
    int32Data: [5, 'int32', 'repeated'],
    stringData: [6, 'bytes', 'repeated'],
    int64Data: [7, 'int64', 'repeated'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
    doubleData: [10, 'double', 'repeated'],
    uint64Data: [11, 'uint64', 'repeated'],
    docString: [12, 'string'],
    externalData: [13, 'StringStringEntry', 'repeated'],
    dataLocation: [14, 'int32'],
  },
  ValueInfo: { name: [1, 'string'], type: [2, 'Type'], docString: [3, 'string'] },
  Type: { tensorType: [1, 'TensorType'], denotation: [6, 'string'] },
  TensorType: { elemType: [1, 'int32'], shape: [2, 'TensorShape'] },
  TensorShape: { dim: [1, 'Dimension', 'repeated'] },
  Dimension: { dimValue: [1, 'int64'], dimParam: [2, 'string'], denotation: [3, 'string'] },
};

/** Reads and writes ONNX files. Writing is deterministic: the same model gives the same bytes. */
export class OnnxCodec {
  private readonly model: protobuf.Type;

  constructor() {
    const nested = Object.fromEntries(
      Object.entries(MESSAGES).map(([name, fields]) => [
        name,
        {
          fields: Object.fromEntries(
            Object.entries(fields).map(([field, [id, type, rule]]) => [
              field,
              { id, type, ...(rule ? { rule } : {}), options: { packed: rule === 'repeated' } },
            ]),
          ),
        },
      ]),
    );
    this.model = protobuf.Root.fromJSON({ nested }).lookupType('Model');
  }

  /**
   * @throws HeadlandError HL_MODEL_ONNX_INVALID when it is not ONNX or needs parts that are not
   *   kept.
   */
  decode(bytes: Uint8Array): OnnxModel {
    let model: OnnxModel;
    try {
      model = this.model.decode(bytes) as unknown as OnnxModel;
    } catch (cause) {
      throw invalidOnnx(`it cannot be parsed: ${messageOf(cause)}`, { remedy: NO_ONNX, cause });
    }
    if (!model.graph?.node?.length) throw invalidOnnx('it has no graph', { remedy: NO_ONNX });
    if (model.functions?.length) throw invalidOnnx('it uses model-local functions');
    if (model.graph.sparseInitializer?.length) throw invalidOnnx('it uses sparse initialisers');
    if (model.graph.initializer.some((tensor) => tensor.externalData?.length)) {
      throw invalidOnnx('its weights are in another file', {
        remedy: 'Export the model as one file, with its weights inside.',
      });
    }
    return model;
  }

  encode(model: OnnxModel): Uint8Array {
    return this.model.encode(this.model.fromObject(model)).finish();
  }
}

const NO_ONNX = 'Name an ONNX file. If this is one, it is damaged: export the model again.';

export function invalidOnnx(
  why: string,
  options: { remedy?: string; cause?: unknown } = {},
): HeadlandError {
  return new HeadlandError('HL_MODEL_ONNX_INVALID', `the ONNX model cannot be used: ${why}`, {
    remedy:
      options.remedy ??
      'Export the model again, with ONNX opset 13 to 21. In a card of your own, correct tap and sizes.',
    cause: options.cause,
  });
}

export function toNumber(value: Int64): number {
  return typeof value === 'number' ? value : value.toNumber();
}
