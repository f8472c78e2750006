import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';
import type { Words } from '../../../words/words.js';
import { type Params, SIDES, STATES, VERDICTS } from './picture-filter.js';

/** How many images there are, what they are narrowed to, and the way back to all of them. */
export function NarrowedTo({
  page,
  params,
  total,
}: {
  page: PageParts;
  params: Params;
  /** Null: not known yet. */
  total: number | null;
}) {
  const words = useWords(page);
  const parts = narrowings(params, words);
  return (
    <div class="narrowed">
      <p id="total" role="status">
        <strong>
          {total === null
            ? words.say('shell.loading')
            : words.say('pictures.count', { count: total })}
        </strong>
        {parts.length > 0 && <span>{` · ${parts.join(' · ')}`}</span>}
      </p>
      {parts.length > 0 && (
        <button type="button" id="show-all" onClick={() => page.address.narrow({})}>
          {words.say('pictures.showAll')}
        </button>
      )}
    </div>
  );
}

function narrowings(params: Params, words: Words): string[] {
  const { label, answered, version, camera, fromMs, near, ids } = params;
  const state = STATES.find((each) => each === params.state);
  const side = SIDES.find((each) => each === params.side);
  const verdict = VERDICTS.find((each) => each === params.verdict);
  const parts: (string | undefined)[] = [
    label,
    answered !== undefined
      ? words.say(version === undefined ? 'pictures.answered' : 'pictures.answeredBy', {
          label: answered,
          version: version ?? '',
        })
      : undefined,
    verdict && words.say(`pictures.verdict.${verdict}`),
    state && words.say(`pictures.state.${state}`),
    side && words.say(`pictures.side.${side}`),
    camera,
    fromMs === undefined ? undefined : words.date(Number(fromMs), { dateStyle: 'medium' }),
    near === undefined ? undefined : words.say('pictures.atPlace'),
    ids === undefined ? undefined : words.say('pictures.someChosen'),
  ];
  return parts.filter((part) => part !== undefined);
}
