import { useCallback, useEffect, useState } from 'preact/hooks';
import { Refusal } from '../../../page/request/refusal.js';
import { useSelected } from '../../../page/views/use-selected.js';
import type { AnswerOf, JsonKey } from '../../contract/contract.js';
import type { PageParts } from '../control/page-parts.js';
import type { CallOf } from '../robot/robot-api.js';

export interface Answered<Answer> {
  /** The newest answer; null before the first. It stays while a newer one is on its way. */
  answer: Answer | null;
  /** Why the last request failed; null: it did not. */
  problem: Refusal | null;
  /** Requests again. */
  reload: () => void;
}

/**
 * The answer of a GET route about the chosen task. It is requested again when `request` changes, and when
 * labels or heads of the task change.
 * @param request null: nothing is requested
 */
export function useAnswer<Key extends JsonKey>(
  page: PageParts,
  key: Key,
  request: CallOf<Key> | null,
): Answered<AnswerOf<Key>> {
  const [answer, setAnswer] = useState<AnswerOf<Key> | null>(null);
  const [problem, setProblem] = useState<Refusal | null>(null);
  const [asked, ask] = useState(0);
  const reload = useCallback(() => ask((count) => count + 1), []);
  const task = useSelected(page.store, (state) => state.task);
  const mark = useSelected(page.store, (state) => state.changes);
  const wanted = request === null ? null : JSON.stringify(request);
  useEffect(() => {
    if (wanted === null) return;
    let gone = false;
    page.api.call(key, JSON.parse(wanted) as CallOf<Key>).then(
      (fresh) => {
        if (gone) return;
        setAnswer(fresh);
        setProblem(null);
      },
      (error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        if (!gone) setProblem(error);
      },
    );
    return () => {
      gone = true;
    };
  }, [page, key, wanted, task, mark, asked]);
  return { answer, problem, reload };
}
