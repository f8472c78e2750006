import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { CameraStatus, ConsoleStatus } from '../../../../contract/live-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { LookAndLabel } from '../../look/look-and-label.js';
import { useKeys } from '../../use-keys.js';
import { CameraFacts } from './camera-facts.js';
import { PauseButton } from './pause-banner.js';

/** One camera, large. */
export function LargeCamera({
  page,
  status,
  cameras,
  open,
}: {
  page: PageParts;
  status: ConsoleStatus;
  cameras: readonly CameraStatus[];
  open: CameraStatus;
}) {
  const words = useWords(page);
  const isOne = cameras.length === 1;
  const step = (by: 1 | -1) => {
    const at = cameras.indexOf(open);
    const next = cameras[(at + by + cameras.length) % cameras.length];
    if (next !== undefined && next !== open) page.address.narrow({ camera: next.name });
  };
  const leave = () => page.address.go('live');
  useKeys(page, {
    s: () => void page.labelling.askLater(),
    ArrowRight: isOne ? undefined : () => step(1),
    ArrowLeft: isOne ? undefined : () => step(-1),
  });
  return (
    <LookAndLabel
      page={page}
      status={status}
      head={
        <header class="live-tools">
          {!isOne && (
            <>
              <button type="button" id="all-cameras" onClick={leave}>
                {words.say('live.allCameras')}
              </button>
              <span class="camera-steps">
                <StepButton
                  id="previous-camera"
                  text={words.say('live.previous')}
                  act={() => step(-1)}
                >
                  M14 6l-6 6 6 6
                </StepButton>
                <StepButton id="next-camera" text={words.say('live.next')} act={() => step(1)}>
                  M10 6l6 6-6 6
                </StepButton>
              </span>
            </>
          )}
          <h3 id="camera-name">{open.name}</h3>
          <CameraFacts page={page} camera={{ ...open, simulated: false }} />
        </header>
      }
      actions={
        <div class="live-actions">
          <AskLaterButton page={page} />
          <PauseButton page={page} paused={status.state === 'paused'} />
        </div>
      }
      {...(isOne ? {} : { leave })}
    />
  );
}

function StepButton({
  id,
  text,
  act,
  children,
}: {
  id: string;
  text: string;
  act: () => void;
  /** The icon's path. */
  children: string;
}) {
  return (
    <button type="button" class="square" id={id} aria-label={text} title={text} onClick={act}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path class="line" d={children} />
      </svg>
    </button>
  );
}

/** Stores the picture as a question for later. */
function AskLaterButton({ page }: { page: PageParts }) {
  const words = useWords(page);
  const off = useSelected(page.store, ({ shown }) => shown?.kind !== 'live');
  return (
    <button
      type="button"
      id="ask-later"
      disabled={off}
      title={words.say('live.askLaterNote')}
      onClick={() => void page.labelling.askLater()}
    >
      {words.say('live.askLater')}
    </button>
  );
}
