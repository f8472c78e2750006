import type { TrainingProgress } from '../../training/job/job-protocol.js';
import type { ProgressStep } from './progress.js';

const PHASES: Record<TrainingProgress['phase'], { what: string; unit: string }> = {
  collect: { what: 'collecting samples', unit: 'samples' },
  embed: { what: 'computing features', unit: 'images' },
  fit: { what: 'fitting heads', unit: 'recipes' },
  evaluate: { what: 'comparing heads', unit: 'steps' },
  publish: { what: 'storing the head', unit: 'steps' },
};

/** Progress of a training in the words of the terminal. */
export function trainingStep(progress: TrainingProgress): ProgressStep {
  const { phase, done, total, etaSeconds, paused } = progress;
  const { what, unit } = PHASES[phase];
  const words = paused === null ? what : `${what}, paused: ${paused}`;
  return { what: words, done, total: total > 0 ? total : null, unit, secondsLeft: etaSeconds };
}
