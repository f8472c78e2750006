import { basename, dirname, resolve } from 'node:path';
import { HeadlandError } from '../../base/errors.js';
import { type Folder, visit } from '../../vision/folder/folder-tree.js';
import { isWrapper, splitOf } from '../../vision/folder/splits.js';
import { countOf, type FoundFolder, nameSome } from './found.js';

const ARCHIVE = /\.(zip|tar|tgz|tbz2?|txz|gz|bz2|xz|7z|rar)$/i;
const RECORDS =
  /\.(tfrecords?|tfrec|parquet|arrow|h5|hdf5|npz|npy|lmdb|pkl|pickle|mat)(-\d+-of-\d+)?$/i;

/** The error for a folder from which nothing can be imported, with a matching remedy. */
export function nothingToImport(dir: string, root: Folder, found: FoundFolder): HeadlandError {
  const { what, remedy } = explain(dir, root, found);
  const seen = filesByKind(root);
  return new HeadlandError(
    'HL_IMPORT_NO_CLASSES',
    `${dir} holds no class folder with pictures, and no annotations of them${what}. It holds ${describeSeen(seen)}`,
    {
      remedy,
      details: { dir, seen, leftOut: found.leftOut, notes: found.notes },
    },
  );
}

const ONE_FOLDER_A_CLASS =
  'Put the pictures into one folder for each class, named as the class: DIR/weed/1.jpg; or give --label when all show the same class. Exports of Label Studio, CVAT (images), COCO, YOLO, Roboflow and Edge Impulse are read with their annotation files: import the folder that holds both.';
/** Kinds of files that a message names. */
const NAMED_KINDS = 6;

/** Files of one kind below a folder. */
interface SeenFiles {
  /** Ending of the names in lower case, or "without an ending". */
  kind: string;
  files: number;
  /** Names of the first ones. */
  examples: string[];
}

/** Files below a folder by the endings of their names, most frequent first. */
function filesByKind(root: Folder): SeenFiles[] {
  const kinds = new Map<string, SeenFiles>();
  visit(root, '', ({ name }, path) => {
    const kind = /.\.[^.]{1,16}$/.test(name.text)
      ? name.text.slice(name.text.lastIndexOf('.')).toLowerCase()
      : 'without an ending';
    const seen = kinds.get(kind) ?? { kind, files: 0, examples: [] };
    kinds.set(kind, seen);
    seen.files += 1;
    if (seen.examples.length < 3) seen.examples.push(path);
  });
  return [...kinds.values()].sort((a, b) => b.files - a.files);
}

function describeSeen(seen: readonly SeenFiles[]): string {
  if (seen.length === 0) return 'no files';
  const named = seen.slice(0, NAMED_KINDS).map(({ kind, files, examples }) => {
    const more = files > examples.length ? ' …' : '';
    return `${countOf(files, 'file')} ${kind} (${examples.map((name) => `"${name}"`).join(', ')}${more})`;
  });
  const others = seen.slice(NAMED_KINDS).reduce((sum, { files }) => sum + files, 0);
  return [...named, ...(others > 0 ? [`${countOf(others, 'file')} of other kinds`] : [])].join(
    ', ',
  );
}

function explain(dir: string, root: Folder, found: FoundFolder): { what: string; remedy: string } {
  const links = found.refused.filter(({ code }) => code === 'HL_IMPORT_LINK_OUTSIDE');
  if (links.length > 0) {
    const names = nameSome(links.map(({ origin }) => origin));
    const [what, them] =
      links.length === 1 ? ['a link leads', 'it was'] : [`${links.length} links lead`, 'they were'];
    return {
      what: `: ${what} out of it (${names}), and ${them} not followed`,
      remedy: 'Import with --follow-links.',
    };
  }
  const unreadable = found.refused.filter(({ code }) => code === 'HL_IMPORT_UNREADABLE');
  const archives: string[] = [];
  const records: string[] = [];
  visit(root, '', ({ name }, path) => {
    if (ARCHIVE.test(name.text)) archives.push(path);
    if (RECORDS.test(name.text)) records.push(path);
  });
  if (found.leftOut.length > 0 || found.notes.length > 0) {
    const facts = found.notes.map(({ message }) => message);
    const own = basename(resolve(dir));
    const isPart = isWrapper(own) || splitOf(own) !== null;
    const remedy = isPart
      ? `${ONE_FOLDER_A_CLASS} Annotations may lie in the folder above: import ${dirname(resolve(dir))}.`
      : ONE_FOLDER_A_CLASS;
    return { what: `: ${facts.join('; ')}`, remedy };
  }
  if (archives.length > 0) {
    return {
      what: `, but ${countOf(archives.length, 'archive')} (${nameSome(archives)})`,
      remedy: 'Unpack the archives, and import the resulting folder.',
    };
  }
  if (records.length > 0) {
    return {
      what: `, but data files in an unsupported format (${nameSome(records)})`,
      remedy: 'Export the data set again as folders of pictures, one per class.',
    };
  }
  if (unreadable.length > 0) {
    return {
      what: `: ${nameSome(unreadable.map(({ origin }) => origin))} cannot be read`,
      remedy: 'Give this user read access to the folders, then import again.',
    };
  }
  return { what: '', remedy: ONE_FOLDER_A_CLASS };
}
