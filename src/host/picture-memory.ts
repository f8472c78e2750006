import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Keeps forgotten pictures from gathering: lets V8's heap grow by a quarter between collections
 * instead of by half or more, and collects once now, because its first limits are those of the
 * start. Frames live outside V8's heap: left alone, it waits for 64 MiB of them, and malloc does not
 * give back the room that they took (bench/results/stream.md). To be called when everything is
 * loaded.
 */
export function boundPictureMemory(): void {
  setFlagsFromString('--heap-growing-percent=25');
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  if (typeof collect === 'function') collect();
}
