import type { EvidenceSample } from './evidence.js';
import { type GateCheck, quoted, rightOf } from './gate-check.js';
import {
  knowsEveryClass,
  noClassLost,
  notWorseThanChance,
  reproduces,
  unknowns,
} from './gate-checks.js';
import type { GateDecision } from './gate-decision.js';
import { type ExpectedGain, expectedGain } from './gate-gain.js';
import type { GateInput } from './gate-input.js';
import type { PairedSample } from './paired.js';

/**
 * Decides whether a challenger may serve. Pure: the same input gives the same decision on every
 * machine. Beside a champion, a challenger serves when it fails no check and the expected gain is
 * positive. The expected gain combines what more labels usually bring with what was measured. A
 * first head serves unless it is certainly useless.
 */
export function decide(input: GateInput): GateDecision {
  const { champion, compared, samples, source } = input;
  const checks: GateCheck[] = [reproduces(input)];
  if (champion) checks.push(knowsEveryClass(champion.labels, input));
  let gain: ExpectedGain | null = null;
  if (champion && compared === 'heads') {
    const paired = pairs(samples);
    gain = expectedGain(paired, input);
    checks.push(gain.check);
    if (paired.length > 0) checks.push(noClassLost(paired));
    if (input.unknownScores) checks.push(unknowns(input.unknownScores, input));
  } else {
    checks.push(notWorseThanChance(samples));
  }
  const failed = checks.filter((check) => !check.passed);
  const promote = failed.length === 0;
  const on = `${samples.length} ${source === 'holdout' ? 'holdout samples' : 'samples by leave-group-out'}`;
  const what = (promote ? checks : failed).map((check) => check.detail).join('; ');
  return {
    promote,
    reason: `${inShort(input, gain, failed)} On ${on}: ${what}${input.note ? `. ${input.note}` : ''}`,
    evidence: champion && compared === 'nothing' ? 'none' : source,
    samples: samples.length,
    checks,
  };
}

/** One short sentence for a person who reads no further. */
function inShort(
  { samples, champion, newlyLearnt, challengerLabels }: GateInput,
  gain: ExpectedGain | null,
  failed: readonly GateCheck[],
): string {
  const right = rightOf(samples, 'challenger');
  if (!champion || !gain) {
    const score = `${right} of ${samples.length} right`;
    if (failed.length > 0) return `Refused: ${score}, and it fails "${failed[0]!.name}".`;
    return champion ? `New start: ${score}.` : `First head: ${score}.`;
  }
  const score = `${right} of ${samples.length} right instead of ${rightOf(samples, 'champion')}`;
  const known = new Set(champion.labels);
  const added = challengerLabels.filter((label) => !known.has(label));
  const knows = added.length > 0 ? `; now knows ${quoted(added)}` : '';
  const more = `${newlyLearnt} more ${newlyLearnt === 1 ? 'label' : 'labels'}`;
  if (failed.some(({ name }) => name !== 'expected-gain')) {
    return `Refused: ${score}, but it fails "${failed.find(({ name }) => name !== 'expected-gain')!.name}".`;
  }
  if (failed.length > 0) {
    return newlyLearnt === 0
      ? `No gain: ${score}, and no label is new.`
      : `Refused: ${score}, although it learnt ${more}.`;
  }
  if (gain.proven) return `Better: ${score}${knows}.`;
  return `On trial: ${score}${newlyLearnt > 0 ? `, and it learnt ${more}` : ''}${knows}.`;
}

function pairs(samples: readonly EvidenceSample[]): PairedSample[] {
  return samples.map((sample) => {
    if (!sample.champion) throw new RangeError(`${sample.id}: no answer of the champion`);
    return { ...sample, champion: sample.champion };
  });
}
