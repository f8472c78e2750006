import { readFileSync } from 'node:fs';
import { loadKoffi } from './load-koffi.js';

const MADV_DONTNEED = 4;

/** A mapped range of memory; a range of a file when `path` is absolute. */
export interface Mapping {
  /** First and last byte + 1. */
  start: bigint;
  end: bigint;
  /** As in /proc/PID/smaps: "r-xp". */
  permissions: string;
  path: string;
  residentBytes: number;
  /** Its pages are those of the file: none was written to or copied. */
  unchanged: boolean;
}

/** Reads /proc/PID/smaps (proc(5)). */
export function parseMappings(smaps: string): Mapping[] {
  return smaps.split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/).flatMap((text) => {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/m.exec(text);
    if (!head) return [];
    const [, start, end, permissions, path] = head;
    const kibibytes = (field: string): number =>
      Number(new RegExp(`^${field}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? Number.NaN);
    const changed = ['Private_Dirty', 'Shared_Dirty', 'Anonymous', 'Swap'].map(kibibytes);
    return {
      start: BigInt(`0x${start}`),
      end: BigInt(`0x${end}`),
      permissions: permissions as string,
      path: path as string,
      residentBytes: kibibytes('Rss') * 1_024,
      unchanged: changed.every((value) => value === 0),
    };
  });
}

/**
 * Gives back the pages of program files that only the start needed: about a third of them. The kernel
 * keeps their content in its page cache, and maps a page again when it is touched. Pages that were
 * written to, as the loader does for relocations, stay. Call it once everything is loaded.
 * @returns how many bytes were resident in what it gave back; 0 where the system does not allow it
 */
export function releaseStartPages(): number {
  try {
    const madvise = loadKoffi()
      .load(null)
      .func('int madvise(uintptr_t start, size_t length, int advice)');
    let releasedBytes = 0;
    for (const mapping of parseMappings(readFileSync('/proc/self/smaps', 'utf8'))) {
      const { start, end, permissions, path, residentBytes, unchanged } = mapping;
      const isProgram = path.startsWith('/') && /^r-[x-]p$/.test(permissions);
      if (!isProgram || !unchanged || residentBytes === 0) continue;
      if (madvise(start, end - start, MADV_DONTNEED) === 0) releasedBytes += residentBytes;
    }
    return releasedBytes;
  } catch {
    // Without it the daemon runs as well, with more memory.
    return 0;
  }
}
