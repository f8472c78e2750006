import { settledOrAborted } from '../../base/pause.js';
import type { PictureReceiver } from '../camera.js';
import { runTool, type Tool, type ToolExit } from './camera-tool.js';
import { JpegSplitter } from './jpeg-stream.js';

const MAX_PICTURE_BYTES = 32 * 1024 * 1024;

export interface JpegCapture {
  /** A source that is faster than this is thinned; null = every picture is delivered. */
  framesPerSecond: number | null;
  /** The tool waits in its pipe until a receiver that returns a promise has settled it. */
  waits: boolean;
  onPicture: PictureReceiver;
  /** Called with the number of broken pictures seen since the last call, when there were any. */
  onInvalid(count: number): void;
}

export interface JpegCaptureEnd {
  exit: ToolExit;
  /** Whole pictures that came, also those that were left out for being too fast. */
  pictures: number;
  /** It was ended because its first byte already was none of a JPEG. */
  notJpeg: boolean;
}

/**
 * Runs a tool that writes JPEGs, one after the other, to its standard output, and delivers them,
 * until it ends or `signal` aborts.
 *
 * @throws HeadlandError as runTool does.
 */
export async function captureJpegs(
  tool: Tool,
  { framesPerSecond, waits, onPicture, onInvalid }: JpegCapture,
  signal: AbortSignal,
): Promise<JpegCaptureEnd> {
  const splitter = new JpegSplitter(MAX_PICTURE_BYTES);
  const limit = framesPerSecond === null ? null : new PaceLimit(framesPerSecond);
  const wrongFormat = new AbortController();
  let firstByte: number | null = null;
  let pictures = 0;
  let invalid = 0;
  const countInvalid = (): void => {
    if (splitter.invalidPictures > invalid) onInvalid(splitter.invalidPictures - invalid);
    invalid = splitter.invalidPictures;
  };
  const deliver = async (found: Uint8Array[]): Promise<void> => {
    for (const jpeg of found) {
      if (signal.aborted) return;
      pictures += 1;
      if (limit && !limit.admits(performance.now())) continue;
      const taken = onPicture({ jpeg });
      if (waits) await settledOrAborted(taken, signal);
    }
  };
  const exit = await runTool(
    tool,
    (chunk) => {
      if (wrongFormat.signal.aborted) return undefined;
      firstByte ??= chunk[0]!;
      if (firstByte !== 0xff) {
        wrongFormat.abort();
        return undefined;
      }
      const found = splitter.push(chunk);
      countInvalid();
      return deliver(found);
    },
    AbortSignal.any([signal, wrongFormat.signal]),
  );
  splitter.end();
  if (!signal.aborted) countInvalid();
  return { exit, pictures, notJpeg: wrongFormat.signal.aborted };
}

class PaceLimit {
  readonly #intervalMs: number;
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(framesPerSecond: number) {
    this.#intervalMs = 1_000 / framesPerSecond;
  }

  admits(nowMs: number): boolean {
    if (nowMs < this.#dueMs - this.#intervalMs / 4) return false;
    this.#dueMs = Math.max(this.#dueMs, nowMs - this.#intervalMs) + this.#intervalMs;
    return true;
  }
}
