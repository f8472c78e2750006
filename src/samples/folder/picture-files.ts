import {
  type PictureFile,
  picturesBelow,
  readFolderTree,
} from '../../vision/folder/folder-tree.js';
import { hasReadableEnding } from '../../vision/sniff.js';

/**
 * Every JPEG, PNG and WebP file in a folder, by its ending, however deep; by name.
 * @throws the error of the file system for the folder itself
 */
export async function listPictureFiles(dir: string): Promise<PictureFile[]> {
  const folder = await readFolderTree(dir, { followLinks: false });
  return picturesBelow(folder).filter(({ name }) => hasReadableEnding(name));
}
