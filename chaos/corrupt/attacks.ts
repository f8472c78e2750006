import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** One fault in one file of a state folder. */
export interface Attack {
  /** Below the state folder. */
  file: string;
  kind: 'cut' | 'flip' | 'emptied' | 'deleted' | 'folder';
  /** Byte where the file ends, or that is flipped. */
  at: number;
}

const TAIL_BYTES = 4_096;
const PAGE_BYTES = 4_096;
/** Header of a page of a tree. */
const PAGE_HEADER_BYTES = 12;

/** Every fault of every file. */
export function attacksOn(stateDir: string): Attack[] {
  return filesBelow(stateDir).flatMap((file) => {
    const { size } = statSync(join(stateDir, file));
    const whole = (['emptied', 'deleted', 'folder'] as const).map((kind) => {
      return { file, kind, at: 0 };
    });
    const flips = bytesToFlip(join(stateDir, file), size);
    const cuts = Array.from({ length: Math.min(size, TAIL_BYTES) }, (_, i) => size - 1 - i);
    return [
      ...whole,
      ...flips.map((at): Attack => ({ file, kind: 'flip', at })),
      ...cuts.map((at): Attack => ({ file, kind: 'cut', at })),
    ];
  });
}

/** The last 4 KiB; of a database the header of the file and that of each page, too. */
function bytesToFlip(path: string, size: number): number[] {
  const places = new Set(
    Array.from({ length: Math.min(size, TAIL_BYTES) }, (_, i) => size - 1 - i),
  );
  if (!/\.(?:db|backup)$/.test(path)) return [...places];
  for (let at = 0; at < 100; at++) places.add(at);
  for (let page = 0; page < size; page += PAGE_BYTES) {
    const start = page === 0 ? 100 : page;
    for (let i = 0; i < PAGE_HEADER_BYTES && start + i < size; i++) places.add(start + i);
  }
  return [...places];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((name) => readFileSync(join(folder, name)).length > 0)
    .sort();
}
