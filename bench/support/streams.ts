import type { SeededRandom } from '../../src/head/random.js';

/** One labelled frame of a simulated robot. */
export interface SimulatedFrame {
  id: string;
  group: string;
  exam: boolean;
  /** What is on it. */
  truth: number;
  /** What the person said. */
  label: number;
  features: Float32Array;
}

export interface StreamSettings {
  features: number;
  /** Of all labels, in the mean. */
  wrongLabels: number;
  examShare: number;
}

const TEST_PER_CLASS = 500;
/** In one round of six the person confuses two classes throughout. */
const CONFUSED_ROUNDS = 1 / 6;

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
  #groups = 0;
  #frames = 0;

  constructor(
    private readonly random: SeededRandom,
    private readonly settings: StreamSettings,
  ) {
    const d = settings.features;
    this.classes = 3 + random.below(4);
    const separation = 1.6 + 1.6 * random.next();
    this.#means = this.#directions(separation);
    this.#drift = this.#directions(random.next() < 0.5 ? 0.12 * separation : 0.02);
    this.#groupSpread = 0.3 + 0.4 * random.next();
    const weights = Array.from({ length: this.classes }, (_, c) => 1 / (1 + c) ** random.next());
    const sum = weights.reduce((a, b) => a + b, 0);
    this.#shares = weights.map((weight) => weight / sum);
    this.#test = Float32Array.from(
      { length: this.classes * TEST_PER_CLASS * d },
      () => Math.sqrt(1 + this.#groupSpread ** 2) * this.normal(),
    );
  }

  /** The labels of one round: about `count` frames in passes of one or two classes. */
  round(time: number, count: number): SimulatedFrame[] {
    const { random } = this;
    const confused =
      random.next() < CONFUSED_ROUNDS
        ? [random.below(this.classes), random.below(this.classes)]
        : null;
    const frames: SimulatedFrame[] = [];
    while (frames.length < count) frames.push(...this.#pass(time, confused));
    return frames;
  }

  /** Macro-F1 of answers on a large clean draw of the world at `time`. */
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
    // Classes are as frequent here as in the world, by weight.
    answers.forEach((given, row) => {
      const c = Math.floor(row / TEST_PER_CLASS);
      said[given]! += this.#shares[c]!;
      if (given === c) hits[c]! += this.#shares[c]!;
    });
    let sum = 0;
    for (let c = 0; c < this.classes; c++) {
      sum += (2 * hits[c]!) / (this.#shares[c]! * TEST_PER_CLASS + said[c]!);
    }
    return sum / this.classes;
  }

  normal(): number {
    const { random } = this;
    return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  }

  #pass(time: number, confused: number[] | null): SimulatedFrame[] {
    const { random, settings } = this;
    const group = `pass-${this.#groups++}`;
    const exam = random.next() < settings.examShare;
    const shift = Float64Array.from(
      { length: settings.features },
      () => this.#groupSpread * this.normal(),
    );
    const present = [this.#someClass(), this.#someClass()];
    // Half of the wrong labels are whole passes, half single frames.
    const wholly = random.next() < settings.wrongLabels / 2 ? random.below(this.classes) : null;
    return Array.from({ length: 3 + random.below(6) }, () => {
      const truth = present[random.below(2)]!;
      let label = truth;
      if (wholly !== null) label = wholly;
      else if (random.next() < settings.wrongLabels / 2) label = random.below(this.classes);
      if (confused?.includes(truth)) label = confused[0] === truth ? confused[1]! : confused[0]!;
      const features = Float32Array.from(
        { length: settings.features },
        (_, j) => this.#mean(truth, j, time) + shift[j]! + this.normal(),
      );
      return { id: `frame-${this.#frames++}`, group, exam, truth, label, features };
    });
  }

  #someClass(): number {
    let left = this.random.next();
    for (let c = 0; c < this.classes; c++) {
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
