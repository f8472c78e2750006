import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HeadlandError } from '../../base/errors.js';

export interface Asset {
  type: string;
  bytes: Uint8Array;
}

const FILES: readonly (readonly [path: string, file: string, type: string])[] = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/app.js', 'app.js', 'text/javascript; charset=utf-8'],
  ['/style.css', 'style.css', 'text/css; charset=utf-8'],
];

/**
 * Reads the page once, so that no request ever names a file.
 * @returns the assets by URL path
 * @throws HeadlandError HL_CONSOLE_PAGE_MISSING
 */
export function loadAssets(folder: string = pageFolder()): Map<string, Asset> {
  try {
    return new Map(
      FILES.map(([path, file, type]) => [path, { type, bytes: readFileSync(join(folder, file)) }]),
    );
  } catch (cause) {
    throw new HeadlandError('HL_CONSOLE_PAGE_MISSING', `the page is not in ${folder}`, {
      remedy: 'Install headland again: a file of the package is missing.',
      cause,
    });
  }
}

/** `src/console/page` of the package this module is installed in, compiled or not. */
function pageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) {
    folder = dirname(folder);
  }
  return join(folder, 'src', 'console', 'page');
}
