import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { HeadlandError, messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { registerWasmFilterGradient } from './tfjs-wasm-kernels.js';

type Core = typeof import('@tensorflow/tfjs-core');

/** tfjs-core and tfjs-layers as one, as `@tensorflow/tfjs` has it. */
export type Tfjs = Core & typeof import('@tensorflow/tfjs-layers');

/** `tensorflow`: native code of tfjs-node; `wasm`: XNNPACK in WebAssembly; `cpu`: JavaScript. */
export type TfjsBackend = 'tensorflow' | 'wasm' | 'cpu';

export interface TfjsEngine {
  tf: Tfjs;
  backend: TfjsBackend;
  /** In words: what runs, and why nothing faster does. */
  reason: string;
}

/** Fastest first. */
const BACKENDS: readonly TfjsBackend[] = ['tensorflow', 'wasm', 'cpu'];

/**
 * Opens TensorFlow.js with the fastest backend that works on this machine. All its packages are
 * optional. The backend is global to the process, as TensorFlow.js has it.
 *
 * @param backends Which may be tried, in this order.
 * @throws HeadlandError HL_TFJS_UNAVAILABLE
 */
export async function openTfjs(
  log: Log,
  backends: readonly TfjsBackend[] = BACKENDS,
): Promise<TfjsEngine> {
  const refused: string[] = [];
  let tf: Tfjs;
  try {
    const [core, layers] = await Promise.all([
      import('@tensorflow/tfjs-core'),
      import('@tensorflow/tfjs-layers'),
    ]);
    // It would greet on standard error otherwise.
    core.enableProdMode();
    tf = { ...core, ...layers };
  } catch (cause) {
    throw unavailable(`its packages do not load: ${firstLine(cause)}`, cause);
  }
  for (const backend of backends) {
    try {
      const what = await OPENERS[backend](tf);
      if (!(await tf.setBackend(backend))) throw new Error('it does not initialise');
      await tf.ready();
      const reason = [what, ...refused].join('; ');
      log.info({ backend, reason }, 'TensorFlow.js is open');
      return { tf, backend, reason };
    } catch (error) {
      refused.push(`no ${backend}: ${firstLine(error)}`);
    }
  }
  throw unavailable(refused.join('; '));
}

const OPENERS: Record<TfjsBackend, (core: Core) => Promise<string>> = {
  tensorflow: openNative,
  wasm: openWasm,
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
    return 'TensorFlow.js in plain JavaScript, the slowest';
  },
};

async function openNative(): Promise<string> {
  const require = createRequire(import.meta.url);
  // tfjs-node 4.22 calls what Node 23 removed.
  const util = require('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  // Its package is not there on every machine, so its types cannot be either.
  const name: string = '@tensorflow/tfjs-node';
  await import(name);
  return 'tfjs-node, native TensorFlow';
}

async function openWasm(core: Core): Promise<string> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  // Setting it again once the backend runs only makes it warn.
  if (core.getBackend() !== 'wasm') wasm.setWasmPaths(join(folder, 'dist') + sep);
  registerWasmFilterGradient(core);
  const simd = await core.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  return `tfjs-backend-wasm, XNNPACK ${simd ? 'with' : 'without'} SIMD`;
}

/** Without the path of the importing file, which says nothing to the reader. */
function firstLine(error: unknown): string {
  return (messageOf(error).split('\n', 1)[0] ?? '').replace(/ imported from .*$/, '');
}

function unavailable(why: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_TFJS_UNAVAILABLE', `TensorFlow.js cannot be used: ${why}`, {
    remedy: 'Install the optional packages: `npm ci --include=optional`.',
    ...(cause === undefined ? {} : { cause }),
  });
}
