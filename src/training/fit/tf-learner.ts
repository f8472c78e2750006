import { setImmediate as nextTurn } from 'node:timers/promises';
import { openTfjs, type Tfjs, type TfjsEngine } from '../../backbone/engines/tfjs-library.js';
import { silentLog } from '../../base/log.js';
import { createRandom } from '../../base/random.js';
import { foldsOf } from '../../head/folds.js';
import type { FeatureTransform } from '../../head/head.js';
import { bestCandidate, judgeLogits, pickRows } from '../../head/learners/select.js';
import { type Standardised, standardise } from '../../head/learners/standardise.js';
import {
  type Candidate,
  checkCancelled,
  checkTrainingSet,
  classBalancedWeights,
  groupingOf,
  judgedRows,
  type LinearFit,
  leadsCluster,
  sharesOf,
  type TrainingSet,
} from '../../head/training-set.js';
import { addSeededDropout } from './tf-dropout.js';

const L2 = 1e-3;
const DROPOUT = 0.2;
const LEARNING_RATES: readonly number[] = [3e-4, 1e-3, 3e-3];
const BATCH_ROWS = 32;
const MAX_EPOCHS = 60;
/** Epochs without a better log-loss on the part that is held out for early stopping. */
const PATIENCE = 6;
const FOLDS = 4;

export interface TfLayersOptions {
  transform: FeatureTransform;
  /** Seed of initial weights, dropout and the order of rows. */
  seed?: number;
  learningRates?: readonly number[];
  maxEpochs?: number;
  /** Default: the fastest available. */
  engine?: TfjsEngine;
  signal?: AbortSignal;
}

interface Tried {
  candidate: Candidate;
  learningRate: number;
  logits: Float64Array;
  /** Mean over folds of the best epoch on the part that is held out for early stopping. */
  epochs: number;
}

/**
 * A softmax layer in tf.layers on standardised features: dropout, Dense, L2 penalty 1e-3 on its
 * kernel, Adam, class-balanced cross-entropy, batches of 32 rows. The learning rate is chosen by
 * stratified group k-fold. Each fold stops early by another fold that it does not learn from
 * either, so that the left-out logits come from heads that never saw the group in any way. The
 * final fit learns from all rows, for the mean number of epochs of the folds.
 *
 * The same seed on the same backend gives the same head. With fewer than three groups nothing can
 * be held out for early stopping, and every fit takes half of `maxEpochs`.
 *
 * @throws HL_TRAINING_SET_INVALID, HL_TRAINING_CANCELLED, HL_TFJS_UNAVAILABLE
 */
export async function fitTfLayers(set: TrainingSet, options: TfLayersOptions): Promise<LinearFit> {
  checkTrainingSet(set);
  const { tf } = options.engine ?? (await openTfjs(silentLog()));
  const search = new LayersSearch(tf, set, options);
  try {
    const tried: Tried[] = [];
    for (const rate of options.learningRates ?? LEARNING_RATES) tried.push(await search.try(rate));
    const best = tried[bestCandidate(tried.map((t) => t.candidate))]!;
    return {
      ...(await search.fitAll(best)),
      lambda: L2,
      transform: options.transform,
      leaveGroupOutLogits: best.logits,
      candidates: tried.map((t) => t.candidate),
      grouping: search.grouping.kind,
      singleGroupClasses: search.judged.singleGroupClasses,
      iterations: best.epochs,
    };
  } finally {
    search.close();
  }
}

class LayersSearch {
  readonly grouping;
  readonly judged;
  readonly #labels: Int32Array;
  readonly #shares: Float64Array;
  readonly #leads: Uint8Array;
  readonly #folds: Int32Array;
  readonly #foldCount: number;
  readonly #place: Int32Array;
  readonly #data: Standardised;
  readonly #features;
  readonly #seed: number;
  readonly #maxEpochs: number;

  constructor(
    private readonly tf: Tfjs,
    private readonly set: TrainingSet,
    private readonly options: TfLayersOptions,
  ) {
    this.#seed = options.seed ?? 1;
    this.#maxEpochs = options.maxEpochs ?? MAX_EPOCHS;
    this.grouping = groupingOf(set);
    this.judged = judgedRows(set, this.grouping);
    const { rows } = this.grouping;
    this.#labels = rows.map((row) => set.labels[row]!);
    this.#folds = foldsOf(set, this.grouping, { folds: FOLDS });
    this.#foldCount = this.#folds.reduce((most, fold) => Math.max(most, fold), 0) + 1;
    this.#leads = leadsCluster(set);
    const shares = sharesOf(set);
    this.#shares = Float64Array.from(rows, (row) => shares[row]!);
    const balanced = classBalancedWeights(this.#labels, set.classCount, this.#shares);
    this.#data = standardise(set, rows, balanced, options.transform);
    this.#features = tf.tensor2d(this.#data.x, [rows.length, set.featureSize]);
    this.#place = new Int32Array(set.rows).fill(-1);
    let originals = 0;
    for (let i = 0; i < set.rows; i++) if (set.isView[i] === 0) this.#place[i] = originals++;
  }

  close(): void {
    this.#features.dispose();
  }

  async try(learningRate: number): Promise<Tried> {
    const { classCount } = this.set;
    const { rows } = this.grouping;
    const logits = new Float64Array(this.judged.labels.length * classCount);
    let epochs = 0;
    for (let fold = 0; fold < this.#foldCount; fold++) {
      const stopping = this.#foldCount >= 3 ? (fold + 1) % this.#foldCount : -1;
      const train = this.#rowsWhere((f) => f !== fold && f !== stopping);
      const fitted = await this.#train(
        train,
        this.#rowsWhere((f) => f === stopping).filter((row) => this.#leads[rows[row]!] === 1),
        learningRate,
        stopping === -1 ? Math.ceil(this.#maxEpochs / 2) : this.#maxEpochs,
      );
      epochs += fitted.epochs / this.#foldCount;
      const out = this.#rowsWhere((f) => f === fold);
      const answers = this.#logits(fitted.weights, fitted.bias, out);
      const absent = this.#absentClasses(train);
      out.forEach((row, i) => {
        const place = this.#place[rows[row]!]!;
        if (place === -1) return;
        const own = answers.subarray(i * classCount, (i + 1) * classCount);
        lowerAbsent(own, absent);
        logits.set(own, place * classCount);
      });
    }
    const { judged, labels } = this.judged;
    const scores = judgeLogits(
      pickRows(logits, classCount, judged),
      judged.map((i) => labels[i]!),
      classCount,
    );
    const candidate = { lambda: L2, transform: this.options.transform, ...scores };
    return { candidate, learningRate, logits, epochs: Math.max(1, Math.round(epochs)) };
  }

  async fitAll({ learningRate, epochs }: Tried): Promise<Pick<LinearFit, 'weights' | 'bias'>> {
    const { classCount, featureSize: d } = this.set;
    const all = this.#rowsWhere(() => true);
    const fitted = await this.#train(all, new Int32Array(0), learningRate, epochs);
    const weights = new Float32Array(classCount * d);
    const bias = new Float32Array(classCount);
    for (let c = 0; c < classCount; c++) {
      let shift = fitted.bias[c]!;
      for (let j = 0; j < d; j++) {
        const weight = fitted.weights[j * classCount + c]! * this.#data.factor;
        weights[c * d + j] = weight;
        shift -= weight * this.#data.mean[j]!;
      }
      bias[c] = shift;
    }
    return { weights, bias };
  }

  /** @param stopping Rows for early stopping; empty: stop after `maxEpochs`. */
  async #train(rows: Int32Array, stopping: Int32Array, learningRate: number, maxEpochs: number) {
    const { tf } = this;
    const model = this.#model();
    const optimizer = tf.train.adam(learningRate);
    const variables = model.trainableWeights.map((w) => w.read() as InstanceType<Tfjs['Variable']>);
    const balanced = classBalancedWeights(
      rows.map((row) => this.#labels[row]!),
      this.set.classCount,
      Float64Array.from(rows, (row) => this.#shares[row]!),
    );
    const weightOf = new Map(Array.from(rows, (row, i) => [row, balanced[i]!]));
    const random = createRandom(this.#seed);
    const order = rows.slice();
    const values = () =>
      variables.map((v) => v.dataSync<'float32'>().slice()) as [Float32Array, Float32Array];
    let best = { loss: Number.POSITIVE_INFINITY, epochs: maxEpochs, values: values() };
    try {
      for (let epoch = 1; epoch <= maxEpochs; epoch++) {
        checkCancelled(this.options.signal);
        shuffle(order, random.int);
        for (let from = 0; from < order.length; from += BATCH_ROWS) {
          this.#step(
            model,
            optimizer,
            variables,
            order.subarray(from, from + BATCH_ROWS),
            weightOf,
          );
        }
        await nextTurn();
        if (stopping.length === 0) continue;
        const [weights, bias] = values();
        const loss = this.#loss(weights, bias, stopping);
        if (loss < best.loss) best = { loss, epochs: epoch, values: [weights, bias] };
        else if (epoch - best.epochs >= PATIENCE) break;
      }
      const [weights, bias] = stopping.length === 0 ? values() : best.values;
      return { weights, bias, epochs: best.epochs };
    } finally {
      optimizer.dispose();
      model.dispose();
    }
  }

  #model() {
    const { tf, set } = this;
    const model = tf.sequential();
    addSeededDropout(tf, model, { rate: DROPOUT, seed: this.#seed, inputs: set.featureSize });
    model.add(
      tf.layers.dense({
        units: set.classCount,
        kernelInitializer: tf.initializers.glorotUniform({ seed: this.#seed }),
        kernelRegularizer: tf.regularizers.l2({ l2: L2 }),
      }),
    );
    return model;
  }

  #step(
    model: ReturnType<Tfjs['sequential']>,
    optimizer: ReturnType<Tfjs['train']['adam']>,
    variables: InstanceType<Tfjs['Variable']>[],
    rows: Int32Array,
    weightOf: ReadonlyMap<number, number>,
  ): void {
    const { tf, set } = this;
    tf.tidy(() => {
      const x = tf.gather(this.#features, tf.tensor1d(rows, 'int32'));
      const labels = tf.tensor1d(
        rows.map((row) => this.#labels[row]!),
        'int32',
      );
      const y = tf.oneHot(labels, set.classCount);
      const weights = tf.tensor1d(Float32Array.from(rows, (row) => weightOf.get(row)!));
      optimizer.minimize(
        () => {
          const logits = model.apply(x, { training: true }) as typeof x;
          const error = tf.losses.softmaxCrossEntropy(y, logits, weights);
          return tf.addN([error, ...model.calculateLosses()]) as ReturnType<Tfjs['scalar']>;
        },
        false,
        variables,
      );
    });
  }

  #loss(weights: Float32Array, bias: Float32Array, rows: Int32Array): number {
    const labels = rows.map((row) => this.#labels[row]!);
    return judgeLogits(this.#logits(weights, bias, rows), labels, this.set.classCount).logLoss;
  }

  /** @param weights d x C, as a kernel of tf.layers. */
  #logits(weights: Float32Array, bias: Float32Array, rows: Int32Array): Float64Array {
    const { tf, set } = this;
    const values = tf.tidy(() => {
      const kernel = tf.tensor2d(weights, [set.featureSize, set.classCount]);
      const x = tf.gather(this.#features, tf.tensor1d(rows, 'int32'));
      return tf.add(tf.matMul(x, kernel), tf.tensor1d(bias)).dataSync();
    });
    return Float64Array.from(values);
  }

  #rowsWhere(wanted: (fold: number) => boolean): Int32Array {
    return Int32Array.from([...this.#folds.keys()].filter((row) => wanted(this.#folds[row]!)));
  }

  #absentClasses(rows: Int32Array): number[] {
    const known = new Set(rows.map((row) => this.#labels[row]!));
    return Array.from({ length: this.set.classCount }, (_, c) => c).filter((c) => !known.has(c));
  }
}

/**
 * Sets absent classes to the least logit: the fold never saw them, so their biases mean nothing.
 */
function lowerAbsent(row: Float64Array, absent: readonly number[]): void {
  if (absent.length === 0) return;
  const least = row.filter((_, c) => !absent.includes(c)).reduce((a, b) => Math.min(a, b));
  for (const c of absent) row[c] = least;
}

function shuffle(order: Int32Array, below: (n: number) => number): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = below(i + 1);
    const moved = order[i]!;
    order[i] = order[j]!;
    order[j] = moved;
  }
}
