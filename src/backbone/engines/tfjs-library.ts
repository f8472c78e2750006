import { createRequire } from 'node:module';
import { dirname, join, resolve, sep } from 'node:path';
import { HeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { registerWasmFilterGradient } from './tfjs-wasm-kernels.js';

type Core = typeof import('@tensorflow/tfjs-core');

/** tfjs-core, tfjs-layers and tfjs-converter as one, like `@tensorflow/tfjs`. */
export type Tfjs = Core &
  typeof import('@tensorflow/tfjs-layers') &
  Pick<typeof import('@tensorflow/tfjs-converter'), 'loadGraphModel'>;

/** `tensorflow`: native code of tfjs-node; `wasm`: XNNPACK in WebAssembly; `cpu`: JavaScript. */
export type TfjsBackend = 'tensorflow' | 'wasm' | 'cpu';

export interface TfjsEngine {
  tf: Tfjs;
  backend: TfjsBackend;
  /** What runs and why nothing faster does, in words. */
  reason: string;
}

/** Fastest first. */
const BACKENDS: readonly TfjsBackend[] = ['tensorflow', 'wasm', 'cpu'];

/**
 * Opens TensorFlow.js with the fastest backend that works on this machine. All its packages are
 * optional. The backend is global to the thread in TensorFlow.js.
 *
 * tfjs-node is taken from the folder in HEADLAND_TFJS_NODE (made by deploy/tfjs-node/build.sh),
 * else from headland's own packages.
 *
 * @param backends Backends to try, in this order.
 * @throws HeadlandError HL_TFJS_UNAVAILABLE
 */
export async function openTfjs(
  log: Log,
  backends: readonly TfjsBackend[] = BACKENDS,
): Promise<TfjsEngine> {
  const refused: string[] = [];
  for (const backend of backends) {
    try {
      const { tf, what } = await OPENERS[backend]();
      if (!(await tf.setBackend(backend))) throw new Error('it does not initialise');
      await tf.ready();
      const reason = [what, ...refused].join('; ');
      log.info({ backend, reason }, 'TensorFlow.js is open');
      return { tf, backend, reason };
    } catch (error) {
      refused.push(`no ${backend}: ${firstLine(error)}`);
    }
  }
  throw new HeadlandError(
    'HL_TFJS_UNAVAILABLE',
    `TensorFlow.js cannot be used: ${refused.join('; ')}`,
    {
      remedy:
        'Install TensorFlow.js: the package headland-tfjs (`apt install ./headland-tfjs_*_all.deb`), or in a checkout `npm ci --include=optional`. Or use an ONNX backbone.',
    },
  );
}

interface Opened {
  tf: Tfjs;
  /** The backend in words. */
  what: string;
}

const OPENERS: Record<TfjsBackend, () => Promise<Opened>> = {
  tensorflow: openNative,
  wasm: openWasm,
  cpu: async () => {
    const tf = await loadPackages();
    await import('@tensorflow/tfjs-backend-cpu');
    return { tf, what: `tfjs-backend-cpu ${tf.version_core}, plain JavaScript, the slowest` };
  },
};

async function loadPackages(): Promise<Tfjs> {
  const [core, layers, { loadGraphModel }] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-layers'),
    import('@tensorflow/tfjs-converter'),
  ]);
  // Prevents a greeting on standard error.
  core.enableProdMode();
  return { ...core, ...layers, loadGraphModel };
}

/** tfjs-node contains its own TensorFlow.js, which shares all state with the other packages. */
async function openNative(): Promise<Opened> {
  const folder = process.env.HEADLAND_TFJS_NODE;
  const require = createRequire(folder ? join(resolve(folder), 'package.json') : import.meta.url);
  // tfjs-node 4.22 calls functions that Node 22 deprecates and Node 23 removed.
  const util = require('node:util') as Record<string, unknown>;
  util.isNullOrUndefined = (value: unknown) => value === null || value === undefined;
  // Prevents a message about the processor on standard error.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  const tf = require('@tensorflow/tfjs-node') as Tfjs & { version: Record<string, string> };
  tf.enableProdMode();
  const { binding } = tf.findBackend('tensorflow') as unknown as {
    binding: { TF_Version: string };
  };
  return { tf, what: `tfjs-node ${tf.version['tfjs-node']}, TensorFlow ${binding.TF_Version}` };
}

async function openWasm(): Promise<Opened> {
  const tf = await loadPackages();
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  // Setting it again while the backend runs only causes a warning.
  if (tf.getBackend() !== 'wasm') wasm.setWasmPaths(join(folder, 'dist') + sep);
  registerWasmFilterGradient(tf);
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  const what = `tfjs-backend-wasm ${wasm.version_wasm}, ${simd ? 'SIMD' : 'no SIMD'}`;
  return { tf, what };
}

/** Without the path of the importing file, which does not help the reader. */
function firstLine(error: unknown): string {
  const [line = ''] = messageOf(error).split('\n', 1);
  return line.replace(/ imported from .*$/, '');
}
