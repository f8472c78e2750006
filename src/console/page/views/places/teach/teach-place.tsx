import { useEffect } from 'preact/hooks';
import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import { LookAndLabel } from '../../look/look-and-label.js';
import { NearDialog } from '../../parts/near-dialog.js';
import { TrainingBar } from '../../parts/training-bar.js';
import { useAnswer } from '../../use-answer.js';
import { useKeys } from '../../use-keys.js';
import type { PlaceProps } from '../place-props.js';
import { AlikeOffer } from './alike-offer.js';
import { ChangesCard } from './changes-card.js';
import { ProgressRing } from './progress-ring.js';
import { QuestionCard } from './question-card.js';
import { UndoBar } from './undo-bar.js';

/** One question at a time; without any, the live picture to label from. */
export function TeachPlace({ page, status }: PlaceProps) {
  const words = useWords(page);
  const questions = useSelected(page.store, (state) => state.teach.questions);
  const problem = useSelected(page.store, (state) => state.teach.problem);
  const { answer: progress } = useAnswer(page, 'GET /api/teach/progress', {});
  useEffect(() => page.questions.open(), [page]);
  useKeys(page, { u: () => void page.undo.undo(), l: () => page.alikes.accept() });
  const current = questions?.[0] ?? null;
  const none = questions?.length === 0 || (questions === null && problem !== null);
  return (
    <>
      <TrainingBar page={page} />
      <div class="teach-head">
        <ProgressRing page={page} status={status} progress={progress} />
        <UndoBar page={page} />
      </div>
      {current !== null && <QuestionCard page={page} status={status} question={current} />}
      {none && (
        <>
          <section class="card no-questions" id="no-questions">
            <h3>{words.say('teach.noQuestions')}</h3>
            <p>{words.say('teach.labelLive')}</p>
          </section>
          <LookAndLabel page={page} status={status} />
        </>
      )}
      <AlikeOffer page={page} />
      <ChangesCard page={page} />
      <NearDialog page={page} />
    </>
  );
}
