import type { Tfjs } from '../../backbone/engines/tfjs-library.js';

export interface DropoutOptions {
  /** Share of values that are dropped, 0..1 exclusive. */
  rate: number;
  seed: number;
  /** Length of its input vectors; only the first layer of a model needs it. */
  inputs?: number;
}

/**
 * Adds a dropout layer that draws a new mask on every call, but the same sequence for the same
 * seed. The layer of tf.layers either repeats one mask (with a seed) or cannot be repeated.
 */
export function addSeededDropout(
  tf: Tfjs,
  model: ReturnType<Tfjs['sequential']>,
  { rate, seed, inputs }: DropoutOptions,
): void {
  type Tensor = InstanceType<Tfjs['Tensor']>;
  class SeededDropout extends tf.layers.Layer {
    static readonly className = 'SeededDropout';
    #calls = 0;

    override computeOutputShape(shape: number[]): number[] {
      return shape;
    }

    override call(input: Tensor | Tensor[], options: { training?: boolean }): Tensor {
      const x = Array.isArray(input) ? (input[0] as Tensor) : input;
      if (!options.training) return x;
      return tf.tidy(() => {
        const drawn = tf.randomUniform(x.shape, 0, 1, 'float32', `${seed}/${this.#calls++}`);
        const kept = tf.cast(tf.greaterEqual(drawn, tf.scalar(rate)), 'float32');
        return tf.mul(x, tf.div(kept, tf.scalar(1 - rate)));
      });
    }
  }
  model.add(new SeededDropout(inputs === undefined ? {} : { inputShape: [inputs] }));
}
