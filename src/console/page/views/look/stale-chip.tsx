import type { PageParts } from '../../control/page-parts.js';
import type { PageState } from '../../control/page-state.js';
import { duration } from '../../words/figures.js';
import { useNow } from '../use-now.js';
import { useSelected } from '../use-selected.js';

const OLD_PICTURE_MS = 10_000;

/** A note whenever the viewer does not show the current picture of the camera. */
export function StaleChip({ page }: { page: PageParts }) {
  const state = useSelected(page.store, (whole) => whole);
  const words = staleWords(state, useNow(page.clock, 1_000));
  return (
    <span class="chip" id="stale" hidden={words === ''}>
      {words}
    </span>
  );
}

function staleWords(
  { view, picture, shown, hold, link, camera }: PageState,
  nowMs: number,
): string {
  if (view.kind !== 'live' || picture === null) return '';
  if (shown?.kind !== 'live') return camera === null ? 'No camera' : 'Waiting for the camera';
  const ageMs = nowMs - shown.frame.capturedAtMs;
  if (ageMs > OLD_PICTURE_MS && hold === null) return `Picture ${duration(ageMs / 1_000)} old`;
  return link === 'lost' ? 'Not live' : '';
}
