import type { HoldoutMetrics } from '../../../contract/brain-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import { plural } from '../../words/figures.js';
import { mixUps } from '../../words/mix-ups.js';
import { useSelected } from '../use-selected.js';
import { ConfusionMatrix } from './confusion-matrix.js';

/** Holdout metrics of the serving head or, without one, of the last training. */
export function HoldoutCard({ page }: { page: PageParts }) {
  const heads = useSelected(page.store, (state) => state.heads);
  const reports = useSelected(page.store, (state) => state.reports);
  const head = heads.find(({ serving }) => serving);
  const last = reports.find((report) => report.holdout !== null);
  const holdout = (head ?? last)?.holdout ?? null;
  const lastWords = last === undefined ? '' : 'last training, not serving';
  return (
    <section class="card holdout" aria-labelledby="holdout-title">
      <header>
        <h2 id="holdout-title">Holdout</h2>
        <span class="count" id="holdout-count">
          {head === undefined ? lastWords : `version ${head.version}`}
        </span>
      </header>
      <div id="holdout">
        {holdout === null ? (
          <p class="empty">
            {head === undefined
              ? 'After the first training, this shows how the head performs on pictures it was not trained on.'
              : `There were no holdout pictures when version ${head.version} was trained.`}
          </p>
        ) : (
          <Metrics holdout={holdout} />
        )}
      </div>
    </section>
  );
}

function Metrics({ holdout }: { holdout: HoldoutMetrics }) {
  return (
    <>
      <dl class="figures">
        <Figure name="Macro-F1" value={hundredths(holdout.macroF1)} unit="%" />
        <Figure name="Accuracy" value={hundredths(holdout.accuracy)} unit="%" />
        <Figure name="Precision" value={hundredths(holdout.macroPrecision)} unit="%" />
        <Figure name="Recall" value={hundredths(holdout.macroRecall)} unit="%" />
        <Figure name="Log-loss" value={holdout.logLoss.toFixed(2)} unit="" />
        <Figure name="Calibration error" value={hundredths(holdout.ece)} unit="%" />
      </dl>
      <p class="hint">
        {`${plural(holdout.samples, 'holdout picture')}. Rows: true label. Columns: label given by the head.`}
      </p>
      <section class="scroll" tabindex={0} aria-label="Confusion matrix">
        <ConfusionMatrix holdout={holdout} />
      </section>
      <p>{mixUps(holdout)}</p>
    </>
  );
}

function Figure({ name, value, unit }: { name: string; value: string; unit: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        <small>{unit}</small>
      </dd>
    </div>
  );
}

function hundredths(share: number): string {
  return (share * 100).toFixed(1);
}
