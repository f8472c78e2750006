import type { Random } from '../../src/base/random.js';

/** One labelled frame of a simulated robot. */
export interface SimulatedFrame {
  id: string;
  group: string;
  holdout: boolean;
  /** What is on it. */
  truth: number;
  /** What the person said. */
  label: number;
  features: Float32Array;
}

export interface StreamSettings {
  features: number;
  /** Of all labels, in the mean: single ones, whole passes, and rounds with two names confused. */
  wrongLabels: number;
  holdout: { holdoutShare: number; holdoutAfterSamples: number };
}

const TEST_PER_CLASS = 500;
/** Of the wrong labels so many are single ones or whole passes, half each; the rest are confused rounds. */
const SCATTERED = 0.7;
/** Rounds in which the person confuses two classes throughout, for each wrong label. */
const CONFUSED_ROUNDS = 5 / 6;
/** In so many streams one class is not met before a later round. */
const LATE_CLASSES = 1 / 3;

/**
 * A robot that drives, films and is told what it films: frames come in passes (groups) that share
 * light and view, classes are imbalanced, the world drifts, and labels are wrong, single ones, whole
 * passes, and now and then all of a round for two classes.
 */
export class SimulatedStream {
  readonly classes: number;
  readonly #means: Float64Array[];
  readonly #drift: Float64Array[];
  readonly #shares: number[];
  readonly #groupSpread: number;
  readonly #test: Float32Array;
  readonly #lateFrom: number;
  readonly #training = new Map<number, number>();
  #groups = 0;
  #frames = 0;

  constructor(
    private readonly random: Random,
    private readonly settings: StreamSettings,
  ) {
    const d = settings.features;
    this.classes = 3 + random.int(4);
    const separation = 1.6 + 1.6 * random.next();
    this.#means = this.#directions(separation);
    this.#drift = this.#directions(random.next() < 0.5 ? 0.12 * separation : 0.02);
    this.#groupSpread = 0.3 + 0.4 * random.next();
    const weights = Array.from({ length: this.classes }, (_, c) => 1 / (1 + c) ** random.next());
    const sum = weights.reduce((a, b) => a + b, 0);
    this.#shares = weights.map((weight) => weight / sum);
    this.#lateFrom = random.next() < LATE_CLASSES ? 1 + random.int(5) : 0;
    this.#test = Float32Array.from(
      { length: this.classes * TEST_PER_CLASS * d },
      () => Math.sqrt(1 + this.#groupSpread ** 2) * this.normal(),
    );
  }

  /** The labels of one round: about `count` frames in passes of one or two classes. */
  round(time: number, count: number): SimulatedFrame[] {
    const { random } = this;
    const confused =
      random.next() < CONFUSED_ROUNDS * this.settings.wrongLabels
        ? [random.int(this.classes), random.int(this.classes)]
        : null;
    const frames: SimulatedFrame[] = [];
    while (frames.length < count) frames.push(...this.#pass(time, confused));
    return frames;
  }

  /** Macro-F1 of answers on a large clean draw of the world at `time`, over the classes met so far. */
  trueMacroF1(time: number, answer: (features: Float32Array) => Int32Array): number {
    const d = this.settings.features;
    const moved = new Float32Array(this.#test.length);
    for (let row = 0; row < this.classes * TEST_PER_CLASS; row++) {
      const c = Math.floor(row / TEST_PER_CLASS);
      for (let j = 0; j < d; j++) {
        moved[row * d + j] = this.#test[row * d + j]! + this.#mean(c, j, time);
      }
    }
    const answers = answer(moved);
    const hits = new Float64Array(this.classes);
    const said = new Float64Array(this.classes);
    const met = this.#met(time);
    // Classes are as frequent here as in the world, by weight.
    answers.forEach((given, row) => {
      const c = Math.floor(row / TEST_PER_CLASS);
      if (c >= met) return;
      said[given]! += this.#shares[c]!;
      if (given === c) hits[c]! += this.#shares[c]!;
    });
    let sum = 0;
    for (let c = 0; c < met; c++) {
      sum += (2 * hits[c]!) / (this.#shares[c]! * TEST_PER_CLASS + said[c]!);
    }
    return sum / met;
  }

  normal(): number {
    const { random } = this;
    return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  }

  #pass(time: number, confused: number[] | null): SimulatedFrame[] {
    const { random, settings } = this;
    const group = `pass-${this.#groups++}`;
    const chosen = random.next() < settings.holdout.holdoutShare;
    const shift = Float64Array.from(
      { length: settings.features },
      () => this.#groupSpread * this.normal(),
    );
    const met = this.#met(time);
    const present = [this.#someClass(met), this.#someClass(met)];
    const wrong = (SCATTERED * settings.wrongLabels) / 2;
    const wholly = random.next() < wrong ? random.int(met) : null;
    const frames = Array.from({ length: 3 + random.int(6) }, () => {
      const truth = present[random.int(2)]!;
      let label = truth;
      if (wholly !== null) label = wholly;
      else if (random.next() < wrong) label = random.int(met);
      if (confused?.includes(truth)) label = confused[0] === truth ? confused[1]! : confused[0]!;
      const features = Float32Array.from(
        { length: settings.features },
        (_, j) => this.#mean(truth, j, time) + shift[j]! + this.normal(),
      );
      return { id: `frame-${this.#frames++}`, group, holdout: false, truth, label, features };
    });
    const holdout = chosen && this.#enough(frames);
    for (const frame of frames) {
      frame.holdout = holdout;
      if (!holdout) this.#training.set(frame.label, (this.#training.get(frame.label) ?? 0) + 1);
    }
    return frames;
  }

  /** As in the store: no class gives samples away before it has enough. */
  #enough(frames: readonly SimulatedFrame[]): boolean {
    const { holdoutAfterSamples } = this.settings.holdout;
    return frames.every(({ label }) => (this.#training.get(label) ?? 0) >= holdoutAfterSamples);
  }

  /** How many classes the world has shown: the last one may come late. */
  #met(time: number): number {
    return this.classes - Number(time < this.#lateFrom);
  }

  #someClass(met: number): number {
    let left = this.random.next();
    for (let c = 0; c < met; c++) {
      left -= this.#shares[c]!;
      if (left < 0) return c;
    }
    return 0;
  }

  #mean(c: number, j: number, time: number): number {
    return this.#means[c]![j]! + time * this.#drift[c]![j]!;
  }

  #directions(length: number): Float64Array[] {
    return Array.from({ length: this.classes }, () => {
      const v = Float64Array.from({ length: this.settings.features }, () => this.normal());
      const norm = Math.hypot(...v);
      return v.map((x) => (x * length) / norm);
    });
  }
}
