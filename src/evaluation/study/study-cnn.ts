import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Tfjs } from '../../backbone/engines/tfjs-library.js';
import { createRandom } from '../../base/random.js';
import { addSeededDropout } from '../../training/fit/tf-dropout.js';

/** An 8-bit RGB image, as vision makes it. */
export interface StudyImage {
  width: number;
  height: number;
  data: Uint8Array;
}

export interface CnnOptions {
  sizePixels: number;
  classCount: number;
  /** Penalty on kernels, as in tf.regularizers.l2; 0 = none. */
  l2: number;
  /** Share of the dense layer's values that are dropped in training, 0..1 exclusive; 0 = none. */
  dropout: number;
  /** Learning rate of Adam. */
  learningRate: number;
  /** Seed of initial weights, dropout and the order of photos. */
  seed: number;
}

export const BATCH = 16;

type Model = ReturnType<Tfjs['sequential']>;

/**
 * A small network as in the tutorials: three times convolution (3 x 3, ReLU) and pooling, one dense
 * layer, optional dropout, softmax; Adam, batches of 16.
 */
export class SmallCnn {
  readonly #model: Model;
  readonly #seed: number;

  constructor(
    private readonly tf: Tfjs,
    private readonly options: CnnOptions,
  ) {
    this.#model = buildModel(tf, options);
    this.#seed = options.seed;
  }

  close(): void {
    // A model disposes only of optimizers that it made itself.
    this.#model.optimizer.dispose();
    this.#model.dispose();
  }

  /** One gradient step; images of sizePixels x sizePixels, labels as class indices. */
  async step(images: readonly StudyImage[], labels: readonly number[]): Promise<void> {
    const { tf } = this;
    const x = this.#pixels(images);
    const y = tf.tidy(() => tf.oneHot(tf.tensor1d([...labels], 'int32'), this.options.classCount));
    try {
      await this.#model.trainOnBatch(x, y);
    } finally {
      x.dispose();
      y.dispose();
    }
    await nextTurn();
  }

  /**
   * One pass over all photos in a new order. `image` returns photo i as it is learnt in this epoch.
   */
  async epoch(
    number: number,
    labels: readonly number[],
    image: (index: number) => StudyImage,
    isOver: () => boolean,
  ): Promise<void> {
    const order = labels.map((_, i) => i);
    const random = createRandom(this.#seed * 1_000 + number);
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.int(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    for (let from = 0; from < order.length && !isOver(); from += BATCH) {
      const batch = order.slice(from, from + BATCH);
      await this.step(
        batch.map(image),
        batch.map((i) => labels[i]!),
      );
    }
  }

  /** @returns n x C, row-major, rows sum to 1; uniform where the training diverged */
  async probabilities(images: readonly StudyImage[]): Promise<Float64Array> {
    const { classCount } = this.options;
    const all = new Float64Array(images.length * classCount);
    for (let from = 0; from < images.length; from += 4 * BATCH) {
      const part = images.slice(from, from + 4 * BATCH);
      const values = this.tf.tidy(() =>
        (this.#model.predict(this.#pixels(part)) as ReturnType<Tfjs['zeros']>).dataSync(),
      );
      // Too high a learning rate ends in NaN: a network that has learnt nothing, not a failure.
      all.set(
        values.map((value) => (Number.isFinite(value) ? value : 1 / classCount)),
        from * classCount,
      );
      await nextTurn();
    }
    return all;
  }

  #pixels(images: readonly StudyImage[]) {
    const { sizePixels } = this.options;
    const each = sizePixels * sizePixels * 3;
    const values = new Float32Array(images.length * each);
    images.forEach(({ data }, n) => {
      for (let i = 0; i < each; i++) values[n * each + i] = (data[i] as number) / 255;
    });
    return this.tf.tensor4d(values, [images.length, sizePixels, sizePixels, 3]);
  }
}

function buildModel(tf: Tfjs, options: CnnOptions): Model {
  const { sizePixels, classCount, l2, dropout, learningRate, seed } = options;
  const model = tf.sequential();
  // A function, because each layer needs its own object.
  const penalty = () => (l2 > 0 ? { kernelRegularizer: tf.regularizers.l2({ l2 }) } : {});
  let layer = 0;
  const initial = () => tf.initializers.glorotUniform({ seed: seed * 100 + layer++ });
  for (const filters of [16, 32, 64]) {
    model.add(
      tf.layers.conv2d({
        filters,
        kernelSize: 3,
        padding: 'same',
        activation: 'relu',
        kernelInitializer: initial(),
        ...penalty(),
        ...(filters === 16 ? { inputShape: [sizePixels, sizePixels, 3] } : {}),
      }),
    );
    model.add(tf.layers.maxPooling2d({ poolSize: 2 }));
  }
  model.add(tf.layers.flatten());
  model.add(
    tf.layers.dense({
      units: 64,
      activation: 'relu',
      kernelInitializer: initial(),
      ...penalty(),
    }),
  );
  if (dropout > 0) addSeededDropout(tf, model, { rate: dropout, seed });
  model.add(
    tf.layers.dense({
      units: classCount,
      activation: 'softmax',
      kernelInitializer: initial(),
      ...penalty(),
    }),
  );
  model.compile({ optimizer: tf.train.adam(learningRate), loss: 'categoricalCrossentropy' });
  return model;
}
