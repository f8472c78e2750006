import type { AlarmSwitch } from '../../base/alarms.js';
import { HeadlandError } from '../../base/errors.js';

/** Time over which the cameras are measured. */
const WINDOW_MS = 60_000;
/** Over which the rate of a camera is shown. */
const RATE_MS = 10_000;
/** Share of the frames of a camera that are decided on: below the first the alarm rises, above the second it ends. */
const RAISE_BELOW = 0.5;
const CLEAR_ABOVE = 0.7;
/** Memory that the system needs to go on. */
const LEAST_MEMORY_BYTES = 48 << 20;

/** Counters of a camera since the start of the daemon. */
export interface CameraCounts {
  name: string;
  /** Regions, or 1. */
  eyes: number;
  /** Skipped, because nothing moved. */
  still: number;
  /** Frames that a newer one replaced before they were decided on, all regions together. */
  dropped: number;
  /**
   * Frames a second that the settings ask for, of a source that waits until its frame is decided on and
   * so drops none; null: a live camera, or as many as possible.
   */
  waitsAtPerSecond: number | null;
}

export interface LoadReadings {
  cameras: readonly CameraCounts[];
  /** Most frames a second that the settings or the care of the board allow; null: no limit. */
  limitPerSecond: number | null;
  memoryAvailableBytes: number | null;
  /** Nothing is to be learned from now: classification is paused, or a training takes the processor. */
  disturbed: boolean;
}

interface Sample extends LoadReadings {
  atMs: number;
  decided: ReadonlyMap<string, number>;
}

/**
 * Measures whether the board keeps up with its cameras, and says so when it does not: more than one camera,
 * and over a minute most frames of one of them were dropped or came late, or the memory is nearly used up.
 * Nothing is assumed of a kind of board.
 */
export class CameraLoad {
  readonly #decided = new Map<string, number>();
  readonly #samples: Sample[] = [];
  #raised = false;

  constructor(
    private readonly alarms: AlarmSwitch,
    /** Monotonic time, milliseconds. */
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** A frame of a camera or one of its regions has been decided on. */
  decided(camera: string): void {
    this.#decided.set(camera, (this.#decided.get(camera) ?? 0) + 1);
  }

  /** Call it every few seconds. */
  measure(readings: LoadReadings): void {
    const atMs = this.nowMs();
    this.#samples.push({ ...readings, atMs, decided: new Map(this.#decided) });
    while (this.#samples[1] && atMs - this.#samples[1].atMs >= WINDOW_MS) this.#samples.shift();
    if (!this.#samples.some(({ disturbed }) => disturbed)) this.#judge();
  }

  /** Frames of a camera that are decided on, a second, all regions together; 0 before the first measurement. */
  framesPerSecond(camera: string): number {
    const nowMs = this.nowMs();
    const since = this.#samples.findLast(({ atMs }) => nowMs - atMs >= RATE_MS) ?? this.#samples[0];
    if (since === undefined || nowMs - since.atMs < 1_000) return 0;
    const count = (this.#decided.get(camera) ?? 0) - (since.decided.get(camera) ?? 0);
    return (count / (nowMs - since.atMs)) * 1_000;
  }

  #judge(): void {
    const first = this.#samples[0]!;
    const last = this.#samples.at(-1)!;
    if (last.atMs - first.atMs < WINDOW_MS) return;
    const worst = worstShare(first, last);
    const isMemoryLow = this.#samples.every(
      ({ memoryAvailableBytes: bytes }) => bytes !== null && bytes < LEAST_MEMORY_BYTES,
    );
    const several = last.cameras.length > 1;
    if (several && (isMemoryLow || (worst !== null && worst.share < RAISE_BELOW))) {
      this.#raised = true;
      this.alarms.raise('cameras', tooMany(last, worst, isMemoryLow));
    } else if (this.#raised && !isMemoryLow && (worst === null || worst.share > CLEAR_ABOVE)) {
      this.#raised = false;
      this.alarms.clear('cameras');
    }
  }
}

interface CameraShare {
  name: string;
  /** Of the frames that it could have been decided on, 0..1 or more. */
  share: number;
  perSecond: number;
}

/** The camera of which the smallest share of frames is decided on; null: none has had frames. */
function worstShare(first: Sample, last: Sample): CameraShare | null {
  const seconds = (last.atMs - first.atMs) / 1_000;
  const offers = last.cameras.flatMap((camera) => {
    const before = first.cameras.find(({ name }) => name === camera.name);
    if (!before) return [];
    const { name } = camera;
    const decided = (last.decided.get(name) ?? 0) - (first.decided.get(name) ?? 0);
    const dropped = camera.dropped - before.dropped;
    const still = camera.still - before.still;
    const { waitsAtPerSecond, eyes } = camera;
    const offered =
      waitsAtPerSecond === null ? decided + dropped : waitsAtPerSecond * eyes * seconds - still;
    return [{ name, decided, offered }];
  });
  const total = offers.reduce((sum, { offered }) => sum + offered, 0);
  const allowed = last.limitPerSecond === null ? total : last.limitPerSecond * seconds;
  const scale = total > 0 ? Math.min(1, allowed / total) : 1;
  const shares = offers
    .filter(({ offered }) => offered * scale >= 1)
    .map(({ name, decided, offered }) => {
      return { name, share: decided / (offered * scale), perSecond: decided / seconds };
    });
  return shares.sort((one, other) => one.share - other.share)[0] ?? null;
}

function tooMany(
  { cameras }: Sample,
  worst: CameraShare | null,
  isMemoryLow: boolean,
): HeadlandError {
  const seen =
    worst === null
      ? ''
      : `: in the last minute ${Math.round(worst.share * 100)} % of the frames of ${worst.name} were decided on, ${worst.perSecond.toFixed(1)} a second`;
  const memory = isMemoryLow ? '; the memory is nearly used up' : '';
  return new HeadlandError(
    'HL_CAMERAS_TOO_MANY',
    `this board does not keep up with its ${cameras.length} cameras${seen}${memory}`,
    {
      remedy:
        'Lower framesPerSecond (or raise intervalMs) of the cameras, set onlyWhenMoving, have fewer cameras or regions, or a smaller backbone: `headland bench` measures what this board can do.',
      details: {
        cameras: cameras.length,
        worst: worst?.name ?? null,
        share: worst === null ? null : Math.round(worst.share * 100) / 100,
      },
    },
  );
}
