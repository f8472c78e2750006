// Runs on the emulated board: node count-forwards.js REQUEST, a file with a CountRequest. The last
// line on standard output is the ForwardCount of every model, as JSON.
import { readFileSync } from 'node:fs';
import { sessionOptions } from '../../../src/backbone/engines/engine-onnx.js';
import { loadRuntime } from '../../../src/backbone/engines/onnx-runtime.js';
import { LitertModel } from './litert-model.js';

export interface CountRequest {
  passes: number;
  /** Nanoseconds by which an instruction advances the clock. */
  instructionNs: number;
  featureSize: number;
  /** libLiteRt.so. */
  litertLibrary: string;
  models: CountedModel[];
}

export interface CountedModel {
  name: string;
  engine: 'onnxruntime' | 'litert';
  file: string;
  /** Raw fp32 numbers in the layout of the engine. */
  input: string;
  inputDims: number[];
}

export interface ForwardCount {
  name: string;
  /** Of this process, in the pass with the fewest: collecting garbage only adds some. */
  instructions: number;
  /** Largest minus smallest count. */
  spread: number;
  features: number[];
}

type Forward = () => Promise<Float32Array>;

/** The first pass packs weights and reserves memory. */
const UNCOUNTED_PASSES = 1;

const request = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as CountRequest;
const counts: ForwardCount[] = [];
for (const model of request.models) {
  const { forward, close } = await open(model);
  counts.push(await count(model.name, forward));
  await close();
}
process.stdout.write(`${JSON.stringify(counts)}\n`);
// LiteRT's environment is not released.
process.exit(0);

async function count(name: string, forward: Forward): Promise<ForwardCount> {
  const instructions: number[] = [];
  let features: Float32Array = new Float32Array();
  for (let pass = 0; pass < UNCOUNTED_PASSES + request.passes; pass++) {
    const before = process.cpuUsage();
    features = await forward();
    const { user, system } = process.cpuUsage(before);
    if (pass < UNCOUNTED_PASSES) continue;
    instructions.push((1_000 * (user + system)) / request.instructionNs);
  }
  instructions.sort((a, b) => a - b);
  return {
    name,
    instructions: instructions[0] as number,
    spread: (instructions.at(-1) as number) - (instructions[0] as number),
    features: Array.from(features),
  };
}

async function open(
  model: CountedModel,
): Promise<{ forward: Forward; close: () => Promise<void> }> {
  const input = new Float32Array(Uint8Array.from(readFileSync(model.input)).buffer);
  if (model.engine === 'litert') {
    const litert = new LitertModel(request.litertLibrary, model.file, request.featureSize);
    return { forward: async () => litert.run(input), close: async () => {} };
  }
  const runtime = await loadRuntime();
  const session = await runtime.InferenceSession.create(model.file, sessionOptions(1));
  const tensor = new runtime.Tensor('float32', input, model.inputDims);
  return {
    forward: async () => {
      const [output] = Object.values(
        await session.run({ [session.inputNames[0] as string]: tensor }),
      );
      if (!(output?.data instanceof Float32Array))
        throw new Error(`${model.name}: no fp32 features`);
      return output.data;
    },
    close: async () => session.release(),
  };
}
