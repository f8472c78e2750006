import { useWords } from '../../../../page/views/use-words.js';
import type { ConsoleStatus } from '../../../contract/live-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import type { Shown, View } from '../../control/page-state.js';
import { decisionWords } from '../../words/decision-words.js';
import { serves } from '../../words/head-words.js';
import { BeliefBadge } from '../parts/belief-badge.js';
import { NoveltyMeter } from '../parts/novelty-meter.js';

export function DecisionPanel({
  page,
  status,
  view,
  shown,
}: {
  page: PageParts;
  status: ConsoleStatus;
  view: View;
  shown: Shown | null;
}) {
  const words = useWords(page);
  const live = view.kind === 'live';
  const decision = live && shown?.kind === 'live' ? shown.frame.decision : null;
  const { kind, label, belief, probability, note, bar } = decisionWords(
    status,
    view,
    decision,
    words,
  );
  return (
    <div
      class="decision"
      id="decision"
      data-kind={kind}
      hidden={shown === null && live && serves(status)}
    >
      <div class="line">
        <strong id="decision-label">{label}</strong>
        <span id="decision-probability">{probability}</span>
      </div>
      <div class="meter">
        <i id="decision-bar" style={{ width: `${Math.round(bar * 100)}%` }} />
      </div>
      {belief !== null && (
        <p class="beliefs">
          <BeliefBadge page={page} belief={belief} />
          <NoveltyMeter page={page} pValue={decision?.noveltyPValue ?? null} />
        </p>
      )}
      <p id="decision-note">{note}</p>
    </div>
  );
}
