import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const PAGE = fileURLToPath(new URL('../../page/', import.meta.url));

/** Bytes of the built page, as they are and by gzip; licences are not loaded with it. */
export async function pageWeight(): Promise<Record<string, unknown>> {
  const files = readdirSync(PAGE, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(html|js|css|svg|json)$/.test(entry.name))
    .map((entry) => {
      const bytes = readFileSync(`${entry.parentPath}/${entry.name}`);
      return { name: entry.name, bytes: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
    });
  return {
    files,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    gzip_bytes: files.reduce((sum, { gzip }) => sum + gzip, 0),
  };
}
