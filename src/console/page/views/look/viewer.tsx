import type { ConsoleStatus } from '../../../contract/live-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import { useSelected } from '../use-selected.js';
import { DecisionPanel } from './decision-panel.js';
import { ScreenImage } from './screen-image.js';
import { StaleChip } from './stale-chip.js';

/** The picture, the controls on top of it, and the decision about it. */
export function Viewer({ page, status }: { page: PageParts; status: ConsoleStatus }) {
  const { store, viewfinder } = page;
  const view = useSelected(store, (state) => state.view);
  const shown = useSelected(store, (state) => state.shown);
  const picture = useSelected(store, (state) => state.picture);
  const hold = useSelected(store, (state) => state.hold);
  const lost = useSelected(store, (state) => state.link === 'lost');
  const live = view.kind === 'live';
  const held = live && hold !== null;
  return (
    <div class="viewer" id="viewer" data-held={String(held)} data-dim={String(live && lost)}>
      <div class="stage">
        <ScreenImage picture={picture} />
        <p class="nothing" id="nothing" hidden={picture !== null}>
          {nothingWords(status)}
        </p>
        <div class="over-top">
          <fieldset class="cameras" id="cameras" aria-label="Camera">
            {live && <CameraChips page={page} names={offered(status)} />}
          </fieldset>
          <span class="chip simulated" id="simulated" hidden={!status.simulated}>
            Simulated
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
            Back to live
          </button>
          <button
            class="chip"
            id="hold"
            type="button"
            aria-pressed={held}
            hidden={shown?.kind !== 'live' || !live}
            onClick={() => viewfinder.toggleHold()}
          >
            {held ? 'Held' : 'Hold'}
          </button>
        </div>
      </div>
      <DecisionPanel status={status} view={view} shown={shown} />
    </div>
  );
}

/** Cameras on which the task decides. */
function offered({ cameras }: ConsoleStatus): string[] {
  return cameras.filter(({ decided }) => decided).map(({ name }) => name);
}

function nothingWords(status: ConsoleStatus): string {
  if (status.cameras.length === 0) return 'No camera is configured.';
  if (offered(status).length === 0) return `The task ${status.task} decides on no camera.`;
  return 'Waiting for the first picture…';
}

function CameraChips({ page, names }: { page: PageParts; names: readonly string[] }) {
  const camera = useSelected(page.store, (state) => state.camera);
  if (names.length < 2) return null;
  return names.map((name) => (
    <button
      key={name}
      class="chip"
      type="button"
      aria-pressed={name === camera}
      onClick={() => page.viewfinder.choose(name)}
    >
      {name}
    </button>
  ));
}
