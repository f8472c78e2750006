import type { HeadVersion } from '../../../contract/brain-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import { ago, percent, plural } from '../../words/figures.js';
import { useNow } from '../use-now.js';
import { useSelected } from '../use-selected.js';

/** The stored versions of the head, with buttons to switch to another one. */
export function HeadVersions({ page }: { page: PageParts }) {
  const heads = useSelected(page.store, (state) => state.heads);
  const nowMs = useNow(page.clock, 60_000);
  return (
    <section class="card heads" aria-labelledby="heads-title">
      <header>
        <h2 id="heads-title">Heads</h2>
        <span class="count" id="heads-count">
          {heads.length > 0 ? `${plural(heads.length, 'version')} kept` : ''}
        </span>
      </header>
      <div id="heads">
        {heads.length === 0 ? (
          <p class="empty">Trained versions appear here.</p>
        ) : (
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th scope="col">Version</th>
                  <th scope="col">Kind</th>
                  <th scope="col" class="number">
                    F1
                  </th>
                  <th scope="col" class="time">
                    Trained
                  </th>
                  <td />
                </tr>
              </thead>
              <tbody>
                {heads.map((head) => (
                  <Version
                    key={head.version}
                    head={head}
                    nowMs={nowMs}
                    serve={() => void page.training.rollback(head)}
                  />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
    </section>
  );
}

function Version({ head, nowMs, serve }: { head: HeadVersion; nowMs: number; serve: () => void }) {
  const { version, learner, labels, trust, holdoutMacroF1, trainedAt, serving } = head;
  const kind = [learner, plural(labels.length, 'label'), ...(trust === null ? [] : [trust])];
  return (
    <tr>
      <th scope="row">{version}</th>
      <td>{kind.join(', ')}</td>
      <td class="number">{holdoutMacroF1 === null ? '–' : percent(holdoutMacroF1)}</td>
      <td class="time">{ago(new Date(trainedAt).getTime(), nowMs)}</td>
      <td class="number">
        {serving ? (
          <span class="tag">Serving</span>
        ) : (
          <button type="button" aria-label={`Serve version ${version}`} onClick={serve}>
            Serve
          </button>
        )}
      </td>
    </tr>
  );
}
