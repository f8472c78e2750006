import { useEffect, useState } from 'preact/hooks';
import { Refusal } from '../../../../page/request/refusal.js';
import { useSelected } from '../../../../page/views/use-selected.js';
import type { FleetParts } from '../control/fleet-parts.js';

/**
 * Reads something of the hub, and again after every order and with every reading of the robots.
 * @param what changes when something else is to be read
 */
export function useRead<Answer>(
  page: FleetParts,
  what: string,
  read: () => Promise<Answer>,
): { answer: Answer | null; problem: string | null } {
  const [found, setFound] = useState<{ what: string; answer: Answer } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const changes = useSelected(page.store, (state) => state.changes);
  const readAtMs = useSelected(page.store, (state) => state.readAtMs);
  useEffect(() => {
    let gone = false;
    read().then(
      (answer) => {
        if (gone) return;
        setFound({ what, answer });
        setProblem(null);
      },
      (error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        if (!gone) setProblem(error.message);
      },
    );
    return () => {
      gone = true;
    };
  }, [what, changes, readAtMs]);
  // What was read before is about something else.
  return { answer: found?.what === what ? found.answer : null, problem };
}
