import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';
import { ClassDialog } from './class-dialog.js';
import type { ClassCount } from './filter-bar.js';
import type { PictureOrders } from './picture-orders.js';

/** A bar for each class: what is learnt from, and what is held out to test. */
export function ClassPanel({
  page,
  classes,
  current,
  orders,
}: {
  page: PageParts;
  classes: readonly ClassCount[];
  /** The class that the list is narrowed to. */
  current: string | undefined;
  orders: PictureOrders;
}) {
  const words = useWords(page);
  const [edited, setEdited] = useState<string | null>(null);
  const most = Math.max(1, ...classes.map(({ training, holdout }) => training + holdout));
  const share = (count: number) => `${(100 * count) / most}%`;
  const target = classes.find(({ label }) => label === edited);
  return (
    <section class="card class-panel" aria-labelledby="classes-title">
      <header>
        <h2 id="classes-title">{words.say('pictures.classes')}</h2>
        <span class="count">{words.say('pictures.classCount', { count: classes.length })}</span>
      </header>
      {classes.length === 0 ? (
        <p class="empty">{words.say('pictures.noClasses')}</p>
      ) : (
        <>
          <p class="legend" aria-hidden="true">
            <span class="legend-entry">
              <i class="of-training" /> {words.say('pictures.side.training')}
            </span>
            <span class="legend-entry">
              <i class="of-holdout" /> {words.say('pictures.side.holdout')}
            </span>
          </p>
          <ul class="class-bars" id="class-bars">
            {classes.map(({ label, training, holdout }) => (
              <li key={label}>
                <a
                  href={page.address.link('pictures', { label })}
                  aria-current={label === current ? 'true' : undefined}
                >
                  <span class="class-name">{label}</span>
                  <span class="class-count">{words.number(training + holdout)}</span>
                  <span class="away">{words.say('pictures.classBar', { training, holdout })}</span>
                  <span class="class-bar" aria-hidden="true">
                    <i class="of-training" style={{ width: share(training) }} />
                    <i class="of-holdout" style={{ width: share(holdout) }} />
                  </span>
                </a>
                <button
                  type="button"
                  class="quiet square"
                  aria-label={words.say('pictures.editClass', { label })}
                  title={words.say('pictures.editClass', { label })}
                  data-edit={label}
                  onClick={() => setEdited(label)}
                >
                  <svg viewBox="0 0 24 24" aria-hidden="true">
                    <path class="stroke" d="M4 20l1-4L16 5l3 3L8 19z" />
                  </svg>
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      {target !== undefined && (
        <ClassDialog
          page={page}
          target={target}
          classes={classes}
          orders={orders}
          close={() => setEdited(null)}
        />
      )}
    </section>
  );
}
