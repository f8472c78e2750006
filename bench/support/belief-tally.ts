import { UNKNOWN_LABEL } from '../../src/base/words/label.js';
import { groupsOf, type Series, type SeriesFrame } from './belief-series.js';
import { mean, round } from './protocols.js';

/** An answer to one frame. */
export interface Answer {
  /** `unknown` or one of the labels. */
  label: string;
  /** One per label: that it is this one, if it is any. */
  known: ArrayLike<number>;
}

/** Figures of one way to answer, over the frames of one or more series. */
export interface Figures {
  frames: number;
  scenes: number;
  /** Wrong answers, % of frames; `unknown` is right for what the head does not know. */
  errors: number;
  /** Known things that are called unknown, % of their frames. */
  falseUnknown: number;
  /** Things that the head does not know and that get one of its labels, % of their frames. */
  missedUnknown: number;
  /** Of known things: the label that is most probable is another, % of frames. */
  wrongLabel: number;
  /** Of known things, mean -ln p of the label, nats. */
  logLoss: number;
  /** Wrong answers to the first, second, third and later frames of scenes, % of such frames. */
  errorsAt: number[];
  /** Wrong answers to the first three frames of scenes together, % of such frames. */
  errorsAtChange: number;
  /** Frames of a scene before its first right answer, mean; all of them where none is right. */
  framesUntilRight: number;
  /** Scenes whose last frame is answered wrong, %. */
  wrongAtEnd: number;
  /** Frames before the first right answer of their scene, %: what waiting for one would leave wrong. */
  beforeRight: number;
  /** Frames of scenes without any right answer, %. */
  neverRight: number;
  /** Frames of scenes whose most frequent answer is wrong, %: what a vote with hindsight would leave. */
  majorityWrong: number;
}

/** Frames of a scene that are told apart. */
const FIRST_FRAMES = 3;

/** Counts how answers to a series fared. The first scene follows no change and is left out. */
export function judged(series: Series, answers: readonly Answer[]): Figures {
  const wrong: boolean[] = [];
  const ages: number[] = [];
  const falseUnknown: boolean[] = [];
  const missedUnknown: boolean[] = [];
  const wrongLabel: boolean[] = [];
  const losses: number[] = [];
  const untilRight: number[] = [];
  const wrongAtEnd: boolean[] = [];
  const beforeRight: boolean[] = [];
  const neverRight: boolean[] = [];
  const majorityWrong: boolean[] = [];
  let next = 0;
  for (const [number, scene] of groupsOf(series).entries()) {
    const from = next;
    next += scene.length;
    if (number === 0) continue;
    const right = scene.map((frame, age) => answers[from + age]!.label === truthOf(series, frame));
    untilRight.push(right.includes(true) ? right.indexOf(true) : right.length);
    wrongAtEnd.push(!right.at(-1));
    const voted = mostFrequent(scene.map((_, age) => answers[from + age]!.label));
    for (const [age, frame] of scene.entries()) {
      const { label, known } = answers[from + age]!;
      wrong.push(!right[age]);
      beforeRight.push(!right.slice(0, age + 1).includes(true));
      neverRight.push(!right.includes(true));
      majorityWrong.push(voted !== truthOf(series, frame));
      ages.push(Math.min(age, FIRST_FRAMES));
      const truth = series.labels.indexOf(frame.label);
      if (truth < 0) {
        missedUnknown.push(label !== UNKNOWN_LABEL);
        continue;
      }
      falseUnknown.push(label === UNKNOWN_LABEL);
      const values = Array.from(known);
      wrongLabel.push(values.indexOf(Math.max(...values)) !== truth);
      losses.push(-Math.log(Math.max(known[truth]!, 1e-9)));
    }
  }
  const at = (wanted: (age: number) => boolean) =>
    percent(wrong.filter((_, k) => wanted(ages[k]!)));
  return {
    frames: wrong.length,
    scenes: untilRight.length,
    errors: percent(wrong),
    falseUnknown: percent(falseUnknown),
    missedUnknown: percent(missedUnknown),
    wrongLabel: percent(wrongLabel),
    logLoss: mean(losses),
    errorsAt: [0, 1, 2, 3].map((wanted) => at((age) => age === wanted)),
    errorsAtChange: at((age) => age < FIRST_FRAMES),
    framesUntilRight: mean(untilRight),
    wrongAtEnd: percent(wrongAtEnd),
    beforeRight: percent(beforeRight),
    neverRight: percent(neverRight),
    majorityWrong: percent(majorityWrong),
  };
}

/** The first of equals. */
function mostFrequent(labels: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

function truthOf({ labels }: Series, { label }: SeriesFrame): string {
  return labels.includes(label) ? label : UNKNOWN_LABEL;
}

/** NaN without a case. */
function percent(cases: readonly boolean[]): number {
  return 100 * mean(cases.map(Number));
}

/** Each figure as the mean over series that have it, rounded; frames and scenes as sums. */
export function meanFigures(all: readonly Figures[]): Figures {
  const of = (value: (figures: Figures) => number) => {
    const known = all.map(value).filter((x) => !Number.isNaN(x));
    return known.length === 0 ? Number.NaN : round(mean(known));
  };
  const sum = (value: (figures: Figures) => number) => all.reduce((n, one) => n + value(one), 0);
  return {
    frames: sum(({ frames }) => frames),
    scenes: sum(({ scenes }) => scenes),
    errors: of(({ errors }) => errors),
    falseUnknown: of(({ falseUnknown }) => falseUnknown),
    missedUnknown: of(({ missedUnknown }) => missedUnknown),
    wrongLabel: of(({ wrongLabel }) => wrongLabel),
    logLoss: of(({ logLoss }) => logLoss),
    errorsAt: [0, 1, 2, 3].map((age) => of(({ errorsAt }) => errorsAt[age]!)),
    errorsAtChange: of(({ errorsAtChange }) => errorsAtChange),
    framesUntilRight: of(({ framesUntilRight }) => framesUntilRight),
    wrongAtEnd: of(({ wrongAtEnd }) => wrongAtEnd),
    beforeRight: of(({ beforeRight }) => beforeRight),
    neverRight: of(({ neverRight }) => neverRight),
    majorityWrong: of(({ majorityWrong }) => majorityWrong),
  };
}
