import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { LookAlikeSample } from '../../../../contract/teach-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { KeyCap } from '../../parts/key-cap.js';

/** Images that look like the one labelled last, to be labelled with one press. */
export function AlikeOffer({ page }: { page: PageParts }) {
  const { store, alikes } = page;
  const words = useWords(page);
  const offer = useSelected(store, (state) => state.alikes);
  const all = offer?.samples.length ?? 0;
  const count = all - (offer?.without.length ?? 0);
  const label = offer?.label ?? '';
  return (
    <>
      <p class="away" role="status" id="alike-said">
        {offer === null ? '' : words.say('teach.alikesFound', { count: all, label })}
      </p>
      {offer !== null && (
        <section class="card alikes" id="alikes" aria-labelledby="alikes-title">
          <h3 id="alikes-title">{words.say('teach.alikesFound', { count: all, label })}</h3>
          <p class="hint">{words.say('teach.alikesHint', { label })}</p>
          <ul class="thumbs">
            {offer.samples.map((sample, index) => (
              <li key={sample.id}>
                <LookAlike
                  page={page}
                  sample={sample}
                  name={words.say('teach.alikeOf', { number: index + 1, all })}
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
              disabled={count === 0}
              aria-keyshortcuts="L"
              onClick={() => alikes.accept()}
            >
              {words.say('teach.labelAlikes', { count, label })} <KeyCap name="L" />
            </button>
            <button type="button" id="leave-alikes" onClick={() => alikes.dismiss()}>
              {words.say('teach.leaveAlikes')}
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
  const words = useWords(page);
  return (
    <button
      type="button"
      data-id={sample.id}
      aria-label={name}
      aria-pressed={chosen}
      onClick={() => page.alikes.toggle(sample.id)}
    >
      <img
        alt=""
        loading="lazy"
        src={page.api.address('GET /api/samples/{id}/thumbnail', { params: { id: sample.id } })}
      />
      <span class="mark" aria-hidden="true">
        {chosen ? '✓' : words.say('teach.leftOut')}
      </span>
    </button>
  );
}
