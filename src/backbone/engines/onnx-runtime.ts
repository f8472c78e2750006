import { readFileSync, realpathSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { join } from 'node:path';
import { HeadlandError, messageOf } from '../../base/errors.js';

export type Runtime = typeof import('onnxruntime-node');

const BINDING = 'onnxruntime_binding.node';

/**
 * ONNX Runtime, loaded on first use in this thread.
 *
 * @param libraryPath folder of another build of the same version; null: the build of the package
 * @throws HeadlandError HL_ENGINE_UNAVAILABLE, HL_ACCELERATOR_UNAVAILABLE
 */
export async function loadRuntime(libraryPath: string | null = null): Promise<Runtime> {
  // Newer versions on Linux carry a telemetry client; this must be set before they load.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  if (libraryPath !== null) useBuild(libraryPath);
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new HeadlandError(
      'HL_ENGINE_UNAVAILABLE',
      `ONNX Runtime does not load on ${process.platform} ${process.arch}: ${messageOf(cause)}`,
      {
        remedy: 'Use 64-bit Linux with glibc 2.28 or newer, then install headland again (npm ci).',
        cause,
      },
    );
  }
}

/**
 * Loads another build's binding in the place of the package's own. ONNX Runtime built with
 * `--build_nodejs` contains the binding and, beside it, the library that the binding loads.
 */
function useBuild(libraryPath: string): void {
  const require = createRequire(import.meta.url);
  const { version } = require('onnxruntime-node/package.json') as { version: string };
  const own = require.resolve(
    `onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}/${BINDING}`,
  );
  try {
    const folder = realpathSync(libraryPath);
    const binding = join(folder, BINDING);
    const found = versionOf(readFileSync(binding));
    if (found !== version) throw new Error(`it is of version ${found ?? 'unknown'}`);
    const module = new Module(own);
    process.dlopen(module, binding);
    // The system loads one library of a name: an earlier one would answer for this one.
    if (!readFileSync('/proc/self/maps', 'utf8').includes(join(folder, 'libonnxruntime.so'))) {
      throw new Error('its libonnxruntime.so.1 is not beside it, or another one is already loaded');
    }
    module.loaded = true;
    require.cache[own] = module;
  } catch (cause) {
    const why = messageOf(cause).split('\n', 1)[0];
    throw new HeadlandError(
      'HL_ACCELERATOR_UNAVAILABLE',
      `the ONNX Runtime in ${libraryPath} cannot be used: ${why}`,
      {
        remedy: `Build ONNX Runtime ${version} with --build_shared_lib --build_nodejs, and set inference.libraryPath to the folder that holds its ${BINDING} and libonnxruntime.so.1. Or set it to null.`,
        details: { libraryPath, version },
        cause,
      },
    );
  }
}

/** The version of the library that a binding was linked with, from the version of its symbols. */
function versionOf(binding: Buffer): string | null {
  return /VERS_(\d+\.\d+\.\d+)/.exec(binding.toString('latin1'))?.[1] ?? null;
}
