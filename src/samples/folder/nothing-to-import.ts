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
  return new HeadlandError(
    'HL_IMPORT_NO_CLASSES',
    `${dir} holds no class folder with pictures${what}`,
    {
      remedy,
      details: { dir, leftOut: found.leftOut, notes: found.notes },
    },
  );
}

const ONE_FOLDER_A_CLASS =
  'Put the pictures into one folder for each class, named as the class: DIR/weed/1.jpg; or give --label when all show the same class.';

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
