import type {
  Picture,
  PictureFilter,
  SampleState,
} from '../../../../contract/pictures-contract.js';

export type SampleVerdict = Picture['verdicts'][number];
export type Side = NonNullable<PictureFilter['side']>;

/** States in the order in which the page names them. */
export const STATES = [
  'labelled',
  'waiting',
  'cannot_tell',
  'bad_image',
  'ignored',
  'trash',
] as const satisfies readonly SampleState[];

export const VERDICTS = [
  'wrong',
  'doubtful',
  'suspect',
] as const satisfies readonly SampleVerdict[];
export const SIDES = ['training', 'holdout'] as const satisfies readonly Side[];

/** Parts of the address that narrow the list; `near` is the place, whose name the address uses itself. */
const TEXTS = ['label', 'answered', 'version', 'camera', 'fromMs', 'toMs', 'ids'] as const;

export type Params = Readonly<Record<string, string>>;

/** What the address narrows the list to. */
export function filterOf(params: Params): PictureFilter {
  const filter: PictureFilter = {};
  for (const name of TEXTS) {
    const value = params[name];
    if (value !== undefined) filter[name] = value;
  }
  const state = STATES.find((each) => each === params.state);
  if (state !== undefined) filter.state = state;
  const side = SIDES.find((each) => each === params.side);
  if (side !== undefined) filter.side = side;
  const verdict = VERDICTS.find((each) => each === params.verdict);
  if (verdict !== undefined) filter.verdict = verdict;
  if (params.near !== undefined) filter.place = params.near;
  return filter;
}

/** The parameters without some of them, and with others. @param change undefined: without it */
export function withParams(
  params: Params,
  change: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const entries = Object.entries({ ...params, ...change });
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
