import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** `dist/fleet-page`, relative to the compiled module. */
const PAGE_FOLDER = fileURLToPath(new URL('../../../../fleet-page/', import.meta.url));

export interface PageFile {
  type: string;
  bytes: Uint8Array;
  cacheControl: string;
}

/** Reads the built page once, so that no request can name a file; empty: it is not built. */
export function loadHubPage(folder = PAGE_FOLDER): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const type = TYPES[extname(name)];
      if (type === undefined) continue;
      const isIndex = name === 'index.html';
      files.set(isIndex ? '/' : `/${name}`, {
        type,
        bytes: readFileSync(join(folder, name)),
        // Other names contain a hash of the content.
        cacheControl: isIndex ? 'no-cache' : 'public, max-age=31536000, immutable',
      });
    }
  } catch {
    return new Map();
  }
  return files;
}
