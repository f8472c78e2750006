import {
  type PictureFile,
  picturesBelow,
  readFolderTree,
} from '../../vision/folder/folder-tree.js';
import { hasReadableEnding } from '../../vision/sniff.js';

/**
 * Lists all files in a folder, at any depth, that end like JPEG, PNG or WebP, sorted by name.
 * @throws the error of the file system for the folder itself
 */
export async function listPictureFiles(dir: string): Promise<PictureFile[]> {
  const folder = await readFolderTree(dir, { followLinks: false });
  return picturesBelow(folder).filter(({ name }) => hasReadableEnding(name));
}
