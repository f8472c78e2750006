import { ProgressBar } from '../../../../page/views/progress-bar.js';
import { useSelected } from '../../../../page/views/use-selected.js';
import { useWords } from '../../../../page/views/use-words.js';
import type { TrainingState } from '../../../contract/live-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import type { Words } from '../../words/words.js';

/** A running training in one slim bar: what, how far, time left; nothing while none runs. */
export function TrainingBar({ page }: { page: PageParts }) {
  const words = useWords(page);
  const training = useSelected(page.store, (state) => state.status?.training ?? null);
  const running = training?.running === true;
  return (
    <>
      {/* Only the beginning and the end are said aloud. */}
      <p class="away" role="status">
        {running ? words.say('shell.trainingRuns') : ''}
      </p>
      {running && <Running training={training} words={words} />}
    </>
  );
}

function Running({ training, words }: { training: TrainingState; words: Words }) {
  const { done, total, etaSeconds, phase, paused } = training;
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const what = phaseWords(phase, words);
  const far = total > 0 ? words.percent(share) : '';
  const left =
    etaSeconds === null ? '' : words.say('shell.timeLeft', { time: words.duration(etaSeconds) });
  const state = paused === null ? left : words.say(`shell.pausedBy.${paused}`);
  return (
    <section class="training-bar" aria-label={words.say('shell.trainingRuns')}>
      <p>
        <strong>{words.say('shell.trainingRuns')}</strong>
        <span class="training-state">
          {[what, far, state].filter((text) => text !== '').join(' · ')}
        </span>
      </p>
      <ProgressBar share={share} label={`${what} ${words.percent(share)}`} />
    </section>
  );
}

function phaseWords(phase: string | null, words: Words): string {
  switch (phase) {
    case 'collect':
    case 'embed':
    case 'fit':
    case 'evaluate':
    case 'publish':
      return words.say(`shell.phase.${phase}`);
    case null:
      return words.say('shell.phase.start');
    default:
      return phase;
  }
}
