import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OnnxCodec, type OnnxModel } from '../../backbone/engines/onnx-proto.js';
import { loadRuntime } from '../../backbone/engines/onnx-runtime.js';

/**
 * The same network after ONNX Runtime's basic optimisation: constants folded, BatchNorm and
 * scalings merged into the convolutions before them, so that only these must be quantized.
 *
 * @param workDir Existing folder for a temporary file.
 */
export async function simplifyModel(model: Uint8Array, workDir: string): Promise<OnnxModel> {
  const runtime = await loadRuntime();
  const folder = await mkdtemp(join(workDir, '.simplify-'));
  try {
    const path = join(folder, 'model.onnx');
    const session = await runtime.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'basic',
      optimizedModelFilePath: path,
      logSeverityLevel: 3,
    });
    await session.release();
    const simplified = new OnnxCodec().decode(await readFile(path));
    // The optimiser declares every operator set that it knows; other runtimes refuse unknown ones.
    const used = new Set(simplified.graph.node.map(({ domain }) => domain ?? ''));
    const opsetImport = simplified.opsetImport.filter(({ domain }) => used.has(domain ?? ''));
    return { ...simplified, opsetImport };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
