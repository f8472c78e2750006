import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';

/** Says that nothing is classified, and offers to go on. */
export function PauseBanner({ page, paused }: { page: PageParts; paused: boolean }) {
  const words = useWords(page);
  return (
    <div class="pause-banner" id="pause-banner" role="status" hidden={!paused}>
      {paused && (
        <>
          <p>
            <strong>{words.say('live.paused')}</strong> {words.say('live.pausedNote')}
          </p>
          <PauseSwitch page={page} paused text={words.say('live.resume')} main />
        </>
      )}
    </div>
  );
}

/** Pauses the classification of the whole robot; hidden while it is paused: the banner resumes it. */
export function PauseButton({ page, paused }: { page: PageParts; paused: boolean }) {
  const words = useWords(page);
  if (paused) return null;
  return <PauseSwitch page={page} paused={false} text={words.say('live.pause')} />;
}

function PauseSwitch({
  page,
  paused,
  text,
  main = false,
}: {
  page: PageParts;
  paused: boolean;
  text: string;
  main?: boolean;
}) {
  const words = useWords(page);
  const [busy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    try {
      const body = { what: 'inference' } as const;
      await page.api.call(paused ? 'POST /api/resume' : 'POST /api/pause', { body });
    } catch (error) {
      page.notices.problem(error);
    }
    setBusy(false);
  };
  return (
    <button
      type="button"
      id={paused ? 'resume' : 'pause'}
      class={main ? 'primary' : ''}
      title={paused ? undefined : words.say('live.pauseNote')}
      disabled={busy}
      onClick={() => void act()}
    >
      {text}
    </button>
  );
}
