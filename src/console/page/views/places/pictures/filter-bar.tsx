import { useWords } from '../../../../../page/views/use-words.js';
import type { AnswerOf } from '../../../../contract/contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import type { Words } from '../../../words/words.js';
import { MARKS } from './grid/picture-tile.js';
import { type Params, SIDES, STATES, VERDICTS, withParams } from './picture-filter.js';

export type Facets = AnswerOf<'GET /api/pictures/facets'>;
export type ClassCount = Facets['classes'][number];

interface Option {
  /** What the choice puts into the address; undefined: takes out of it. */
  params: Readonly<Record<string, string | undefined>>;
  text: string;
  chosen: boolean;
}

interface MenuOf {
  name: string;
  title: string;
  options: readonly Option[];
}

/** Narrows the list: what to look at first as chips, the rest as menus. All of it stands in the address. */
export function FilterBar({
  page,
  params,
  facets,
}: {
  page: PageParts;
  params: Params;
  facets: Facets | null;
}) {
  const words = useWords(page);
  const narrow = (change: Option['params']) => page.address.narrow(withParams(params, change));
  const count = (verdict: (typeof VERDICTS)[number]) =>
    facets?.verdicts.find((each) => each.verdict === verdict)?.samples ?? 0;
  return (
    <fieldset class="filters">
      <legend class="away">{words.say('pictures.filters')}</legend>
      <div class="chips">
        {VERDICTS.map((verdict) => (
          <button
            key={verdict}
            type="button"
            class="filter-chip"
            data-verdict={verdict}
            aria-pressed={params.verdict === verdict}
            disabled={count(verdict) === 0 && params.verdict !== verdict}
            onClick={() => narrow({ verdict: params.verdict === verdict ? undefined : verdict })}
          >
            <i aria-hidden="true">{MARKS[verdict]}</i>
            {words.say(`pictures.verdict.${verdict}`)}
            <span class="chip-count">{words.number(count(verdict))}</span>
          </button>
        ))}
        {menus(facets, params, words).map((menu) => (
          <Menu key={menu.name} menu={menu} all={words.say('pictures.any')} choose={narrow} />
        ))}
      </div>
    </fieldset>
  );
}

function Menu({
  menu: { name, title, options },
  all,
  choose,
}: {
  menu: MenuOf;
  all: string;
  choose: (change: Option['params']) => void;
}) {
  const at = options.findIndex(({ chosen }) => chosen);
  return (
    <label class="filter-menu" data-active={at >= 0}>
      <span>{title}</span>
      <select
        id={`filter-${name}`}
        value={String(at)}
        onChange={({ currentTarget }) => {
          const chosen = options[Number(currentTarget.value)];
          const keys = Object.keys(options[0]?.params ?? {});
          choose(chosen?.params ?? Object.fromEntries(keys.map((key) => [key, undefined])));
        }}
      >
        <option value="-1">{all}</option>
        {options.map(({ text }, index) => (
          <option key={text} value={String(index)}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Those in which there is something to choose. */
function menus(facets: Facets | null, params: Params, words: Words): MenuOf[] {
  if (facets === null) return [];
  const counted = (text: string, samples: number) => `${text} (${words.number(samples)})`;
  const sides = { training: 0, holdout: 0 };
  for (const { training, holdout } of facets.classes) {
    sides.training += training;
    sides.holdout += holdout;
  }
  const state: Option[] = STATES.flatMap((each) => {
    const samples = facets.states.find((found) => found.state === each)?.samples ?? 0;
    if (samples === 0 && params.state !== each) return [];
    const text = counted(words.say(`pictures.state.${each}`), samples);
    return [{ params: { state: each }, text, chosen: params.state === each }];
  });
  const label: Option[] = facets.classes.map((each) => ({
    params: { label: each.label },
    text: counted(each.label, each.training + each.holdout),
    chosen: params.label === each.label,
  }));
  const side: Option[] = SIDES.map((each) => ({
    params: { side: each },
    text: counted(words.say(`pictures.side.${each}`), sides[each]),
    chosen: params.side === each,
  }));
  const camera: Option[] = facets.cameras.map((each) => ({
    params: { camera: each.camera },
    text: counted(each.camera, each.samples),
    chosen: params.camera === each.camera,
  }));
  const day: Option[] = facets.days.map(({ fromMs, toMs, samples }) => ({
    params: { fromMs: String(fromMs), toMs: String(toMs) },
    text: counted(words.date(fromMs, { dateStyle: 'medium' }), samples),
    chosen: params.fromMs === String(fromMs) && params.toMs === String(toMs),
  }));
  const near: Option[] = facets.places.map(({ latitude, longitude, radiusMeters, samples }) => {
    const place = `${latitude.toFixed(6)},${longitude.toFixed(6)},${Math.ceil(radiusMeters)}`;
    const text = counted(positionText(latitude, longitude, words), samples);
    return { params: { near: place }, text, chosen: params.near === place };
  });
  const all: [name: string, title: string, options: Option[], least: number][] = [
    ['state', words.say('pictures.filter.state'), state, 2],
    ['label', words.say('pictures.filter.class'), label, 1],
    ['side', words.say('pictures.filter.side'), side, sides.holdout > 0 ? 2 : 3],
    ['camera', words.say('pictures.filter.camera'), camera, 2],
    ['day', words.say('pictures.filter.day'), day, 2],
    ['near', words.say('pictures.filter.place'), near, 1],
  ];
  return all.flatMap(([name, title, options, least]) =>
    options.length >= least || options.some(({ chosen }) => chosen)
      ? [{ name, title, options }]
      : [],
  );
}

export function positionText(latitude: number, longitude: number, words: Words): string {
  const digits = { minimumFractionDigits: 4, maximumFractionDigits: 4 };
  return `${words.number(latitude, digits)}° ${words.number(longitude, digits)}°`;
}
