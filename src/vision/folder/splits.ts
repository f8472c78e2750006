/**
 * The part of a data set that a folder contains; `part`: one of several without further meaning.
 */
export type Split = 'train' | 'validation' | 'test' | 'part';

const AROUND = (words: string): RegExp =>
  new RegExp(
    `^(?:images?[ _-]|obj_)?(?:${words})(?:[ _-]?(?:set|split|data|images?|imgs?|pictures|photos|\\d{1,4}))?$`,
    'i',
  );
const SPLIT_NAMES: readonly (readonly [Split, RegExp])[] = [
  ['train', AROUND('train|training|trn')],
  ['validation', AROUND('val|valid|validate|validation|dev|development')],
  ['test', AROUND('test|testing|tst|eval|evaluation|holdout|hold-out')],
  ['part', /^(?:fold|split)[ _-]?\d{1,3}$/i],
];

/** Names of folders that contain a whole data set or a kind of file, and are never a class. */
const WRAPPER =
  /^(?:images?|imgs?|pics|pictures|photos|jpegimages|pngimages|labels?|annotations?|data|datasets?|default|frames|obj(?:_[a-z]+)*_data|dcim|\d{3}[A-Z_]{5}|un-?labell?ed)$/i;
const DATE = /^(?:19|20)\d{2}[-_. ]?(?:0[1-9]|1[0-2])[-_. ]?(?:0[1-9]|[12]\d|3[01])(?!\d)/;

/** The split of a folder by its name; null: none. */
export function splitOf(name: string): Split | null {
  return SPLIT_NAMES.find(([, pattern]) => pattern.test(name))?.[0] ?? null;
}

/** Whether a folder of this name cannot be a class: "images", "labels", "dataset", "DCIM" … */
export function isWrapper(name: string): boolean {
  return WRAPPER.test(name);
}

/** Whether a folder of this name is no class beside one called "images": "masks" … */
export function isBesideImages(name: string): boolean {
  return /^(?:masks?|segmentation.*|ground.?truth|gt|depth|thumbs|previews?)$/i.test(name);
}

/** Whether a name begins with a date, year first. */
export function isDate(name: string): boolean {
  return DATE.test(name);
}
