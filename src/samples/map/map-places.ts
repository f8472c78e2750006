import type { Position } from '../../base/geo/position.js';
import { listIn } from '../../base/values/list-in.js';
import { type Cell, CellGrid, cellKey } from '../sightings/cell-grid.js';
import type { Sighting, SightingTable } from '../sightings/sighting-table.js';
import type { SampleStore } from '../store.js';
import { cellOutlines, type PolygonRings } from './cell-outlines.js';

/** What `headland map` draws of a place or an area. */
export type MapProperties = Readonly<Record<string, string | number | boolean | null>>;

interface Marked {
  task: string;
  label: string;
  /** Unix times, milliseconds. */
  firstAtMs: number;
  lastAtMs: number;
  properties: MapProperties;
}

export interface MapPoint extends Marked {
  position: Pick<Position, 'latitude' | 'longitude' | 'altitudeMeters'>;
}

/** All cells of the grid in which a label was seen or given. */
export interface MapArea extends Marked {
  polygons: readonly PolygonRings[];
}

export interface MapFilter {
  /** Unix time, milliseconds: seen or captured at or after it. */
  sinceMs?: number;
  labels?: readonly string[];
}

const PAGE = 1_000;

/** The labelled samples of a task that have a position. */
export function samplePlaces(store: SampleStore, filter: MapFilter): MapPoint[] {
  const places: MapPoint[] = [];
  for (let afterId = ''; ; ) {
    const page = store.list({ labelled: true, afterId, limit: PAGE });
    for (const sample of page) {
      const { id, label, position, capturedAtMs } = sample;
      if (label === null || position === null || !isWanted(filter, label, capturedAtMs)) continue;
      places.push({
        task: store.task,
        label,
        firstAtMs: capturedAtMs,
        lastAtMs: capturedAtMs,
        position,
        properties: {
          kind: 'sample',
          task: store.task,
          label,
          time: new Date(capturedAtMs).toISOString(),
          accuracy_meters: position.accuracyMeters,
          label_source: sample.labelSource,
          sample_id: id,
          source: sample.source,
        },
      });
    }
    const last = page.at(-1);
    if (last === undefined) return places;
    afterId = last.id;
  }
}

/** Where cameras saw the labels of a task. */
export function sightingPlaces(
  table: Pick<SightingTable, 'list'>,
  task: string,
  filter: MapFilter,
): MapPoint[] {
  const { sinceMs } = filter;
  const rows = table.list(sinceMs === undefined ? { task } : { task, sinceMs });
  return rows.filter(({ label, lastAtMs }) => isWanted(filter, label, lastAtMs)).map(sightingPlace);
}

/**
 * The cells of all points with one label, as one area for each task and label; at the border of two
 * bands of the grid as two, because polygons of one area must not share edges.
 */
export function mapAreas(points: readonly MapPoint[], cellMeters: number): MapArea[] {
  const grid = new CellGrid(cellMeters);
  const byLabel = new Map<string, MapPoint[]>();
  for (const point of points) {
    const band = grid.bandOf(grid.cellOf(point.position).row);
    listIn(byLabel, [point.task, point.label, band].join('\0')).push(point);
  }
  return [...byLabel.values()].flatMap((members) => {
    const [first] = members;
    if (first === undefined) return [];
    const { task, label } = first;
    const cells = new Map<string, Cell>();
    for (const { position } of members) {
      const cell = grid.cellOf(position);
      cells.set(cellKey(cell), cell);
    }
    const firstAtMs = members.reduce((ms, each) => Math.min(ms, each.firstAtMs), Infinity);
    const lastAtMs = members.reduce((ms, each) => Math.max(ms, each.lastAtMs), -Infinity);
    const properties = {
      kind: 'area',
      task,
      label,
      cells: cells.size,
      area_square_meters: Math.round(cells.size * cellMeters ** 2 * 100) / 100,
      places: members.length,
      first_time: new Date(firstAtMs).toISOString(),
      last_time: new Date(lastAtMs).toISOString(),
    };
    const polygons = cellOutlines(grid, cells.values());
    return [{ task, label, firstAtMs, lastAtMs, polygons, properties }];
  });
}

function sightingPlace(sighting: Sighting): MapPoint {
  const { task, label, firstAtMs, lastAtMs, latitude, longitude, accuracyMeters } = sighting;
  return {
    task,
    label,
    firstAtMs,
    lastAtMs,
    position: { latitude, longitude, altitudeMeters: null },
    properties: {
      kind: 'sighting',
      task,
      label,
      probability: Math.round(sighting.maxProbability * 10_000) / 10_000,
      frames: sighting.frames,
      time: new Date(firstAtMs).toISOString(),
      last_time: new Date(lastAtMs).toISOString(),
      accuracy_meters: accuracyMeters,
    },
  };
}

function isWanted({ sinceMs, labels }: MapFilter, label: string, atMs: number): boolean {
  return (sinceMs === undefined || atMs >= sinceMs) && (labels?.includes(label) ?? true);
}
