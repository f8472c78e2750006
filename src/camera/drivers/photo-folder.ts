import { extname } from 'node:path';
import { HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import { fileProblem, isFileError } from '../../base/files/file-problem.js';
import { joinAlike, normaliseLabel } from '../../base/words/label.js';
import { type Folder, picturesBelow, readFolderTree } from '../../vision/folder/folder-tree.js';
import { readLayout } from '../../vision/folder/layout.js';
import type { Referenced } from '../reference.js';

/** A photo file that has not been read yet; its reference is the name of its class folder. */
export interface Photo extends Referenced {
  /** As bytes: file names need not be valid text. */
  path: Buffer;
  /** Path relative to the folder, with "/". */
  origin: string;
  group?: string;
}

export interface PhotoFolder {
  /** Sorted by path. */
  photos: Photo[];
  /**
   * Why no photo has a reference although there are folders, for people; null: the layout is clear.
   */
  unclear: string | null;
}

/**
 * Lists all photos below a folder, sorted by name, including formats that are rejected when read.
 * Class folders are detected by the rules of the import; splits such as `train` are not classes.
 * Hidden files and files of the operating system are left out; symbolic links are followed.
 *
 * The group of a photo (photos taken together) is made of the captures of `groupPattern` on the
 * file name, joined with "-". Without a pattern, or if it does not match, photos of a class folder
 * are grouped by name: `train_Gala_014.jpg` in `Apple` belongs to `Apple/train_Gala-1`, which is
 * the name without its last number, and that number divided by ten. Groups of class folders always
 * begin with the class, because one pass over the field shows each class at another place. Photos
 * outside class folders that match no pattern have no group here: they are grouped by the time of
 * their replay.
 *
 * @throws HeadlandError HL_CAMERA_DEVICE_MISSING, HL_CAMERA_DEVICE_DENIED for the folder itself,
 *   HL_CAMERA_NO_PICTURE when it has no photo, HL_CAMERA_PATTERN_INVALID
 */
export async function listPhotos(
  folder: string,
  groupPattern: string | null,
): Promise<PhotoFolder> {
  const pattern = compile(groupPattern);
  const root = await readRoot(folder);
  const found = picturesBelow(root);
  if (found.length === 0) {
    throw new HeadlandError('HL_CAMERA_NO_PICTURE', `no photo in ${folder}`, {
      remedy: 'Put .jpg, .png or .webp files into it, or into one folder a class.',
      details: { folder },
    });
  }
  const { references, unclear } = referencesOf(root);
  const photos = found
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ path, name }): Photo => {
      const reference = references.get(name);
      const group = groupOf(name.slice(name.lastIndexOf('/') + 1), reference, pattern);
      return {
        path,
        origin: name,
        ...(reference !== undefined && { references: [{ label: reference }] }),
        ...(group !== undefined && { group }),
      };
    });
  return { photos, unclear };
}

/** The class of each photo in a class folder, by path. */
function referencesOf(root: Folder): { references: Map<string, string>; unclear: string | null } {
  const references = new Map<string, string>();
  const layout = readLayout(root);
  if (layout.unclear !== null) return { references, unclear: layout.unclear.message };
  const counts = new Map<string, number>();
  for (const { name, pictures } of layout.classes) {
    const label = labelOf(name.text);
    if (label === null) continue;
    counts.set(label, (counts.get(label) ?? 0) + pictures.length);
    for (const picture of pictures) references.set(picture.name, label);
  }
  const joined = joinAlike(counts);
  for (const [name, label] of references) references.set(name, joined.get(label) ?? label);
  return { references, unclear: null };
}

function labelOf(folder: string): string | null {
  try {
    return normaliseLabel(folder);
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return null;
  }
}

function groupOf(
  fileName: string,
  reference: string | undefined,
  pattern: RegExp | null,
): string | undefined {
  const captures = pattern?.exec(fileName)?.slice(1);
  const prefix = reference === undefined ? '' : `${reference}/`;
  if (captures?.length) return prefix + captures.map((text) => text ?? '').join('-');
  if (reference === undefined) return undefined;
  const stem = fileName.slice(0, fileName.length - extname(fileName).length);
  const [, name = '', digits = ''] = /^(.*?)[\s._-]*(\d*)$/s.exec(stem) ?? [];
  if (digits === '') return `${prefix}${stem}`;
  const tens = digits.slice(0, -1).replace(/^0+/, '') || '0';
  return `${prefix}${name}-${tens}`;
}

async function readRoot(folder: string): Promise<Folder> {
  try {
    return await readFolderTree(folder, { followLinks: true });
  } catch (error) {
    const denied = isFileError(error) && error.code === 'EACCES';
    throw new HeadlandError(
      denied ? 'HL_CAMERA_DEVICE_DENIED' : 'HL_CAMERA_DEVICE_MISSING',
      `cannot list ${folder}: ${fileProblem(error)}`,
      {
        remedy: denied
          ? 'Give the user of the daemon read access to the folder.'
          : 'Create the folder, or correct path in the configuration.',
        details: { folder },
        cause: error,
      },
    );
  }
}

function compile(groupPattern: string | null): RegExp | null {
  if (groupPattern === null) return null;
  try {
    return new RegExp(groupPattern);
  } catch (error) {
    throw new HeadlandError(
      'HL_CAMERA_PATTERN_INVALID',
      `groupPattern is not a regular expression: ${messageOf(error)}`,
      {
        remedy: 'Correct groupPattern. Example: "^(.*)_[0-9]+\\." takes all before the last "_".',
        details: { groupPattern },
        cause: error,
      },
    );
  }
}
