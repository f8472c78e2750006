import { type UnzipFileInfo, unzipSync } from 'fflate';

/** Bytes of an entry in the directory of an archive, without its name. */
const ENTRY_BYTES = 46;

/**
 * Unpacks a zip archive in memory. fflate believes the number of entries that the end of the archive
 * claims, and reads as many wherever they would be: here an archive cannot claim more than it has room for.
 * @param wants whether to unpack an entry; it may throw
 * @returns the content of the entries by their names
 * @throws Error in words about the archive; what `wants` throws
 */
export function unzip(
  archive: Uint8Array,
  wants: (entry: UnzipFileInfo) => boolean,
): Record<string, Uint8Array> {
  let room = Math.floor(archive.length / ENTRY_BYTES);
  return unzipSync(archive, {
    filter: (entry) => {
      room -= 1;
      if (room < 0) throw new Error('it claims more entries than it has room for');
      return wants(entry);
    },
  });
}
