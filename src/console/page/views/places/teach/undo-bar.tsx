import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';
import type { Said } from '../../../control/teach/teach-state.js';
import { KeyCap } from '../../parts/key-cap.js';

/** What was answered last, whether it is stored, and the way back. */
export function UndoBar({ page }: { page: PageParts }) {
  const words = useWords(page);
  const said = useSelected(page.store, (state) => state.teach.said);
  const unsent = useSelected(page.store, (state) => state.unsent);
  const count = useSelected(
    page.store,
    ({ undoSteps, task }) => undoSteps.filter((step) => step.task === task).length,
  );
  return (
    <div class="undo-bar">
      <p id="teach-said" role="status">
        {said !== null && saidWords(said, words)}
      </p>
      {unsent.stuck && (
        <p class="unsent" id="unsent" role="status">
          {words.say('teach.unsent', { count: unsent.count })}
        </p>
      )}
      <button
        type="button"
        id="undo"
        disabled={count === 0}
        aria-keyshortcuts="U Control+Z"
        onClick={() => void page.undo.undo()}
      >
        {count === 0 ? words.say('shell.undo') : words.say('teach.undoCount', { count })}
        <KeyCap name="U" />
      </button>
    </div>
  );
}

function saidWords(said: Said, words: PageParts['words']): string {
  switch (said.kind) {
    case 'label':
      return words.say('teach.saidLabel', { label: said.label });
    case 'cannot_tell':
    case 'bad_image':
    case 'skip':
    case 'undone':
      return words.say(`teach.said.${said.kind}`);
  }
}
