import { UNKNOWN_LABEL } from '../src/base/words/label.js';
import { validateConfig } from '../src/config/load.js';
import { BeliefFilter } from '../src/head/belief/belief-filter.js';
import { type BeliefParameters, DEFAULT_BELIEF } from '../src/head/belief/belief-parameters.js';
import { type BeliefFit, fitBelief } from '../src/head/belief/fit-belief.js';
import { indexOfLargest } from '../src/head/score.js';
import { OnnxFitEngine } from '../src/training/fit/fit-engine.js';
import { type Case, fieldCases, groceryCases, type Part } from './support/belief-cases.js';
import { groceryFootage } from './support/belief-footage.js';
import { episode, groupsOf, type Series } from './support/belief-series.js';
import { type Answer, type Figures, judged, meanFigures } from './support/belief-tally.js';
import { say } from './support/life-places.js';
import { mean, round } from './support/protocols.js';

/** Frames of the running mean. */
const WINDOW = 5;
const FRAME_INTERVAL_MS = 200;

/**
 * `single`: each frame alone. `mean_of_5`: the mean of the probabilities of the last five frames, what
 * is usually done. `default`, `learnt`: the filter with either parameters. `changes_known`: the filter
 * that is told where scenes change.
 */
const WAYS = ['single', 'mean_of_5', 'default', 'learnt', 'changes_known'] as const;
type Way = (typeof WAYS)[number];

interface Outcome {
  about: Case;
  figures: Record<Way, Figures>;
  fit: BeliefFit;
  fitMs: number;
  looks: number;
  /** Of the filter. */
  frameUs: number;
}

/**
 * `npm run -s bench -- belief [train]`: what a decision over time is worth. Series of pictures whose
 * groups are known pass one after the other; each frame is answered alone and by a filter. `train`: on
 * the parts that the defaults were chosen on.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const part: Part = options.includes('train') ? 'train' : 'test';
  const grocery = await groceryFootage();
  if (!grocery) {
    return { skipped: 'the grocery photos are not beside the checkout (HEADLAND_SHARED)' };
  }
  const { unknownAlpha } = validateConfig({}).inference;
  const engine = await OnnxFitEngine.create(1);
  const outcomes: Outcome[] = [];
  for (const about of [...groceryCases(grocery, part), ...(await fieldCases(part))]) {
    const { learnt, seen } = await episode(engine, about.learnt, about.seen);
    const outcome = outcomeOf(about, learnt, seen, unknownAlpha);
    outcomes.push(outcome);
    const { single, learnt: filtered } = outcome.figures;
    say(`${nameOf(about)}: ${single.errors.toFixed(1)} -> ${filtered.errors.toFixed(1)} % wrong`);
  }
  await engine.close();
  const sets = [...new Set(outcomes.map(({ about }) => about.set))];
  return {
    ...Object.fromEntries(sets.flatMap((set) => headlines(set, outcomes))),
    frame_us: round(mean(outcomes.map(({ frameUs }) => frameUs))),
    fit_longest_ms: Math.max(...outcomes.map(({ fitMs }) => fitMs)),
    part,
    default_parameters: DEFAULT_BELIEF,
    series: outcomes.map(({ about, figures, fit, fitMs, looks }) => ({
      name: nameOf(about),
      learnt: { looks, groups: fit.groups, ms: round(fitMs), parameters: fit.parameters },
      log_loss_of_learnt: fit.logLoss,
      figures,
    })),
    means: tables(outcomes),
  };
}

function nameOf({ set, perClass, strangers }: Case): string {
  return `${set}, ${perClass} labels a class${strangers ? ', unknown classes' : ''}`;
}

function outcomeOf(about: Case, learnt: Series, seen: Series, unknownAlpha: number): Outcome {
  const startMs = performance.now();
  const fit = fitBelief(learnt.labels, learnt.novelty, groupsOf(learnt));
  const fittedMs = performance.now();
  const byFilter = filtered(seen, fit.parameters, unknownAlpha);
  const frameUs = (1_000 * (performance.now() - fittedMs)) / seen.frames.length;
  const answers: Record<Way, Answer[]> = {
    single: meanOfLast(seen, 1, unknownAlpha),
    mean_of_5: meanOfLast(seen, WINDOW, unknownAlpha),
    default: filtered(seen, DEFAULT_BELIEF, unknownAlpha),
    learnt: byFilter,
    changes_known: filtered(seen, fit.parameters, unknownAlpha, true),
  };
  const figures = (way: Way) => judged(seen, answers[way]);
  return {
    about,
    figures: {
      single: figures('single'),
      mean_of_5: figures('mean_of_5'),
      default: figures('default'),
      learnt: figures('learnt'),
      changes_known: figures('changes_known'),
    },
    fit,
    fitMs: fittedMs - startMs,
    looks: learnt.frames.length,
    frameUs,
  };
}

/** By the mean of the last probabilities; whether it is unknown, the last frame alone says. */
function meanOfLast({ labels, frames }: Series, window: number, unknownAlpha: number): Answer[] {
  return frames.map(({ noveltyPValue }, i) => {
    const last = frames.slice(Math.max(0, i + 1 - window), i + 1);
    const known = labels.map((_, c) => mean(last.map(({ probabilities }) => probabilities[c]!)));
    const isUnknown = noveltyPValue !== null && noveltyPValue < unknownAlpha;
    const best = labels[indexOfLargest(known, 0, labels.length)]!;
    return { label: isUnknown ? UNKNOWN_LABEL : best, known };
  });
}

function filtered(
  { labels, frames }: Series,
  parameters: BeliefParameters,
  unknownAlpha: number,
  changesKnown = false,
): Answer[] {
  const surelyNot = { offset: Number.NEGATIVE_INFINITY, perLogDistance: 0 };
  const filter = new BeliefFilter({
    parameters: changesKnown ? { ...parameters, sceneChange: surelyNot } : parameters,
    unknownAlpha,
  });
  return frames.map(({ label: _, group, ...look }, i) => {
    if (changesKnown && frames[i - 1]?.group !== group) filter.reset();
    const belief = filter.observe({ ...look, labels, atMs: i * FRAME_INTERVAL_MS });
    return {
      label: belief.label,
      known: belief.labels.map((p) => p / (1 - belief.unknown)),
    };
  });
}

/** What the goals speak of. */
function headlines(set: string, outcomes: readonly Outcome[]): [string, number][] {
  const those = outcomes.filter(({ about }) => about.set === set);
  const of = (way: Way) => meanFigures(those.map(({ figures }) => figures[way]));
  const [single, learnt] = [of('single'), of('learnt')];
  return [
    [`${set}_errors_single_percent`, single.errors],
    [`${set}_errors_percent`, learnt.errors],
    [`${set}_errors_gone_percent`, round(100 * (1 - learnt.errors / single.errors))],
    [`${set}_errors_at_change_single_percent`, single.errorsAtChange],
    [`${set}_errors_at_change_percent`, learnt.errorsAtChange],
  ];
}

/** Means over seeds: by data set, and by data set, labels and whether there are unknown classes. */
function tables(outcomes: readonly Outcome[]): Record<string, Record<Way, Figures>> {
  const names = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    const { set, strangers } = outcome.about;
    for (const name of [
      set,
      `${set}, ${strangers ? 'unknown classes' : 'all known'}`,
      nameOf(outcome.about),
    ]) {
      names.set(name, [...(names.get(name) ?? []), outcome]);
    }
  }
  return Object.fromEntries(
    [...names].map(([name, those]) => {
      const of = (way: Way) => meanFigures(those.map(({ figures }) => figures[way]));
      return [
        name,
        {
          single: of('single'),
          mean_of_5: of('mean_of_5'),
          default: of('default'),
          learnt: of('learnt'),
          changes_known: of('changes_known'),
        },
      ];
    }),
  );
}
