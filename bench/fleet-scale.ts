import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Postgres, withoutPostgres } from '../test/fleet/postgres.js';
import { Mosquitto } from '../test/telemetry/mosquitto.js';
import { liveFleet } from './support/fleet-scale/live-fleet.js';
import { replay } from './support/fleet-scale/replay.js';
import { walks } from './support/fleet-scale/walks.js';
import { type Place, removeFolder } from './support/fleet-scale/watched-hub.js';

/** What the bench opens, closed in the opposite order. */
class Closing {
  readonly #stops: (() => unknown)[] = [];

  after(stop: () => unknown): void {
    this.#stops.unshift(stop);
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) await stop();
  }
}

/**
 * How a hub grows with its fleet: a real `headland fleet serve`, a real mosquitto, SQLite and PostgreSQL.
 * `--robots 1000` with the real telemetry in `--processes 4`; `--replayed 100,1000,3000,10000` by statistics
 * that were made once; `--walks 5` from a label on one robot to the head on another. 0 leaves a part out.
 * `--default-intervals` adds a walk of 20 minutes in which rounds and stages wait as the settings of a hub say.
 * `--only sqlite|postgresql`.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: options,
    options: {
      robots: { type: 'string', default: '1000' },
      processes: { type: 'string', default: '4' },
      replayed: { type: 'string', default: '100,1000,3000,10000' },
      walks: { type: 'string', default: '5' },
      'default-intervals': { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
    },
  });
  const sizes = values.replayed
    .split(',')
    .map(Number)
    .filter((size) => size > 0);
  const figures: Record<string, unknown> = {};
  for (const kind of ['sqlite', 'postgresql'] as const) {
    if (!kind.includes(values.only)) continue;
    if (kind === 'postgresql' && withoutPostgres !== false) {
      figures[kind] = withoutPostgres;
      continue;
    }
    const count = Number(values.walks);
    const robots = Number(values.robots);
    figures[kind] = {
      ...(count > 0 && { walks: await at(kind, (place, url) => walks(place, url, count)) }),
      ...(values['default-intervals'] && {
        walk_with_intervals: await at(kind, (place, url) => walks(place, url, 1, true)),
      }),
      ...(robots > 0 && {
        live: await at(kind, (place, url) =>
          liveFleet(place, url, robots, Number(values.processes)),
        ),
      }),
      ...(sizes.length > 0 && {
        replayed: await at(kind, (place, url) => replay(place, url, sizes)),
      }),
    };
  }
  return figures;
}

/** Runs a part on a store and a broker of its own. */
async function at<T>(
  kind: Place['kind'],
  work: (place: Place, broker: string) => Promise<T>,
): Promise<T> {
  const closing = new Closing();
  try {
    const broker = await Mosquitto.open(['max_inflight_messages 0']);
    closing.after(() => broker.stop());
    return await work(await placeOf(kind, closing), broker.url);
  } finally {
    await closing.close();
  }
}

async function placeOf(kind: Place['kind'], closing: Closing): Promise<Place> {
  if (kind === 'postgresql') return { kind, url: (await Postgres.start(closing)).url };
  const folder = mkdtempSync(join(tmpdir(), 'headland-scale-'));
  closing.after(() => removeFolder(folder));
  return { kind, folder };
}
