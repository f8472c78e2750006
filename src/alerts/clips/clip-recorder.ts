import { type HeadlandError, isHeadlandError } from '../../base/errors.js';
import { listIn } from '../../base/values/list-in.js';
import { type Eye, eyeOf } from '../../base/words/eye.js';
import type { AlertRuleConfig, Config } from '../../config/schema.js';
import { type ClipFolder, clipLost } from './clip-folder.js';
import { jpegSize, motionJpegAvi, type Video, type VideoFrame } from './motion-jpeg-avi.js';

export interface SavedClip extends Eye {
  rule: string;
  /** Name of the file in the folder of clips. */
  file: string;
  bytes: number;
  frames: number;
  durationMs: number;
}

export interface ClipRecorderParts {
  settings: Pick<Config['alerts'], 'rules' | 'clips'>;
  folder: Pick<ClipFolder, 'nextName' | 'save'>;
  onSaved(clip: SavedClip): void;
  onFailure(error: HeadlandError): void;
}

/** A clip that is being taken. */
interface OpenClip extends Eye {
  rule: string;
  file: string;
  fromMs: number;
  untilMs: number;
}

/**
 * Keeps the last frames of each camera and region in memory, and saves those around an alert. One
 * budget of bytes holds for the frames of all cameras: the oldest frame goes first. Times are
 * monotonic, milliseconds.
 */
export class ClipRecorder {
  readonly #rules: readonly AlertRuleConfig[];
  readonly #longestMs: number;
  readonly #rings = new Map<string, VideoFrame[]>();
  readonly #eyes = new Map<string, Eye>();
  readonly #open = new Map<string, OpenClip>();
  readonly #lastStartMs = new Map<string, number>();
  readonly #saving = new Set<Promise<void>>();
  #bytes = 0;

  constructor(private readonly parts: ClipRecorderParts) {
    this.#rules = parts.settings.rules.filter(({ clip }) => clip !== null);
    const seconds = this.#rules.map(({ clip }) => clip?.beforeSeconds ?? 0);
    this.#longestMs = 1_000 * Math.max(0, ...seconds);
  }

  /** Bytes of the frames in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Remembers a frame, and saves the clips that end before it. Pictures that are no JPEG are left out. */
  add({ camera, region }: Eye, jpeg: Uint8Array, atMs: number): void {
    this.tick(atMs);
    if (!this.#rules.some((rule) => isOf(rule, { camera, region })) || !jpegSize(jpeg)) return;
    const eye = eyeOf({ camera, region });
    const ring = listIn(this.#rings, eye);
    ring.push({ jpeg, atMs });
    this.#eyes.set(eye, { camera, region });
    this.#bytes += jpeg.byteLength;
    const neededMs = this.#open.get(eye)?.fromMs ?? Number.POSITIVE_INFINITY;
    const keepMs = Math.min(neededMs, atMs - this.#longestMs);
    while (ring.length > 1 && ring[0]!.atMs < keepMs) this.#forget(ring);
    this.#makeRoom();
  }

  /**
   * Begins the clip of an alert. Its time before the alert ends with the newest frame, so that the clip
   * of a lost camera shows what it saw last.
   * @param of the whole camera (region null) stands for its first region if it has regions
   * @returns the name of the file that the alert will be in; null: no clip is taken
   */
  start(rule: AlertRuleConfig, of: Eye, atMs: number, date: Date): string | null {
    const { clip } = rule;
    const eye = this.#eyeWithFrames(of);
    if (!clip || eye === null) return null;
    const running = this.#open.get(eye);
    if (running) return running.file;
    const { minIntervalMs } = this.parts.settings.clips;
    if (atMs - (this.#lastStartMs.get(eye) ?? Number.NEGATIVE_INFINITY) < minIntervalMs)
      return null;
    const place = this.#eyes.get(eye)!;
    const file = this.parts.folder.nextName(`${rule.name}-${eye.replace('/', '-')}`, date);
    if (file === null) return null;
    const newestMs = this.#rings.get(eye)?.at(-1)?.atMs ?? atMs;
    this.#lastStartMs.set(eye, atMs);
    this.#open.set(eye, {
      ...place,
      rule: rule.name,
      file,
      fromMs: Math.min(atMs, newestMs) - 1_000 * clip.beforeSeconds,
      untilMs: atMs + 1_000 * clip.afterSeconds,
    });
    return file;
  }

  /** Saves the clips that have ended. */
  tick(nowMs: number): void {
    for (const [eye, clip] of this.#open) if (nowMs > clip.untilMs) this.#finish(eye, clip);
  }

  /** Saves what there is of the clips that are being taken; resolves when all are on the disk. */
  async close(): Promise<void> {
    for (const [eye, clip] of this.#open) this.#finish(eye, clip);
    await Promise.all(this.#saving);
  }

  #finish(eye: string, { fromMs, untilMs, ...clip }: OpenClip): void {
    this.#open.delete(eye);
    const frames = (this.#rings.get(eye) ?? []).filter(
      ({ atMs }) => atMs >= fromMs && atMs <= untilMs,
    );
    const saving = this.#save(clip, frames).finally(() => this.#saving.delete(saving));
    this.#saving.add(saving);
  }

  async #save(
    { rule, file, camera, region }: Omit<OpenClip, 'fromMs' | 'untilMs'>,
    frames: readonly VideoFrame[],
  ): Promise<void> {
    const { folder, onSaved, onFailure } = this.parts;
    let video: Video | null;
    try {
      video = motionJpegAvi(frames);
      if (!video) throw clipLost(file, 'none of its frames was still in memory');
      await folder.save(file, video.parts);
    } catch (error) {
      onFailure(isHeadlandError(error) ? error : clipLost(file, error));
      return;
    }
    const { bytes, durationMs, frames: shown } = video;
    onSaved({ rule, file, camera, region, bytes, frames: shown, durationMs });
  }

  #eyeWithFrames({ camera, region }: Eye): string | null {
    const [first] =
      [...this.#eyes].find(
        ([eye, each]) =>
          each.camera === camera &&
          (region === null || each.region === region) &&
          this.#rings.get(eye)?.length,
      ) ?? [];
    return first ?? null;
  }

  #makeRoom(): void {
    const { ringMaxBytes } = this.parts.settings.clips;
    while (this.#bytes > ringMaxBytes) {
      const [oldest] = [...this.#rings.values()]
        .filter((ring) => ring.length > 0)
        .sort((one, other) => one[0]!.atMs - other[0]!.atMs);
      if (!oldest) return;
      this.#forget(oldest);
    }
  }

  #forget(ring: VideoFrame[]): void {
    this.#bytes -= ring.shift()?.jpeg.byteLength ?? 0;
  }
}

/** Conditions of a camera concern each of its regions. */
function isOf(rule: AlertRuleConfig, { camera, region }: Eye): boolean {
  return (
    (rule.camera === null || rule.camera === camera) &&
    (rule.region === null || rule.region === region)
  );
}
