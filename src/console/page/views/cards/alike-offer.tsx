import type { LookAlikeSample } from '../../../contract/teach-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import { useSelected } from '../use-selected.js';
import { useThumbnail } from '../use-thumbnail.js';

/** Pictures that look like the one labelled last, to be labelled with one press. */
export function AlikeOfferCard({ page }: { page: PageParts }) {
  const { store, alikes } = page;
  const offer = useSelected(store, (state) => state.alikes);
  const count = offer === null ? 0 : offer.samples.length - offer.without.length;
  const words = `Also label ${count} ${count === 1 ? 'look-alike' : 'look-alikes'} as ${offer?.label}`;
  return (
    <>
      <p class="unseen" role="status" id="alike-said">
        {offer === null ? '' : `${offer.samples.length} pictures look like it.`}
      </p>
      {offer !== null && (
        <section class="card queue" id="alikes" aria-labelledby="alikes-title">
          <header>
            <h2 id="alikes-title">Look-alikes</h2>
          </header>
          <p class="hint" id="alikes-hint">
            Take out what is not {offer.label}.
          </p>
          <ul class="thumbs">
            {offer.samples.map((sample, index) => (
              <li key={sample.id}>
                <LookAlike
                  page={page}
                  sample={sample}
                  name={`Look-alike ${index + 1} of ${offer.samples.length}`}
                  chosen={!offer.without.includes(sample.id)}
                />
              </li>
            ))}
          </ul>
          <div class="choices">
            <button
              type="button"
              class="primary"
              id="label-alikes"
              disabled={count === 0 || offer.busy}
              onClick={() => void alikes.accept()}
            >
              {words}
            </button>
            <button type="button" id="leave-alikes" onClick={() => alikes.dismiss()}>
              No
            </button>
          </div>
        </section>
      )}
    </>
  );
}

function LookAlike({
  page,
  sample,
  name,
  chosen,
}: {
  page: PageParts;
  sample: LookAlikeSample;
  name: string;
  chosen: boolean;
}) {
  const url = useThumbnail(page.api, sample);
  return (
    <button
      type="button"
      data-id={sample.id}
      aria-label={name}
      aria-pressed={chosen}
      onClick={() => page.alikes.toggle(sample.id)}
    >
      <img alt="" src={url ?? undefined} hidden={url === null} />
      <span aria-hidden="true">{chosen ? '✓' : 'left out'}</span>
    </button>
  );
}
