import type { HoldoutMetrics } from '../../../contract/brain-contract.js';

/** Row = the true class, column = the predicted one; the colour is the share of the row. */
export function ConfusionMatrix({ holdout }: { holdout: HoldoutMetrics }) {
  const { labels, confusion } = holdout;
  return (
    <table class="confusion" style={{ '--labels': String(labels.length) }}>
      <thead>
        <tr>
          <td />
          {labels.map((label) => (
            <th key={label} scope="col" title={label}>
              <span>{label}</span>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {labels.map((truth, row) => (
          <tr key={truth}>
            <th scope="row" title={truth}>
              {truth}
            </th>
            {labels.map((predicted, column) => (
              <Cell
                key={predicted}
                truth={truth}
                predicted={predicted}
                counts={confusion[row] ?? []}
                at={column}
              />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell({
  truth,
  predicted,
  counts,
  at,
}: {
  truth: string;
  predicted: string;
  counts: readonly number[];
  at: number;
}) {
  const count = counts[at] ?? 0;
  const all = counts.reduce((sum, value) => sum + value, 0);
  const heat = count === 0 ? 0 : 0.14 + (0.86 * count) / all;
  const classes = [
    truth === predicted ? 'right' : '',
    count === 0 ? 'zero' : '',
    heat > 0.82 ? 'hot' : heat > 0.6 ? 'warm' : '',
  ];
  return (
    <td
      class={classes.filter((name) => name !== '').join(' ')}
      title={`${count} of ${all} ${truth} classified as ${predicted}`}
      style={{ '--heat': heat.toFixed(2) }}
    >
      {count === 0 ? '·' : count}
    </td>
  );
}
