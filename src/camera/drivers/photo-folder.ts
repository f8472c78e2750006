import { readdir } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { hasPictureEnding } from '../../vision/sniff.js';

/** A photo on disk, not yet read. */
export interface Photo {
  path: string;
  /** Path below the folder, with "/". */
  origin: string;
  /** Name of the class folder it lies in; absent for photos at the top. */
  reference?: string;
  group?: string;
}

/**
 * All photos below a folder, by name, also those in formats that are refused when they are read. The first level of folders are classes, as in Keras'
 * `flow_from_directory`. Hidden files and folders are left out.
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
export async function listPhotos(folder: string, groupPattern: string | null): Promise<Photo[]> {
  const pattern = compile(groupPattern);
  const origins = (await listFiles(folder)).filter(hasPictureEnding);
  if (origins.length === 0) {
    throw new HeadlandError('HL_CAMERA_NO_PICTURE', `there is no picture in ${folder}`, {
      remedy: 'Put .jpg, .png or .webp files into it, or into one folder for each class.',
      details: { folder },
    });
  }
  return origins.sort().map((origin) => {
    const parts = origin.split('/');
    const reference = parts.length > 1 ? parts[0]! : undefined;
    const group = groupOf(parts.at(-1)!, reference, pattern);
    return {
      path: join(folder, origin),
      origin,
      ...(reference !== undefined && { reference }),
      ...(group !== undefined && { group }),
    };
  });
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

async function listFiles(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
      .map((path) => path.split(sep).join('/'))
      .filter((path) => !path.split('/').some((part) => part.startsWith('.')));
  } catch (error) {
    const denied = (error as NodeJS.ErrnoException).code === 'EACCES';
    throw new HeadlandError(
      denied ? 'HL_CAMERA_DEVICE_DENIED' : 'HL_CAMERA_DEVICE_MISSING',
      `cannot list ${folder}: ${messageOf(error)}`,
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
