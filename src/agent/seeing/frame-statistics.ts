import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { DecisionCounts } from '../metrics/decision-counts.js';
import { DurationHistogram } from '../metrics/duration-histogram.js';

const WINDOW_FRAMES = 512;
const NANOSECONDS_PER_MS = 1e6;

/** Recent frame rate and processing times, and the delay of the event loop. */
export class FrameStatistics {
  readonly #durationsMs: number[] = [];
  readonly #arrivalsMs: number[] = [];
  readonly #loopDelay: IntervalHistogram = monitorEventLoopDelay({ resolution: 10 });
  readonly #nowMs: () => number;
  #framesTotal = 0;
  #refusedTotal = 0;
  /** Processing times since the start. */
  readonly durations = new DurationHistogram();
  readonly decisions = new DecisionCounts();

  /** @param nowMs monotonic time, milliseconds */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  start(): void {
    this.#loopDelay.enable();
  }

  stop(): void {
    this.#loopDelay.disable();
  }

  /** @param durationMs from encoded image to decision */
  add(durationMs: number): void {
    this.#framesTotal += 1;
    this.durations.add(durationMs);
    this.#durationsMs.push(durationMs);
    this.#arrivalsMs.push(this.#nowMs());
    if (this.#durationsMs.length > WINDOW_FRAMES) {
      this.#durationsMs.shift();
      this.#arrivalsMs.shift();
    }
  }

  refuse(): void {
    this.#refusedTotal += 1;
  }

  get framesTotal(): number {
    return this.#framesTotal;
  }

  get refusedTotal(): number {
    return this.#refusedTotal;
  }

  /** Quantile (0..1) of the processing times of the last frames, milliseconds; null before the first. */
  durationMs(quantile: number): number | null {
    const sorted = [...this.#durationsMs].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? null;
  }

  framesPerSecond(): number {
    const windowMs = 5_000;
    const nowMs = this.#nowMs();
    const recent = this.#arrivalsMs.filter((atMs) => nowMs - atMs <= windowMs);
    return recent.length / (windowMs / 1_000);
  }

  /** 99th percentile of the event loop delay, milliseconds; values up to 10 ms are the resolution. */
  loopDelayMs(): number {
    const p99 = this.#loopDelay.percentile(99) / NANOSECONDS_PER_MS;
    return Number.isFinite(p99) ? p99 : 0;
  }

  /** Restarts the measurement of the loop delay. */
  resetLoopDelay(): void {
    this.#loopDelay.reset();
  }
}
