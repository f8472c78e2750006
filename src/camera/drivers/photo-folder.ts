import { extname } from 'node:path';
import { HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import { fileProblem, isFileError } from '../../base/files/file-problem.js';
import { joinAlike, normaliseLabel } from '../../base/words/label.js';
import { type Folder, picturesBelow, readFolderTree } from '../../vision/folder/folder-tree.js';
import { readLayout } from '../../vision/folder/layout.js';

/** A photo on disk, not yet read. */
export interface Photo {
  /** As bytes: names need not be text. */
  path: Buffer;
  /** Path below the folder, with "/". */
  origin: string;
  /** Name of its class folder; absent for photos in none. */
  reference?: string;
  group?: string;
}

export interface PhotoFolder {
  /** By their path. */
  photos: Photo[];
  /** Why no photo has a reference although there are folders, in words; null: they have. */
  unclear: string | null;
}

/**
 * All photos below a folder, by name, also those in formats that are refused when they are read.
 * Folders are classes where an import takes them for classes: splits such as `train` are seen through.
 * What systems leave behind, and hidden files, are left out; links are followed.
 *
 * The group of a photo (photos that were taken together): the captures of `groupPattern` on the
 * file name, joined with "-". Without a pattern, or where it does not match, photos of a class
 * folder are grouped by name: `train_Gala_014.jpg` in `Apple` belongs to `Apple/train_Gala-1`, the
 * name without its last number, and that number divided by ten. Groups of class folders always
 * begin with the class, for one pass over the field shows each class at another place. Photos at
 * the top that no pattern matches have no group: the time at which they are shown groups them.
 *
 * @throws HeadlandError HL_CAMERA_DEVICE_MISSING, HL_CAMERA_DEVICE_DENIED for the folder itself,
 *   HL_CAMERA_NO_PICTURE when no photo is in it, HL_CAMERA_PATTERN_INVALID.
 */
export async function listPhotos(
  folder: string,
  groupPattern: string | null,
): Promise<PhotoFolder> {
  const pattern = compile(groupPattern);
  const root = await readRoot(folder);
  const found = picturesBelow(root);
  if (found.length === 0) {
    throw new HeadlandError('HL_CAMERA_NO_PICTURE', `no photo is in ${folder}`, {
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
        ...(reference !== undefined && { reference }),
        ...(group !== undefined && { group }),
      };
    });
  return { photos, unclear };
}

/** The class of each photo that lies in a class folder, by its path. */
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
