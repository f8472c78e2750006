import { labelKey } from '../../base/words/label.js';
import type { FileName } from './file-name.js';
import { type Folder, type FolderFile, type Subfolder, visit } from './folder-tree.js';
import { isBesideImages, isDate, isWrapper, type Split, splitOf } from './splits.js';

/** An image with its place in the layout of a data set. */
export interface PlacedPicture {
  file: FolderFile;
  /** Path below the data set's folder, with "/". */
  name: string;
  /** Split of the enclosing folder, by its name. */
  split: Split | null;
}

/** A folder whose name is a class; a class may have one in each split. */
export interface ClassFolder {
  name: FileName;
  /** Path below the data set's folder, with "/". */
  route: string;
  pictures: PlacedPicture[];
  /** Number of other files in it. */
  others: number;
}

/** How the images of a folder are sorted into folders. */
export interface Layout {
  classes: ClassFolder[];
  /** Images outside of all class folders. */
  unclassed: PlacedPicture[];
  /** Names of the folders that were taken for splits: "train", "valid" … */
  splits: string[];
  /** Names of folders of days that were ignored as a level. */
  days: string[];
  /** Folders with names of splits that were nevertheless taken for classes. */
  classesLikeSplits: string[];
  /** Names of the folders inside every class folder, which might be the classes instead. */
  sharedInside: string[];
  /** A contradiction from which nothing may be guessed; null: the layout is clear. */
  unclear: Unclear | null;
}

export interface Unclear {
  /** In words. */
  message: string;
  /** Folders below the data set's folder that may be the right one. */
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
 * splits (`train/weed`), in splits within wrapper folders (`data/images/train/weed`), or with
 * splits inside (`weed/train`). Upper and lower case do not matter.
 * @param alwaysClasses every folder is a class, whatever its name: for headland's own exports
 */
export function readLayout(root: Folder, alwaysClasses = false): Layout {
  const reader = new LayoutReader();
  const place: Place = { folder: root, route: '', split: null };
  if (alwaysClasses) reader.readClasses(place, root.folders);
  else reader.read(place, 0);
  return reader.layout;
}

/** Wrappers and splits nested deeper than this have no meaning. */
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

  /** @param depth Number of wrappers and splits around the place */
  read(place: Place, depth: number): void {
    const full = place.folder.folders.filter(({ folder }) => this.#hasPictures(folder));
    if (depth < MAX_NESTING) {
      if (this.#readSplits(place, full, depth)) return;
      if (this.#readWrapper(place, full, depth)) return;
      if (this.#readDates(place, full, depth)) return;
    }
    this.#readBeside(place, place.folder.folders, true);
  }

  /** Takes folders for classes by their names; files beside them have no class. */
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

  /** Folders with names of splits that directly contain images. */
  #readFlatSplits(place: Place, splits: Subfolder[], rest: Subfolder[]): boolean {
    if (rest.length === 0) {
      const beside = place.folder.folders.filter((child) => !splits.includes(child));
      this.#readBeside(place, beside);
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
    // "train" is also a vehicle, and "valid" the opposite of "invalid"; "test" is never a class.
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

  /** Enters a folder that contains everything. */
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

  /** Folders of days: the classes are inside, or there are none. */
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

  /** Takes folders for classes, except those such as "images" that cannot be one. */
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

  /** Notes when several folders all contain only the same folders. */
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

  /** Images directly in a folder belong to no class. */
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
    // Within a cycle, the folder that began it determines the answer.
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
