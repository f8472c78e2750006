import type { TrainingReport } from '../../../contract/brain-contract.js';
import { ago, duration, percent } from '../../words/figures.js';

/** @param serving version of the trained head that serves now; null: none does */
export function TrainingVerdict({
  report,
  serving,
  nowMs,
}: {
  report: TrainingReport;
  serving: number | null;
  nowMs: number;
}) {
  const { outcome, reason, holdout, finishedAt, durations } = report;
  const facts = [
    ago(new Date(finishedAt).getTime(), nowMs),
    `took ${duration(durations.total / 1_000)}`,
  ];
  if (holdout !== null) {
    facts.push(`macro-F1 ${percent(holdout.macroF1)} on ${holdout.samples} holdout pictures`);
  }
  return (
    <div class="verdict" data-outcome={outcome}>
      <b>{headline(report, serving)}</b>
      <p>{reason}</p>
      <small>{facts.join(' · ')}</small>
    </div>
  );
}

function headline({ outcome, headVersion }: TrainingReport, serving: number | null): string {
  switch (outcome) {
    case 'promoted': {
      if (headVersion === serving) return `Version ${headVersion} serves now`;
      const now = serving === null ? 'no trained head serves now' : `version ${serving} serves now`;
      return `Version ${headVersion} was promoted, ${now}`;
    }
    case 'refused':
      return 'Refused: the previous head keeps serving';
    case 'failed':
      return 'Failed: the previous head keeps serving';
    case 'cancelled':
      return 'Cancelled: the previous head keeps serving';
  }
}
