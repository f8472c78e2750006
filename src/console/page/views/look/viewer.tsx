import { useEffect } from 'preact/hooks';
import { useSelected } from '../../../../page/views/use-selected.js';
import { useWords } from '../../../../page/views/use-words.js';
import type { ConsoleStatus } from '../../../contract/live-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import { DecisionPanel } from './decision-panel.js';
import { ScreenImage } from './screen-image.js';
import { StaleChip } from './stale-chip.js';

/** The picture, the controls on top of it, and the decision about it. */
export function Viewer({ page, status }: { page: PageParts; status: ConsoleStatus }) {
  const { store, viewfinder } = page;
  const words = useWords(page);
  const view = useSelected(store, (state) => state.view);
  const shown = useSelected(store, (state) => state.shown);
  const picture = useSelected(store, (state) => state.picture);
  const hold = useSelected(store, (state) => state.hold);
  const lost = useSelected(store, (state) => state.link === 'lost');
  const camera = useSelected(store, (state) => state.camera);
  useEffect(() => viewfinder.watch(), [viewfinder]);
  const live = view.kind === 'live';
  const held = live && hold !== null;
  const alt =
    view.kind === 'live'
      ? words.say('live.pictureOf', { camera: camera ?? '' })
      : words.say('live.labelledPicture');
  return (
    <div class="viewer" id="viewer" data-held={String(held)} data-dim={String(live && lost)}>
      <div class="stage">
        <ScreenImage image={picture?.image ?? null} id="picture" alt={alt} />
        <p class="nothing" id="nothing" hidden={picture !== null}>
          {nothingWords(status, words)}
        </p>
        <div class="over-top">
          <span class="chip simulated" id="simulated" hidden={!isSimulated(status, camera)}>
            {words.say('live.simulated')}
          </span>
          <StaleChip page={page} />
          <span class="grow" />
          <button
            class="chip"
            id="back"
            type="button"
            hidden={live}
            onClick={() => viewfinder.backToLive()}
          >
            {words.say('live.backToLive')}
          </button>
          <button
            class="chip"
            id="hold"
            type="button"
            aria-pressed={held}
            hidden={shown?.kind !== 'live' || !live}
            onClick={() => viewfinder.toggleHold()}
          >
            {words.say(held ? 'live.held' : 'live.hold')}
          </button>
        </div>
      </div>
      <DecisionPanel page={page} status={status} view={view} shown={shown} />
    </div>
  );
}

function isSimulated({ cameras }: ConsoleStatus, camera: string | null): boolean {
  return cameras.some(({ name, simulated }) => name === camera && simulated);
}

function nothingWords(status: ConsoleStatus, words: PageParts['words']): string {
  if (status.cameras.length === 0) return words.say('live.noCameras');
  if (!status.cameras.some(({ decided }) => decided)) {
    return words.say('live.decidesOnNone', { task: status.task });
  }
  return words.say('live.firstPicture');
}
