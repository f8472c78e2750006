import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Reads a file that fixtures/write_oracles.py wrote; tests run from dist/test/head. */
export function readOracle<T>(name: string): T[] {
  const file = new URL(`../../../test/head/fixtures/${name}.json.gz`, import.meta.url);
  return (JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as { cases: T[] }).cases;
}
