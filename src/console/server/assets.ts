import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HeadlandError } from '../../base/errors.js';

export interface Asset {
  type: string;
  bytes: Uint8Array;
  cacheControl: string;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** `dist/page`, relative to the compiled module. */
const PAGE_FOLDER = fileURLToPath(new URL('../../../page/', import.meta.url));

/**
 * Reads the built page once, so that no request can name a file.
 * @returns the assets by URL path
 * @throws HeadlandError HL_CONSOLE_PAGE_MISSING
 */
export function loadAssets(folder: string = PAGE_FOLDER): Map<string, Asset> {
  try {
    const assets = new Map<string, Asset>([
      [
        '/',
        {
          type: 'text/html; charset=utf-8',
          bytes: readFileSync(join(folder, 'index.html')),
          cacheControl: 'no-cache',
        },
      ],
    ]);
    for (const name of readdirSync(join(folder, 'assets'))) {
      const type = MEDIA_TYPES[extname(name)];
      if (type === undefined) throw new Error(`unknown media type of ${name}`);
      assets.set(`/assets/${name}`, {
        type,
        bytes: readFileSync(join(folder, 'assets', name)),
        // The name contains a hash of the content.
        cacheControl: 'public, max-age=31536000, immutable',
      });
    }
    return assets;
  } catch (cause) {
    throw new HeadlandError(
      'HL_CONSOLE_PAGE_MISSING',
      `cannot read the files of the page in ${folder}`,
      {
        remedy:
          'Install headland again: files of the package are missing. In a checkout: npm run build.',
        cause,
      },
    );
  }
}
