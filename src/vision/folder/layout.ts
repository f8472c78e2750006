import { labelKey } from '../../base/words/label.js';
import type { FileName } from './file-name.js';
import { type Folder, type FolderFile, type Subfolder, visit } from './folder-tree.js';
import { isBesideImages, isDate, isWrapper, type Split, splitOf } from './splits.js';

/** A picture with its place in the order of a data set. */
export interface PlacedPicture {
  file: FolderFile;
  /** Below the data set's folder, with "/". */
  name: string;
  /** Of the folder around it that is named like a split. */
  split: Split | null;
}

/** A folder whose name is a class; a class may have one in each split. */
export interface ClassFolder {
  name: FileName;
  /** Below the data set's folder, with "/". */
  route: string;
  pictures: PlacedPicture[];
  /** Other files in it. */
  others: number;
}

/** How the pictures of a folder are ordered. */
export interface Layout {
  classes: ClassFolder[];
  /** Pictures that lie in no class folder. */
  unclassed: PlacedPicture[];
  /** Names of the folders that were seen as splits: "train", "valid" … */
  splits: string[];
  /** Names of folders of days that were seen through. */
  days: string[];
  /** Folders named like splits that were taken for classes all the same. */
  classesLikeSplits: string[];
  /** Names of the folders that each class folder holds: the classes might be these. */
  sharedInside: string[];
  /** What contradicts itself: nothing may be guessed from it. Null: it is clear. */
  unclear: Unclear | null;
}

export interface Unclear {
  /** In words. */
  message: string;
  /** Folders below the data set's that could be meant. */
  candidates: string[];
}

interface Place {
  folder: Folder;
  /** "" or "a/b/". */
  route: string;
  split: Split | null;
}

/**
 * Finds the class folders of a data set: beside each other (Keras' `flow_from_directory`), in
 * splits (`train/weed`), in splits within folders that hold everything (`data/images/train/weed`),
 * or with splits inside (`weed/train`). Upper and lower case do not matter.
 * @param alwaysClasses every folder is a class, whatever it is called: for our own exports
 */
export function readLayout(root: Folder, alwaysClasses = false): Layout {
  const reader = new LayoutReader();
  const place: Place = { folder: root, route: '', split: null };
  if (alwaysClasses) reader.readClasses(place, root.folders);
  else reader.read(place, 0);
  return reader.layout;
}

/** More wrappers and splits in each other than that mean nothing. */
const MAX_NESTING = 8;

class LayoutReader {
  readonly layout: Layout = {
    classes: [],
    unclassed: [],
    splits: [],
    days: [],
    classesLikeSplits: [],
    sharedInside: [],
    unclear: null,
  };
  readonly #withPictures = new Map<Folder, boolean>();

  /** @param depth of wrappers and splits around the place */
  read(place: Place, depth: number): void {
    const full = place.folder.folders.filter(({ folder }) => this.#hasPictures(folder));
    if (depth < MAX_NESTING) {
      if (this.#readSplits(place, full, depth)) return;
      if (this.#readWrapper(place, full, depth)) return;
      if (this.#readDates(place, full, depth)) return;
    }
    this.#readBeside(place, place.folder.folders, true);
  }

  /** Takes folders for classes by their names; what lies beside them is in none. */
  readClasses(place: Place, folders: readonly Subfolder[]): void {
    this.#leaveLoose(place);
    this.#compareInside(folders);
    for (const { name, folder } of folders) {
      const route = `${place.route}${name.text}`;
      const found: ClassFolder = { name, route, pictures: [], others: 0 };
      this.#collect(found, { folder, route: `${route}/`, split: place.split }, new Set());
      this.layout.classes.push(found);
    }
  }

  #readSplits(place: Place, full: readonly Subfolder[], depth: number): boolean {
    const splits = full.filter(({ name }) => splitOf(name.text) !== null);
    if (splits.length === 0) return false;
    const rest = full.filter((child) => !splits.includes(child) && !isWrapper(child.name.text));
    const holding = splits.filter(({ folder }) => this.#holdsFolders(folder));
    if (holding.length === 0) return this.#readFlatSplits(place, splits, rest);
    const strangers = rest.filter(({ name }) => !this.#isClassOf(name.text, holding));
    if (strangers.length > 0) {
      this.#beUnclear(
        place,
        `${listed(holding)} ${holding.length > 1 ? 'look' : 'looks'} like splits with class folders in them, but ${listed(strangers)} ${strangers.length > 1 ? 'lie' : 'lies'} beside them`,
        holding,
      );
      return true;
    }
    for (const { name, folder } of splits) {
      this.layout.splits.push(`${place.route}${name.text}`);
      const split = splitOf(name.text) ?? place.split;
      this.read({ folder, route: `${place.route}${name.text}/`, split }, depth + 1);
    }
    // The classes once more outside the splits, and folders such as "images" beside them.
    const beside = full.filter((child) => !splits.includes(child));
    this.#readBeside(place, beside);
    return true;
  }

  /** Folders named like splits with pictures right in them. */
  #readFlatSplits(place: Place, splits: Subfolder[], rest: Subfolder[]): boolean {
    if (rest.length === 0) {
      this.#leaveLoose(place);
      for (const { name, folder } of splits) {
        this.layout.splits.push(`${place.route}${name.text}`);
        this.#leaveAll({
          folder,
          route: `${place.route}${name.text}/`,
          split: splitOf(name.text),
        });
      }
      return true;
    }
    // "train" is also a vehicle, and "valid" the opposite of "invalid"; nobody's class is "test".
    const isClass = ({ name }: Subfolder) =>
      splits.length === 1 && /^(?:train|valid)$/i.test(name.text);
    for (const child of splits) {
      if (isClass(child)) this.layout.classesLikeSplits.push(`${place.route}${child.name.text}`);
    }
    const passedOver = splits.filter((child) => !isClass(child));
    for (const { name, folder } of passedOver) {
      this.#leaveAll({ folder, route: `${place.route}${name.text}/`, split: splitOf(name.text) });
    }
    const others = place.folder.folders.filter((child) => !passedOver.includes(child));
    this.#readBeside(place, others, true);
    return true;
  }

  /** Goes into a folder that holds everything. */
  #readWrapper(place: Place, full: readonly Subfolder[], depth: number): boolean {
    const [only] = full;
    if (only === undefined || full.length > 1 || this.#hasOwnPictures(place.folder)) return false;
    const inner = only.folder.folders.filter(({ folder }) => this.#hasPictures(folder));
    const holdsSplits = inner.some(
      ({ name, folder }) => splitOf(name.text) !== null && this.#holdsFolders(folder),
    );
    if (isWrapper(only.name.text) || holdsSplits || isDate(only.name.text)) {
      if (isDate(only.name.text)) this.layout.days.push(`${place.route}${only.name.text}`);
      const route = `${place.route}${only.name.text}/`;
      if (inner.length === 0) this.#leaveAll({ ...place, folder: only.folder, route });
      else this.read({ ...place, folder: only.folder, route }, depth + 1);
      return true;
    }
    const ordered = inner.filter(({ name }) => splitOf(name.text) === null && !isDate(name.text));
    if (ordered.length > 1 && !this.#hasOwnPictures(only.folder)) {
      this.#beUnclear(
        place,
        `it holds one folder, ${listed([only])}, with the folders ${listed(ordered)} in it: either may be the classes`,
        [only],
      );
      return true;
    }
    return false;
  }

  /** Folders of days: the classes are inside, or nowhere. */
  #readDates(place: Place, full: readonly Subfolder[], depth: number): boolean {
    if (full.length === 0 || !full.every(({ name }) => isDate(name.text))) return false;
    this.#leaveLoose(place);
    for (const { name, folder } of full) {
      this.layout.days.push(`${place.route}${name.text}`);
      const route = `${place.route}${name.text}/`;
      if (this.#holdsFolders(folder)) this.read({ ...place, folder, route }, depth + 1);
      else this.#leaveAll({ ...place, folder, route });
    }
    return true;
  }

  /** Folders as classes, but for those such as "images" that cannot be one. */
  #readBeside(place: Place, folders: readonly Subfolder[], alsoEmpty = false): void {
    const hasImages = folders.some(({ name }) => isWrapper(name.text));
    const isNone = ({ name }: Subfolder) =>
      isWrapper(name.text) || (hasImages && isBesideImages(name.text));
    this.readClasses(
      place,
      folders.filter((child) => !isNone(child) && (alsoEmpty || this.#hasPictures(child.folder))),
    );
    for (const { name, folder } of folders.filter(isNone)) {
      this.#leaveAll({ ...place, folder, route: `${place.route}${name.text}/` });
    }
  }

  /** Notes when all of several folders hold nothing but the same folders. */
  #compareInside(folders: readonly Subfolder[]): void {
    const full = folders.filter(({ folder }) => this.#hasPictures(folder));
    if (full.length < 2 || full.some(({ folder }) => this.#hasOwnPictures(folder))) return;
    const inside = full.map(({ folder }) =>
      folder.folders
        .filter((child) => this.#hasPictures(child.folder))
        .map(({ name }) => name.text)
        .filter((name) => splitOf(name) === null && !isWrapper(name) && !isDate(name)),
    );
    const [first = []] = inside;
    const same = inside.every((names) => names.join('/') === first.join('/'));
    if (same && first.length > 1) this.layout.sharedInside.push(...first);
  }

  #collect(found: ClassFolder, place: Place, visited: Set<Folder>): void {
    const { folder, route } = place;
    if (visited.has(folder)) return;
    visited.add(folder);
    for (const file of folder.files) {
      const name = `${route}${file.name.text}`;
      if (file.isPicture) found.pictures.push({ file, name, split: place.split });
      else found.others += 1;
    }
    for (const child of folder.folders) {
      const split = place.split ?? splitOf(child.name.text);
      const inner = { folder: child.folder, route: `${route}${child.name.text}/`, split };
      this.#collect(found, inner, visited);
    }
  }

  /** The pictures that lie right in a folder belong to no class. */
  #leaveLoose({ folder, route, split }: Place): void {
    for (const file of folder.files) {
      if (!file.isPicture) continue;
      this.layout.unclassed.push({ file, name: `${route}${file.name.text}`, split });
    }
  }

  #leaveAll({ folder, route, split }: Place): void {
    visit(folder, route, (file, name) => {
      if (file.isPicture) this.layout.unclassed.push({ file, name, split });
    });
  }

  #beUnclear(place: Place, message: string, candidates: readonly Subfolder[]): void {
    this.layout.unclear ??= {
      message: place.route === '' ? message : `${place.route.slice(0, -1)}: ${message}`,
      candidates: candidates.map(({ name }) => `${place.route}${name.text}`),
    };
  }

  #isClassOf(name: string, splits: readonly Subfolder[]): boolean {
    const key = labelKey(name);
    return splits.some(({ folder }) =>
      folder.folders.some((inner) => labelKey(inner.name.text) === key),
    );
  }

  #holdsFolders(folder: Folder): boolean {
    return folder.folders.some((child) => this.#hasPictures(child.folder));
  }

  #hasOwnPictures(folder: Folder): boolean {
    return folder.files.some(({ isPicture }) => isPicture);
  }

  #hasPictures(folder: Folder): boolean {
    const known = this.#withPictures.get(folder);
    if (known !== undefined) return known;
    // Within a circle the answer comes from the folder that began it.
    this.#withPictures.set(folder, false);
    const found =
      this.#hasOwnPictures(folder) ||
      folder.folders.some((child) => this.#hasPictures(child.folder));
    this.#withPictures.set(folder, found);
    return found;
  }
}

function listed(folders: readonly Subfolder[]): string {
  const names = folders.map(({ name }) => `"${name.text}"`);
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
