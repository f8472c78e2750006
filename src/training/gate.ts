import type { EvidenceSample, GateEvidence } from './evidence.js';
import type { GateCheck } from './gate-check.js';
import {
  beatsMajority,
  calibration,
  examNotWorse,
  gain,
  logLoss,
  macroF1,
  reproduces,
  unknowns,
} from './gate-checks.js';
import { knowsEveryClass, noClassLost, noClassWorse } from './gate-class-checks.js';
import type { GateInput } from './gate-input.js';
import type { PairedSample } from './paired.js';

export interface GateDecision {
  promote: boolean;
  /** In words, with the figures that decided. */
  reason: string;
  evidence: GateEvidence;
  /** How many samples the evidence has. */
  samples: number;
  checks: GateCheck[];
}

/**
 * Decides whether a challenger may serve. Pure: the same input gives the same decision on every
 * machine. With a champion that can be compared, on the same samples: certainly not worse, of more
 * use, and worse in nothing that matters. Without one: better than always answering the most frequent
 * class, in mean recall and in macro-F1.
 */
export function decide(input: GateInput): GateDecision {
  const { champion, compared, samples } = input;
  const checks: GateCheck[] = [reproduces(input)];
  if (champion) checks.push(knowsEveryClass(champion.labels, input));
  if (champion && compared !== 'nothing') {
    const paired = pairs(samples);
    const difference = macroF1(paired, champion.version, input);
    checks.push(
      difference,
      gain(paired, difference, champion, input),
      ...(input.source === 'exam' ? [] : [examNotWorse(paired)]),
      noClassWorse(paired),
      noClassLost(paired),
      logLoss(paired, input),
      calibration(paired, input),
    );
    if (input.unknownScores) checks.push(unknowns(input.unknownScores, input));
  } else {
    checks.push(beatsMajority(samples));
  }
  const failed = checks.filter((check) => !check.passed);
  const promote = failed.length === 0;
  const what = (promote ? checks : failed).map((check) => check.detail).join('; ');
  const on = `on ${samples.length} ${
    input.source === 'exam' ? 'exam samples' : 'samples by leave-group-out'
  }`;
  return {
    promote,
    reason: `${promote ? 'promoted' : 'refused'} ${on}: ${what}${input.note ? `. ${input.note}` : ''}`,
    evidence: champion && compared === 'nothing' ? 'none' : input.source,
    samples: samples.length,
    checks,
  };
}

function pairs(samples: readonly EvidenceSample[]): PairedSample[] {
  return samples.map((sample) => {
    if (!sample.champion) throw new RangeError(`${sample.id}: no answer of the champion`);
    return { ...sample, champion: sample.champion };
  });
}
