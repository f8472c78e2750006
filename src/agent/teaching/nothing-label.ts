import { labelKey } from '../../base/words/label.js';

const DEFAULT_LABEL = 'nothing';
/** Names that people give to the class of images without anything of interest, as label keys. */
const NAMES = new Set(
  [
    'nothing',
    'nothing here',
    'none',
    'no object',
    'background',
    'empty',
    'negative',
    'blank',
    'nichts',
    'leer',
    'hintergrund',
    'kein objekt',
    '没有',
    '无',
    '空',
    '背景',
    '什么都没有',
    'rien',
    'vide',
    'nada',
    'vacío',
    'fondo',
  ].map(labelKey),
);

/**
 * The label for an image that shows none of the things: the configured one, else the most frequent class of
 * the task with such a name, else `nothing`.
 * @param counts labelled samples by label
 * @param configured `samples.nothingLabel`
 */
export function nothingLabel(
  counts: ReadonlyMap<string, number>,
  configured: string | null,
): string {
  const wanted = labelKey(configured ?? DEFAULT_LABEL);
  const names = [...counts].sort((a, b) => b[1] - a[1]).map(([label]) => label);
  // "Nothing" beside the setting "nothing" would be refused as a look-alike.
  const alike = names.find((label) => labelKey(label) === wanted);
  if (configured !== null) return alike ?? configured;
  return names.find((label) => NAMES.has(labelKey(label))) ?? DEFAULT_LABEL;
}
