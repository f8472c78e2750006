import { extname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openState } from '../../agent/open-state.js';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import { geoJson } from '../../samples/map/geojson.js';
import { kml } from '../../samples/map/kml.js';
import {
  type MapFilter,
  type MapPoint,
  mapAreas,
  samplePlaces,
  sightingPlaces,
} from '../../samples/map/map-places.js';
import { printNote } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import { type TaskOptions, withTaskOptions } from '../support/state-options.js';

const KINDS = ['sightings', 'samples'] as const;
const FORMATS = ['geojson', 'kml'] as const;

interface MapOptions extends TaskOptions {
  out?: string;
  format?: (typeof FORMATS)[number];
  what?: (typeof KINDS)[number];
  label?: string[];
  since?: number;
  cells?: boolean;
  cellMeters?: number;
}

/** Writes where labels were seen and given, for farm software and GIS. */
export function mapCommand(): Command {
  return withTaskOptions(new Command('map'), 'only this task of the robot')
    .option('--out <file>', 'file to write; default: standard output')
    .addOption(
      new Option('--format <format>', 'default: from the ending of the file, else geojson').choices(
        FORMATS,
      ),
    )
    .addOption(
      new Option(
        '--what <what>',
        'only what cameras saw, or only labelled samples; default: both',
      ).choices(KINDS),
    )
    .option('--label <label...>', 'only these labels')
    .option(
      '--since <time>',
      'only what was seen since then: 2026-05-01, 2026-05-01T06:00Z',
      parseTime,
    )
    .option('--cells', 'also write the area of each label: its grid cells, merged to polygons')
    .option(
      '--cell-meters <n>',
      'side of these cells; default: position.sightings.cellMeters',
      parseMeters,
    )
    .action(async (options: MapOptions) => {
      const config = resolveConfig(options);
      const state = openState(config);
      try {
        const tasks = options.task === undefined ? state.tasks : [state.task(options.task)];
        const filter: MapFilter = {
          ...(options.since === undefined ? {} : { sinceMs: options.since }),
          ...(options.label === undefined ? {} : { labels: options.label }),
        };
        const points = tasks.flatMap(({ name, samples }): MapPoint[] => [
          ...(options.what === 'samples' ? [] : sightingPlaces(state.sightings, name, filter)),
          ...(options.what === 'sightings' ? [] : samplePlaces(samples, filter)),
        ]);
        const { cellMeters = config.position.sightings.cellMeters } = options;
        const areas = options.cells ? mapAreas(points, cellMeters) : [];
        const text =
          formatOf(options) === 'kml'
            ? kml(config.robot.id, points, areas)
            : geoJson(points, areas);
        if (options.out === undefined) process.stdout.write(text);
        else await write(options.out, text);
        printNote(noteOf(points.length, areas.length));
      } finally {
        state.close();
      }
    });
}

function formatOf({ format, out }: MapOptions): (typeof FORMATS)[number] {
  return format ?? (extname(out ?? '').toLowerCase() === '.kml' ? 'kml' : 'geojson');
}

function noteOf(points: number, areas: number): string {
  if (points === 0) {
    return 'nothing has a position: set position.source, or check --since, --task and --label';
  }
  return `${points} places${areas > 0 ? `, ${areas} areas` : ''}`;
}

/** @throws HeadlandError HL_MAP_UNWRITABLE */
async function write(file: string, text: string): Promise<void> {
  try {
    await writeFileDurably(file, text);
  } catch (error) {
    throw new HeadlandError('HL_MAP_UNWRITABLE', `cannot write ${file}: ${messageOf(error)}`, {
      remedy: 'Name a file in a folder that exists and that this user may write.',
      details: { file },
      cause: error,
    });
  }
}

function parseTime(text: string): number {
  const ms = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(ms)) {
    throw new InvalidArgumentError('give a date or time of ISO 8601, such as 2026-05-01T06:00Z');
  }
  return ms;
}

function parseMeters(text: string): number {
  const meters = Number(text);
  if (!(meters >= 0.05 && meters <= 1_000)) {
    throw new InvalidArgumentError('give a number from 0.05 to 1000');
  }
  return meters;
}
