import { HeadlandError } from '../../base/errors.js';
import { fileProblem } from '../../base/files/file-problem.js';
import { listIn } from '../../base/values/list-in.js';
import { normaliseLabel } from '../../base/words/label.js';
import { type Folder, readFolderTree, visit } from '../../vision/folder/folder-tree.js';
import {
  type ClassFolder,
  type Layout,
  type PlacedPicture,
  readLayout,
} from '../../vision/folder/layout.js';
import { isWrapper, splitOf } from '../../vision/folder/splits.js';
import type { TaskColumns } from './annotations/annotation.js';
import { describeAnnotated, inSplits } from './annotations/describe-layout.js';
import { type BoxUse, type LabelledPart, partsOf } from './annotations/labelled-parts.js';
import { type Annotated, readAnnotations } from './annotations/read-annotations.js';
import { readSidecars, type Sidecars } from './annotations/sidecars.js';
import { ClassLabels, type NamedClass } from './class-labels.js';
import {
  countOf,
  type FoundFolder,
  type FoundPicture,
  type LeftOut,
  type Note,
  nameSome,
  type Obstacle,
  WAITING_FOLDER,
} from './found.js';
import { ANNOTATED_MANIFEST_FILE, MANIFEST_FILE, type ManifestEntry } from './manifest.js';
import { nothingToImport } from './nothing-to-import.js';

export interface FindOptions {
  /** Follow symbolic links that lead out of the folder. */
  followLinks?: boolean;
  /** Label of all pictures, at any depth. */
  label?: string | null;
  /**
   * `classes`: each folder is a class, whatever its name; default `auto`: recognise splits and
   * exports.
   */
  layout?: 'auto' | 'classes';
  /** Labels that look alike stay separate classes. */
  keepAlike?: boolean;
  /** Default `crops`: each box of an annotation is cut out and becomes a sample of its own. */
  boxes?: BoxUse;
  /** The task of the labels and all tasks of the robot, if its settings name them; default: null. */
  columns?: TaskColumns | null;
}

const BOX_USES: Readonly<Record<BoxUse, string>> = {
  crops:
    'the annotations are boxes: each becomes a picture of its own; --boxes whole imports whole pictures instead',
  whole:
    'the annotations are boxes: a picture whose boxes all have the same class was imported as a picture of that class',
};

/**
 * Lists the pictures of a folder with their classes: from class folders, in splits or not, else
 * from annotation files (see docs/guides/import.md).
 * @param known labels of the store
 * @param classFolders names of class folders of an export, which may look like leftovers of a system
 * @throws HeadlandError HL_IMPORT_NOT_FOUND, HL_IMPORT_NO_CLASSES, HL_IMPORT_LAYOUT_UNCLEAR,
 *   HL_LABEL_INVALID (the option `label`)
 */
export async function findPictures(
  dir: string,
  known: readonly string[],
  options: FindOptions = {},
  classFolders: ReadonlySet<string> = new Set(),
): Promise<FoundFolder> {
  const { found, rest } = await lookInto(dir, known, options, classFolders);
  if (found.pictures.length === 0) throw nothingToImport(dir, rest, found);
  return found;
}

/**
 * Tasks for which the tables of a folder have labels, and what is wrong with these tables.
 * @throws HeadlandError HL_IMPORT_NOT_FOUND, HL_IMPORT_LAYOUT_UNCLEAR
 */
export async function tasksInTables(
  dir: string,
  columns: TaskColumns,
  options: FindOptions,
): Promise<Pick<FoundFolder, 'tasks' | 'notes'>> {
  const { found } = await lookInto(dir, [], { ...options, columns }, new Set());
  return found;
}

async function lookInto(
  dir: string,
  known: readonly string[],
  options: FindOptions,
  classFolders: ReadonlySet<string>,
): Promise<{ found: FoundFolder; rest: Folder }> {
  const root = await openRoot(dir, options.followLinks ?? false, classFolders);
  const waiting = root.folders.filter(({ name }) => name.text === WAITING_FOLDER);
  const rest: Folder = {
    ...root,
    folders: root.folders.filter((child) => !waiting.includes(child)),
  };
  const finder = new Finder(dir, known, options);
  for (const { folder } of waiting) finder.addWaiting(folder);
  finder.addObstacles(root);
  const sidecars = await readSidecars(rest);
  finder.noteSidecars(sidecars);
  if (options.label != null) finder.addAll(rest, normaliseLabel(options.label));
  else if (!finder.addBySidecars(rest, sidecars)) await finder.addByLayout(rest);
  return { found: finder.found(), rest };
}

class Finder {
  readonly pictures: FoundPicture[] = [];
  readonly #classes = new Map<string, string[]>();
  readonly #refused: Obstacle[] = [];
  readonly #leftOut: LeftOut[] = [];
  readonly #notes: Note[] = [];
  #sidecars: ManifestEntry[] = [];
  #tasks: ReadonlySet<string> = new Set();
  #isExport = false;
  #layout = 'pictures that wait for a label';

  constructor(
    private readonly dir: string,
    private readonly known: readonly string[],
    private readonly options: FindOptions,
  ) {}

  found(): FoundFolder {
    this.pictures.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return {
      layout: this.#layout,
      pictures: this.pictures,
      classes: this.#classes,
      refused: this.#refused,
      leftOut: this.#leftOut,
      notes: this.#notes,
      sidecars: this.#sidecars,
      tasks: this.#tasks,
    };
  }

  noteSidecars({ entries, invalid }: Sidecars): void {
    this.#sidecars = [...entries.values()];
    for (const message of invalid) this.#note('HL_IMPORT_ANNOTATION_INVALID', message);
  }

  /**
   * Adds the pictures that have a sidecar beside them, with its label. Once a person has sorted them
   * into class folders, away from their sidecars, these count instead.
   * @returns false when there are none
   */
  addBySidecars(root: Folder, { entries }: Sidecars): boolean {
    if (entries.size === 0) return false;
    const unread = new Map(entries);
    const without: string[] = [];
    const labelled: LabelledPart[] = [];
    const waiting: PlacedPicture[] = [];
    visit(root, '', (file, name) => {
      if (!file.isPicture) return;
      const entry = entries.get(name);
      unread.delete(name);
      const picture = { file, name, split: null };
      if (entry === undefined) without.push(name);
      else if (entry.label === null) waiting.push(picture);
      else labelled.push({ picture, label: entry.label, box: null, group: null });
    });
    if (labelled.length + waiting.length === 0) return false;
    this.#isExport = true;
    this.#layout = 'copies of headland sync';
    this.#addParts(labelled, () => null);
    for (const picture of waiting) this.#add(picture, null, null);
    this.#note('HL_IMPORT_ANNOTATIONS', 'classes come from the sidecars of headland sync');
    this.#leave('HL_IMPORT_UNLABELLED', 'pictures without a sidecar', without);
    const alone = [...unread.keys()];
    this.#leave('HL_IMPORT_SIDECAR_ALONE', 'sidecars without their picture', alone);
    return true;
  }

  addWaiting(folder: Folder): void {
    visit(folder, `${WAITING_FOLDER}/`, (file, name) => {
      if (file.isPicture) this.#add({ file, name, split: null }, null, null);
    });
  }

  /** Adds links that lead out of the folder, and unreadable files and folders. */
  addObstacles(root: Folder): void {
    const visited = new Set<Folder>();
    const look = (folder: Folder, route: string): void => {
      if (visited.has(folder)) return;
      visited.add(folder);
      for (const { name, kind, message } of folder.obstacles) {
        const isLink = kind === 'link-outside';
        this.#refused.push({
          origin: `${route}${name.text}`,
          code: isLink ? 'HL_IMPORT_LINK_OUTSIDE' : 'HL_IMPORT_UNREADABLE',
          message: isLink ? message : `cannot be read: ${message}`,
          reason: isLink ? 'links out of the folder' : message,
          remedy: isLink
            ? 'Import with --follow-links.'
            : 'Give this user read access to it, then import again. Replace a broken link.',
        });
      }
      for (const { name, folder: below } of folder.folders) look(below, `${route}${name.text}/`);
    };
    look(root, '');
  }

  addAll(root: Folder, label: string): void {
    let others = 0;
    visit(root, '', (file, name) => {
      if (file.isPicture) {
        const split = null;
        this.pictures.push({
          path: file.path,
          name,
          label,
          split,
          session: folderOf(name),
          group: null,
          keptOut: false,
          box: null,
        });
      } else others += 1;
    });
    this.#layout = `all pictures, with the label "${label}"`;
    this.#classes.set(label, ['.']);
    this.#leaveOthers(others);
  }

  async addByLayout(root: Folder): Promise<void> {
    const has = (file: string) => root.files.some(({ name }) => name.text === file);
    const isExport = this.#sidecars.length > 0 || has(MANIFEST_FILE);
    const layout = readLayout(root, isExport || this.options.layout === 'classes');
    if (layout.unclear !== null) throw unclear(this.dir, layout.unclear);
    this.#isExport = isExport || has(ANNOTATED_MANIFEST_FILE);
    this.#noteLayout(layout);
    const byFolder = layout.classes.some(({ pictures }) => pictures.length > 0);
    if (!byFolder && (await this.#addAnnotated(root, layout))) return;
    if (byFolder && (await this.#addTables(root, layout))) return;
    this.#layout = isExport ? 'an export of headland' : `class folders${inSplits(layout)}`;
    this.#addClasses(layout.classes);
    this.#leaveUnclassed(layout.unclassed);
  }

  /** Adds pictures by tables with columns for tasks, which folders cannot express. */
  async #addTables(root: Folder, layout: Layout): Promise<boolean> {
    const columns = this.options.columns ?? null;
    if (columns === null || this.#isExport) return false;
    const pictures = [...layout.classes.flatMap((one) => one.pictures), ...layout.unclassed];
    const annotated = await readAnnotations(root, pictures, ANNOTATED_MANIFEST_FILE, columns);
    return annotated.tasks.size > 0 && this.#addPictures(pictures, annotated, layout);
  }

  /** Adds pictures by their annotations. @returns false when there are none */
  async #addAnnotated(root: Folder, layout: Layout): Promise<boolean> {
    const { unclassed } = layout;
    if (unclassed.length === 0) return false;
    const columns = this.#isExport ? null : (this.options.columns ?? null);
    const annotated = await readAnnotations(root, unclassed, ANNOTATED_MANIFEST_FILE, columns);
    return this.#addPictures(unclassed, annotated, layout);
  }

  #addPictures(pictures: readonly PlacedPicture[], annotated: Annotated, layout: Layout): boolean {
    this.#tasks = annotated.tasks;
    for (const message of annotated.unreadable) this.#note('HL_IMPORT_ANNOTATION_INVALID', message);
    const { format } = annotated;
    if (format === null) {
      if (!this.#isExport || annotated.unreadable.length > 0) return false;
      for (const picture of pictures) this.#add(picture, null, null);
      return true;
    }
    const use = this.options.boxes ?? 'crops';
    const found = partsOf(pictures, annotated.labelsOf, use);
    this.#addParts(found.parts, folderOf);
    this.#layout = describeAnnotated(annotated, format, layout, use, this.#isExport);
    this.#note('HL_IMPORT_ANNOTATIONS', `classes come from ${format}`);
    if (annotated.boxes && !this.#isExport) this.#note('HL_IMPORT_BOXES', BOX_USES[use]);
    if (annotated.missing.length > 0) {
      const what = `the annotations name ${countOf(annotated.missing.length)} that the folder does not have, or has several times: ${nameSome(annotated.missing)}`;
      this.#note('HL_IMPORT_PICTURE_MISSING', what);
    }
    this.#leave('HL_IMPORT_BOX_INVALID', 'boxes without usable edges', found.edgeless);
    this.#leave('HL_IMPORT_SEVERAL_CLASSES', 'pictures with several classes', found.several);
    if (this.#isExport) for (const picture of found.without) this.#add(picture, null, null);
    else this.#leaveUnlabelled(format, found.without);
    return true;
  }

  #addParts(parts: readonly LabelledPart[], sessionOfName: (name: string) => string | null): void {
    const byName = new Map<string, LabelledPart[]>();
    for (const part of parts) listIn(byName, part.label).push(part);
    const named = [...byName].map(([text, { length }]): NamedClass => {
      return { name: { text, encoding: 'UTF-8' }, where: text, pictures: length };
    });
    const labels = this.#labelsOf(named);
    for (const [text, labelled] of byName) {
      const label = labels.labelOf(text);
      if (label === null) continue;
      this.#addClass(label, text);
      for (const { picture, box, group } of labelled) {
        this.#add(picture, label, sessionOfName(picture.name), { box, group });
      }
    }
  }

  #leaveUnlabelled(format: string, pictures: readonly PlacedPicture[]): void {
    const names = pictures.map(({ name }) => name);
    this.#leave('HL_IMPORT_UNLABELLED', `pictures without a label in ${format}`, names);
  }

  #addClasses(folders: readonly ClassFolder[]): void {
    const named = folders.map(({ name, route, pictures }): NamedClass => {
      return { name, where: route, pictures: pictures.length };
    });
    const labels = this.#labelsOf(named);
    let others = 0;
    for (const folder of folders) {
      others += folder.others;
      const label = labels.labelOf(folder.name.text);
      if (label === null) continue;
      this.#addClass(label, folder.route);
      for (const one of folder.pictures) this.#add(one, label, sessionOf(folder.route, one.name));
    }
    this.#leaveOthers(others);
  }

  #labelsOf(named: readonly NamedClass[]): ClassLabels {
    // Classes of a headland export were separate in its store.
    const keepAlike = this.#isExport || (this.options.keepAlike ?? false);
    const labels = new ClassLabels(named, this.known, keepAlike);
    this.#notes.push(...labels.notes);
    for (const { code, message, where, pictures } of labels.unusable) {
      this.#note(code, `${message}; left out ${countOf(pictures)}`);
      if (pictures > 0) {
        const reason = 'pictures of folders whose name cannot be a label';
        this.#leftOut.push({ code, reason, files: pictures, examples: [where] });
      }
    }
    return labels;
  }

  #addClass(label: string, where: string): void {
    listIn(this.#classes, label).push(where);
  }

  #add(
    { file, name, split }: PlacedPicture,
    label: string | null,
    session: string | null,
    { box, group }: Pick<FoundPicture, 'box' | 'group'> = { box: null, group: null },
  ): void {
    const path = file.path;
    this.pictures.push({ path, name, label, split, session, group, keptOut: false, box });
  }

  #noteLayout({ splits, days, classesLikeSplits, sharedInside }: Layout): void {
    if (days.length > 0) {
      const what = days.length > 1 ? 'days, not as classes' : 'a day, not as a class';
      this.#note(
        'HL_IMPORT_SPLITS',
        `${nameSome(days)} ${days.length > 1 ? 'were' : 'was'} treated as ${what}`,
      );
    }
    if (splits.length > 0) {
      this.#note(
        'HL_IMPORT_SPLITS',
        `${nameSome(splits)} ${splits.length > 1 ? 'were treated as splits' : 'was treated as a split'} of one data set, not as ${splits.length > 1 ? 'classes' : 'a class'}`,
      );
    }
    if (classesLikeSplits.length > 0) {
      this.#note(
        'HL_IMPORT_CLASS_LIKE_SPLIT',
        `folder ${nameSome(classesLikeSplits)} has the name of a split but was treated as a class`,
      );
    }
    if (sharedInside.length > 0) {
      this.#note(
        'HL_IMPORT_FOLDERS_INSIDE',
        `every class folder has the subfolders ${nameSome(sharedInside)}: if these are the classes, import each of the outer folders by itself`,
      );
    }
  }

  #leaveUnclassed(pictures: readonly PlacedPicture[]): void {
    const names = pictures.map(({ name }) => name);
    this.#leave('HL_IMPORT_LOOSE', 'pictures outside class folders', names);
  }

  #leaveOthers(files: number): void {
    if (files === 0) return;
    const reason = 'files without the name of a picture';
    this.#leftOut.push({ code: 'HL_IMPORT_IGNORED', reason, files, examples: [] });
    this.#note(
      'HL_IMPORT_IGNORED',
      `ignored ${countOf(files, 'file')} in class folders: names of pictures end in .jpg, .png or .webp`,
    );
  }

  #leave(code: string, reason: string, names: readonly string[]): void {
    if (names.length === 0) return;
    this.#leftOut.push({ code, reason, files: names.length, examples: names.slice(0, 3) });
    this.#note(code, `left out: ${names.length} ${reason}: ${nameSome(names)}`);
  }

  #note(code: string, message: string): void {
    this.#notes.push({ code, message });
  }
}

async function openRoot(
  dir: string,
  followLinks: boolean,
  classFolders: ReadonlySet<string>,
): Promise<Folder> {
  const alsoRead = new Set([WAITING_FOLDER, ...classFolders]);
  try {
    return await readFolderTree(dir, { followLinks, alsoRead });
  } catch (error) {
    throw new HeadlandError('HL_IMPORT_NOT_FOUND', `${dir} cannot be read: ${fileProblem(error)}`, {
      remedy: remedyFor(dir),
      details: { dir },
      cause: error,
    });
  }
}

function remedyFor(dir: string): string {
  if (/\.(zip|tar|tgz|gz|bz2|xz|7z|rar)$/i.test(dir)) {
    return 'Unpack it, and give the path of the resulting folder.';
  }
  // Node.js cannot receive command-line arguments that are not UTF-8.
  if (dir.includes('\ufffd')) {
    return 'Its name is not UTF-8: go into the folder (cd), and import "." from there.';
  }
  return 'Give the path of a folder that holds one folder of pictures for each class.';
}

function unclear(
  dir: string,
  { message, candidates }: NonNullable<Layout['unclear']>,
): HeadlandError {
  const deeper = candidates.map((candidate) => `${dir.replace(/\/$/, '')}/${candidate}`);
  return new HeadlandError('HL_IMPORT_LAYOUT_UNCLEAR', `${dir}: ${message}`, {
    remedy: `Import the folder that you mean: ${deeper.slice(0, 3).join(', ')}; or add --layout classes if each folder in ${dir} is a class, whatever its name.`,
    details: { dir, candidates },
  });
}

/** Parent folders of a picture, without its class, splits and wrapper folders. */
function sessionOf(classRoute: string, pictureName: string): string | null {
  const outer = classRoute.split('/').slice(0, -1);
  const inner = pictureName
    .slice(classRoute.length + 1)
    .split('/')
    .slice(0, -1);
  return sessionName([...outer, ...inner]);
}

function folderOf(pictureName: string): string | null {
  return sessionName(pictureName.split('/').slice(0, -1));
}

function sessionName(folders: readonly string[]): string | null {
  const telling = folders.filter((name) => splitOf(name) === null && !isWrapper(name));
  return telling.length === 0 ? null : telling.join('/');
}
