import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { sourceError } from './offer.js';

/**
 * Finds a file of an installed npm package, first beside headland, then from the working folder. No
 * code of the package is loaded.
 * @throws HeadlandError HL_MODEL_SOURCE_FAILED
 */
export function findInNpmPackage(packageName: string, file: string): string {
  const starts = [import.meta.url, join(process.cwd(), 'package.json')];
  const folders = starts.flatMap((start) => createRequire(start).resolve.paths(packageName) ?? []);
  for (const folder of folders) {
    const path = join(folder, packageName, file);
    if (existsSync(path)) return path;
  }
  throw sourceError(
    'HL_MODEL_SOURCE_FAILED',
    `npm package ${packageName} with ${file} is not installed`,
    { remedy: `Install it: npm install ${packageName}` },
  );
}
