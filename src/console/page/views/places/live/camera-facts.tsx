import { useWords } from '../../../../../page/views/use-words.js';
import type { CameraStatus } from '../../../../contract/live-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import type { Words } from '../../../words/words.js';

/** Rate, condition and origin of a camera's images, in words. */
export function CameraFacts({ page, camera }: { page: PageParts; camera: CameraStatus }) {
  const words = useWords(page);
  const trouble = troubleOf(camera, words);
  return (
    <span class="facts">
      {trouble !== null && <span class="trouble">{trouble}</span>}
      {camera.phase === 'running' && (
        <span>{words.say('live.rate', { rate: words.number(camera.framesPerSecond, RATE) })}</span>
      )}
      {camera.simulated && <span class="simulated-mark">{words.say('live.simulated')}</span>}
    </span>
  );
}

const RATE: Intl.NumberFormatOptions = { maximumFractionDigits: 1 };

/** What is wrong with a camera; null: nothing. */
export function troubleOf({ phase, condition }: CameraStatus, words: Words): string | null {
  switch (phase) {
    case 'opening':
    case 'waiting':
    case 'ended':
    case 'stopped':
      return words.say(`live.phase.${phase}`);
  }
  switch (condition) {
    case 'garbage':
    case 'dark':
    case 'overexposed':
    case 'blurred':
      return words.say(`live.condition.${condition}`);
    default:
      return null;
  }
}
