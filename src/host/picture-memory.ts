import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Bounds the memory of unreferenced images. Lets V8's heap grow by a quarter between collections
 * instead of by half or more, keeps its young generation small, which V8 of Node.js 24 lets grow
 * beyond `--max-semi-space-size`, and collects once, because V8 set its current limits during start-up.
 * Frames are external memory: by default V8 collects only after 64 MiB of them, and malloc does not
 * return that memory to the system (bench/results/stream.md). Call it once everything is loaded.
 */
export function boundPictureMemory(): void {
  setFlagsFromString('--heap-growing-percent=25');
  setFlagsFromString('--optimize-for-size');
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  if (typeof collect === 'function') collect();
}
