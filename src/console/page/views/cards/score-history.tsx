import type { TrainingReport } from '../../../contract/brain-contract.js';
import { percent } from '../../words/figures.js';

const WIDTH = 400;
const HEIGHT = 96;
const LEFT = 40;
const RIGHT = WIDTH - 10;
const TOP = 12;
const BOTTOM = 84;

/** Chart of the macro-F1 of the last trainings: filled = promoted, hollow = refused. */
export function ScoreHistory({ reports }: { reports: readonly TrainingReport[] }) {
  const points = reports
    .flatMap(({ trainingId, outcome, holdout }) =>
      holdout === null ? [] : [{ trainingId, outcome, score: holdout.macroF1 }],
    )
    .reverse();
  if (points.length < 2) return null;
  const scores = points.map(({ score }) => score);
  const low = Math.max(0, Math.floor(Math.min(...scores) * 10 - 0.2) / 10);
  const high = Math.min(1, Math.max(low + 0.1, Math.ceil(Math.max(...scores) * 10) / 10));
  const x = (index: number) => LEFT + (index * (RIGHT - LEFT)) / (points.length - 1);
  const y = (score: number) => BOTTOM - ((score - low) / (high - low)) * (BOTTOM - TOP);
  const promoted = points.flatMap(({ outcome, score }, index) =>
    outcome === 'promoted' ? [`${x(index)},${y(score)}`] : [],
  );
  const summary = `Macro-F1 of the last ${points.length} trainings: ${scores.map(percent).join(', ')}`;
  return (
    <>
      <svg class="history" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={summary}>
        <title>{summary}</title>
        {[high, low].map((score) => (
          <Rule key={score} y={y(score)} words={percent(score)} />
        ))}
        <polyline points={promoted.join(' ')} />
        {points.map(({ trainingId, outcome, score }, index) => (
          <circle key={trainingId} class={outcome} cx={x(index)} cy={y(score)} r={5} />
        ))}
      </svg>
      <p class="hint">Macro-F1 of the last trainings. Hollow: refused.</p>
    </>
  );
}

function Rule({ y, words }: { y: number; words: string }) {
  return (
    <>
      <line x1={LEFT} x2={RIGHT} y1={y} y2={y} />
      <text x={0} y={y + 4}>
        {words}
      </text>
    </>
  );
}
