import type { SampleCountsByLabel } from '../../../contract/live-contract.js';
import { percent, plural } from '../../words/figures.js';

export function LabelCounts({ samples }: { samples: SampleCountsByLabel }) {
  const { classes, labelled } = samples;
  const most = Math.max(...classes.map(({ training, holdout }) => training + holdout));
  return (
    <section class="card classes" aria-labelledby="classes-title">
      <header>
        <h2 id="classes-title">Labels</h2>
        <span class="count" id="classes-count">
          {plural(labelled, 'labelled picture')}
        </span>
      </header>
      <div id="classes">
        {classes.length === 0 ? (
          <p class="empty">No labels yet. Enter the first one in the field below the picture.</p>
        ) : (
          <table>
            <thead>
              <tr>
                <th scope="col">Label</th>
                <td />
                <th scope="col" class="number">
                  Training
                </th>
                <th scope="col" class="number">
                  Holdout
                </th>
              </tr>
            </thead>
            <tbody>
              {classes.map(({ label, training, holdout }) => (
                <tr key={label}>
                  <th scope="row">{label}</th>
                  <td class="share" aria-hidden="true">
                    <i style={{ width: percent((training + holdout) / most) }} />
                  </td>
                  <td class="number">{training}</td>
                  <td class="number">{holdout}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </section>
  );
}
