import { lchownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Gives what root has just created the owner of the folder that it is in. Without this, `sudo headland
 * train` beside the service would leave heads that the service cannot read. Does nothing for other
 * users and in folders of root. Never throws: file systems without owners have nothing to inherit.
 */
export function inheritOwner(path: string): void {
  if (process.geteuid?.() !== 0) return;
  try {
    const { uid, gid } = statSync(dirname(path));
    if (uid !== 0) lchownSync(path, uid, gid);
  } catch {
    // FAT, some network file systems.
  }
}
