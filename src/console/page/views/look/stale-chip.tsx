import { useSelected } from '../../../../page/views/use-selected.js';
import { useWords } from '../../../../page/views/use-words.js';
import type { PageParts } from '../../control/page-parts.js';
import type { PageState } from '../../control/page-state.js';
import type { Words } from '../../words/words.js';
import { useNow } from '../use-now.js';

const OLD_PICTURE_MS = 10_000;

/** A note whenever the viewer does not show the current picture of the camera. */
export function StaleChip({ page }: { page: PageParts }) {
  const words = useWords(page);
  const state = useSelected(page.store, (whole) => whole);
  const text = staleWords(state, useNow(page.clock, 1_000), words);
  return (
    <span class="chip" id="stale" hidden={text === ''}>
      {text}
    </span>
  );
}

function staleWords(
  { view, picture, shown, hold, link, camera }: PageState,
  nowMs: number,
  words: Words,
): string {
  if (view.kind !== 'live' || picture === null) return '';
  if (shown?.kind !== 'live') {
    return words.say(camera === null ? 'live.noCamera' : 'live.waitingForCamera');
  }
  const ageMs = nowMs - shown.frame.capturedAtMs;
  if (ageMs > OLD_PICTURE_MS && hold === null) {
    return words.say('live.old', { time: words.duration(ageMs / 1_000) });
  }
  return link === 'lost' ? words.say('live.notLive') : '';
}
