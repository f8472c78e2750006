import type { ConsoleStatus } from '../../../contract/live-contract.js';
import type { Shown, View } from '../../control/page-state.js';
import { decisionWords } from '../../words/decision-words.js';
import { percent } from '../../words/figures.js';
import { serves } from '../../words/head-words.js';

export function DecisionPanel({
  status,
  view,
  shown,
}: {
  status: ConsoleStatus;
  view: View;
  shown: Shown | null;
}) {
  const live = view.kind === 'live';
  const decision = live && shown?.kind === 'live' ? shown.frame.decision : null;
  const { kind, label, probability, note, bar } = decisionWords(status, view, decision);
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
        <i id="decision-bar" style={{ width: percent(bar) }} />
      </div>
      <p id="decision-note">{note}</p>
    </div>
  );
}
