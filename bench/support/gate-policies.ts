import type { Random } from '../../src/base/random.js';
import type { Config } from '../../src/config/schema.js';
import { decide } from '../../src/gate/decide.js';
import { chooseEvidence, type JudgedSample } from '../../src/gate/evidence.js';
import type { GateDecision } from '../../src/gate/gate-decision.js';
import { headAnswers } from '../../src/gate/scorecard.js';
import { accuracy, answersTo, type Trained, train, trainable } from './simulated-heads.js';
import type { SimulatedFrame } from './streams.js';

/** A head that serves, and its number. */
export interface Served extends Trained {
  version: number;
}

export interface Verdict {
  offered: Trained | null;
  promote: boolean;
  checks: GateDecision['checks'];
}

/** The gate itself, on what a training would hand to it. */
export class SimulatedGate {
  constructor(private readonly settings: Config['gate']) {}

  async judge(
    frames: readonly SimulatedFrame[],
    challenger: Trained,
    current: Served | null,
  ): Promise<Verdict> {
    const { settings } = this;
    const training = frames.filter((frame) => !frame.holdout && challenger.known.has(frame.label));
    const holdout = frames.filter((frame) => frame.holdout);
    const all = [...training, ...holdout];
    const truth = all.map(({ label }) => String(label));
    const { labels } = challenger.head;
    const answers = [
      ...headAnswers(challenger.leftOut, labels, truth.slice(0, training.length)),
      ...answersTo(challenger.head, holdout, truth.slice(training.length)),
    ];
    const others = current ? answersTo(current.head, all, truth) : [];
    const samples = all.map(
      ({ id, group, holdout: isHoldout }, i): JudgedSample => ({
        id,
        group,
        holdout: isHoldout,
        label: truth[i]!,
        relabelled: false,
        challenger: answers[i]!,
        champion: others[i] ?? null,
        judged: isHoldout || challenger.judged.has(i),
      }),
    );
    const serving = current && {
      version: current.version,
      labels: current.head.labels,
      groups: current.groups,
      learnt: current.recipe.size,
      otherFeatures: null,
      answersOfRecipe: async () => current.recipe,
    };
    const evidence = await chooseEvidence(samples, serving, settings);
    const decision = decide({
      ...evidence,
      challengerLabels: [...labels],
      labelsWithSamples: [...new Set(truth)],
      golden: { seed: 0, rows: 1, trained: '', readBack: '' },
      unknownScores: null,
      settings,
    });
    return {
      offered: challenger,
      promote: decision.promote,
      checks: decision.checks,
    };
  }
}

/** What is often done: a random fifth of all frames decides, whoever has learnt them. */
export function naiveGate(
  frames: readonly SimulatedFrame[],
  current: Trained | null,
  random: Random,
): Verdict {
  const held = frames.map(() => random.next() < 0.2);
  const training = frames.filter((_, i) => !held[i]);
  const test = frames.filter((_, i) => held[i]);
  if (!trainable(training)) return { offered: null, promote: false, checks: [] };
  const offered = train(training);
  const promote = !current || accuracy(offered.head, test) > accuracy(current.head, test);
  return { offered, promote, checks: [] };
}
