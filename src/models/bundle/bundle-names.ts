import { readdir } from 'node:fs/promises';

const ENDING = '.backbone.zip';

/** Name of the bundle of a backbone in a folder of bundles. */
export function bundleFile(name: string): string {
  return `${name}${ENDING}`;
}

/** Name of the backbone that a file in a folder of bundles is for; null: it is no bundle. */
function nameInBundleFile(file: string): string | null {
  return file.endsWith(ENDING) ? file.slice(0, -ENDING.length) : null;
}

/** Names of the backbones whose bundles are in a folder; none when it cannot be read. */
export async function bundleNames(dir: string): Promise<string[]> {
  const files = await readdir(dir).catch(() => []);
  return files.flatMap((file) => nameInBundleFile(file) ?? []);
}
