import { zipSync } from 'fflate';
import { messageOf } from '../../base/errors.js';
import { unzip } from '../../base/files/unzip.js';
import { sha256Hex } from '../../base/hash.js';

const SUMS_FILE = 'SHA256SUMS';
const SUM = /^([0-9a-f]{64}) {2}(\S+)$/;

/** Zip knows no time zone: this local time gives the same bytes everywhere. */
const EPOCH = new Date(1980, 0, 1);

export type ArchiveFiles = Readonly<Record<string, Uint8Array>>;

/** What is wrong with an archive; the caller knows its path and the remedy. */
export class ArchiveFault extends Error {}

/**
 * A zip archive of files and their checksums, which `sha256sum -c SHA256SUMS` also proves. The same
 * files give the same bytes. Nothing is compressed, because weights hardly shrink.
 */
export function packArchive(files: ArchiveFiles): Uint8Array {
  const names = Object.keys(files).sort();
  const sums = names.map((name) => `${sha256Hex(files[name]!)}  ${name}\n`).join('');
  const entries = names.map((name) => [name, files[name]!] as const);
  return zipSync(
    Object.fromEntries([...entries, [SUMS_FILE, Buffer.from(sums)]]),
    // Readable for everyone; without `os` the attributes would be those of MS-DOS.
    { level: 0, mtime: EPOCH, os: 3, attrs: 0o100644 << 16 },
  );
}

/**
 * The files of an archive, each proven by its checksum.
 * @param maxBytes Bound on all files together, compared before anything is unpacked.
 * @throws ArchiveFault
 */
export function unpackArchive(archive: Uint8Array, maxBytes: number): ArchiveFiles {
  const names = new Set<string>();
  let total = 0;
  let unpacked: Record<string, Uint8Array>;
  try {
    unpacked = unzip(archive, ({ name, size, originalSize }) => {
      if (names.has(name)) throw new ArchiveFault(`it holds ${name} twice`);
      names.add(name);
      total += Math.max(size, originalSize);
      if (total > maxBytes) throw new ArchiveFault(`it holds more than ${maxBytes} bytes`);
      return true;
    });
  } catch (cause) {
    if (cause instanceof ArchiveFault) throw cause;
    throw new ArchiveFault(`it is no intact zip archive: ${messageOf(cause)}`, { cause });
  }
  const { [SUMS_FILE]: sums, ...files } = unpacked;
  if (sums === undefined) throw new ArchiveFault(`it holds no ${SUMS_FILE}`);
  proveFiles(files, Buffer.from(sums).toString('utf8'));
  return files;
}

function proveFiles(files: ArchiveFiles, sums: string): void {
  const unproven = new Set(Object.keys(files));
  for (const line of sums.split('\n').slice(0, -1)) {
    const [, sum, name = ''] = SUM.exec(line) ?? [];
    if (sum === undefined)
      throw new ArchiveFault(`its ${SUMS_FILE} has a line that is no checksum`);
    const bytes = Object.hasOwn(files, name) ? files[name] : undefined;
    if (bytes === undefined) throw new ArchiveFault(`it lacks ${name}`);
    if (sha256Hex(bytes) !== sum) throw new ArchiveFault(`its ${name} is damaged`);
    unproven.delete(name);
  }
  const [extra] = unproven;
  if (extra !== undefined) throw new ArchiveFault(`its ${SUMS_FILE} does not name ${extra}`);
}
