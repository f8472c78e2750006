import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { keptFeaturesFolder } from './places.js';

/** Where features, listings and results of `life` are kept between runs. */
export function lifeCache(): string {
  return join(keptFeaturesFolder(), 'life');
}

/** The file's content; null where there is none. */
export function readKept(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Whole or not at all: several benches may run at once. */
export function keep(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

export function keptJson<T>(path: string): T | null {
  const bytes = readKept(path);
  return bytes && (JSON.parse(bytes.toString('utf8')) as T);
}

export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 24);
}

/** To standard error, with the seconds since the bench began. */
export function say(line: string): void {
  const seconds = performance.now() / 1000;
  process.stderr.write(`[${seconds.toFixed(0).padStart(5)} s] ${line}\n`);
}
