import type { Located } from '../../base/geo/position.js';
import { CellGrid } from './cell-grid.js';
import type { SightingRow } from './sighting-table.js';

/** A cell in which nothing was seen for this time begins a new pass. */
const PASS_GAP_MS = 60_000;
/** Passes in memory, so that a disk that fails for days does not fill it. */
const MAX_OPEN = 10_000;

export interface SeenLabel {
  task: string;
  label: string;
  /** 0..1. */
  probability: number;
  located: Located;
  /** Unix time, milliseconds. */
  capturedAtMs: number;
}

interface OpenPass {
  row: SightingRow;
  /** Monotonic, milliseconds. */
  seenMs: number;
  /** Differs from what was written. */
  changed: boolean;
}

/**
 * Thins what cameras see to one sighting for each label, grid cell and pass, and writes them
 * together. What was seen since the last {@link flush} is lost in a power cut.
 */
export class SightingRecorder {
  readonly #grid: CellGrid;
  readonly #open = new Map<string, OpenPass>();

  constructor(
    private readonly table: { write(rows: readonly SightingRow[]): void },
    cellMeters: number,
  ) {
    this.#grid = new CellGrid(cellMeters);
  }

  see({ task, label, probability, located: { position, atMs }, capturedAtMs }: SeenLabel): void {
    const { row, column } = this.#grid.cellOf(position);
    const key = [task, label, row, column].join('\0');
    const known = this.#open.get(key);
    const { latitude, longitude, accuracyMeters } = position;
    if (known !== undefined && atMs - known.seenMs <= PASS_GAP_MS) {
      const { sighting } = known.row;
      sighting.frames += 1;
      sighting.lastAtMs = capturedAtMs;
      if (probability > sighting.maxProbability) {
        sighting.maxProbability = probability;
        sighting.latitude = latitude;
        sighting.longitude = longitude;
        sighting.accuracyMeters = accuracyMeters;
      }
      known.seenMs = atMs;
      known.changed = true;
      return;
    }
    // A pass that has ended and is not written yet keeps its record under another key.
    if (known?.changed) this.#open.set(`${key}\0${known.seenMs}`, known);
    this.#open.delete(key);
    this.#open.set(key, {
      row: {
        id: null,
        sighting: {
          task,
          label,
          frames: 1,
          maxProbability: probability,
          latitude,
          longitude,
          accuracyMeters,
          firstAtMs: capturedAtMs,
          lastAtMs: capturedAtMs,
        },
      },
      seenMs: atMs,
      changed: true,
    });
    if (this.#open.size > MAX_OPEN) this.#dropOldest();
  }

  /**
   * Writes what has changed, and forgets passes that have ended.
   * @param nowMs monotonic, milliseconds
   * @throws HeadlandError HL_STORE_…; nothing is forgotten then
   */
  flush(nowMs: number): void {
    const changed = [...this.#open.values()].filter((pass) => pass.changed);
    if (changed.length > 0) this.table.write(changed.map(({ row }) => row));
    for (const pass of changed) pass.changed = false;
    for (const [key, { seenMs }] of this.#open) {
      if (nowMs - seenMs > PASS_GAP_MS) this.#open.delete(key);
    }
  }

  #dropOldest(): void {
    const [oldest] = this.#open.keys();
    if (oldest !== undefined) this.#open.delete(oldest);
  }
}
