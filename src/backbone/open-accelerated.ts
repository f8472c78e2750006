import { HeadlandError, isHeadlandError, messageOf } from '../base/errors.js';
import { agreementOf } from './agreement.js';
import type { Backbone } from './backbone.js';
import { drawCheckPicture } from './check-picture.js';
import type { Execution } from './engines/engine-onnx.js';
import { type OpenEngineOptions, openEngine } from './open-engine.js';

/**
 * Largest difference to the features of the CPU, as a share of their length: above the rounding of half
 * precision (0.001 each value), below the loss of 8 bits (0.047, bench/results/inference.md). A head
 * that was trained on features of 8 bits does not fit others.
 */
const MAX_RELATIVE_ERROR = 0.02;

export interface Opened {
  backbone: Backbone;
  /** Why the CPU computes instead of the configured provider; null: the provider does. */
  fallback: HeadlandError | null;
}

/**
 * Opens a model where the settings say. What cannot be opened there, or computes other features there
 * than on the CPU, is opened on the CPU.
 * @throws HeadlandError errors of {@link openEngine}
 */
export async function openAccelerated(
  options: OpenEngineOptions,
  execution: Execution,
): Promise<Opened> {
  const { provider, libraryPath } = execution;
  if (provider === 'cpu' && libraryPath === null) {
    return { backbone: await openEngine(options), fallback: null };
  }
  try {
    return { backbone: await openChecked(options, execution), fallback: null };
  } catch (error) {
    return { backbone: await openEngine(options), fallback: unavailable(provider, error) };
  }
}

async function openChecked(options: OpenEngineOptions, execution: Execution): Promise<Backbone> {
  const { card } = options;
  if (card.engine !== 'onnx') throw new Error('TensorFlow.js runs this backbone, on the CPU');
  const backbone = await openEngine({ ...options, execution });
  if (execution.provider === 'cpu') return backbone;
  try {
    const cpu = await openEngine({ ...options, execution: { ...execution, provider: 'cpu' } });
    const picture = drawCheckPicture(card.inputSize);
    const expected = await cpu.embed(picture).finally(() => cpu.close());
    const { relativeError } = agreementOf([expected], [await backbone.embed(picture)]);
    if (!(relativeError <= MAX_RELATIVE_ERROR)) {
      throw new Error(
        `its features differ from those of the CPU by ${relativeError.toFixed(3)}, at most ${MAX_RELATIVE_ERROR} is allowed`,
      );
    }
    return backbone;
  } catch (error) {
    await backbone.close();
    throw error;
  }
}

function unavailable(provider: string, error: unknown): HeadlandError {
  if (isHeadlandError(error, 'HL_ACCELERATOR_UNAVAILABLE')) return error;
  const why = messageOf(error).split('\n', 1)[0];
  return new HeadlandError(
    'HL_ACCELERATOR_UNAVAILABLE',
    `execution provider ${provider} cannot be used: ${why}`,
    {
      remedy:
        'Install what the provider needs and set inference.libraryPath to an ONNX Runtime that was built with it. Or set inference.executionProvider to cpu.',
      details: { provider },
      cause: error,
    },
  );
}
