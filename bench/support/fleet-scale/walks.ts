import { setTimeout as sleep } from 'node:timers/promises';
import { placeData } from '../../../test/fleet/places.js';
import { RobotStandIn } from '../../../test/fleet/stand-in.js';
import { quantile } from '../timings.js';
import { BACKBONE, COMMON, DIRECTIONS, TASK } from './taught.js';
import { type Place, WatchedHub } from './watched-hub.js';

/** Nothing waits but for the work itself; `tickMs` stays as it is. */
const WITHOUT_INTERVALS = {
  learning: { basisDirections: 'all', roundIntervalMs: 1_000, settleMs: 0 },
  rollout: { stageMs: 0 },
};
const WITH_INTERVALS = { learning: { basisDirections: 'all' } };
const SAMPLES = 20;
const POLL_MS = 10;
const PATIENCE_MS = 3_600_000;
const OTHERS = ['bert', 'cora'];

/** Seconds from a label on one robot until the others serve a head that knows it. */
export interface Walk {
  first_other_s: number;
  all_others_s: number;
}

/**
 * A new class on one robot of three, until the others serve it. The robots are stand-ins: messages, codecs and
 * mathematics are real; there is no camera, and the gate lets every head pass.
 * @param hasIntervals the settings of the hub are its defaults: rounds and stages wait
 */
export async function walks(
  place: Place,
  broker: string,
  count: number,
  hasIntervals = false,
): Promise<{ walks: Walk[]; first_other_s_p50: number; all_others_s_p50: number }> {
  const settings = hasIntervals ? WITH_INTERVALS : WITHOUT_INTERVALS;
  const hub = await WatchedHub.start(place, broker, settings);
  const robots = ['anna', ...OTHERS].map(
    (robot) =>
      new RobotStandIn({
        robot,
        url: broker,
        task: TASK,
        backbone: BACKBONE,
        featureSize: DIRECTIONS,
        data: placeData(robot, [COMMON], SAMPLES, DIRECTIONS),
      }),
  );
  try {
    for (const robot of robots) await robot.start();
    // Heads need two classes, so that the first round begins with the first walk.
    await until(async () => (await hub.merged()) === robots.length);
    const done: Walk[] = [];
    for (let n = 0; n < count; n++) {
      done.push(await walk(robots, `class-${n}`));
      process.stderr.write(`${place.kind}: a walk ${JSON.stringify(done.at(-1))}\n`);
    }
    for (const { faults } of robots) if (faults.length > 0) throw faults[0];
    return {
      walks: done,
      first_other_s_p50: quantile(
        done.map((one) => one.first_other_s),
        0.5,
      ),
      all_others_s_p50: quantile(
        done.map((one) => one.all_others_s),
        0.5,
      ),
    };
  } finally {
    for (const robot of robots) await robot.stop();
    await hub.stop();
  }
}

async function walk(robots: readonly RobotStandIn[], label: string): Promise<Walk> {
  const [teacher, ...others] = robots;
  const knows = ({ head }: RobotStandIn): boolean => head?.labels.includes(label) === true;
  const startMs = performance.now();
  const since = (): number => Math.round(performance.now() - startMs) / 1_000;
  teacher?.learn(placeData('anna', [label], SAMPLES, DIRECTIONS));
  await until(() => others.some(knows));
  const first = since();
  await until(() => others.every(knows));
  return { first_other_s: first, all_others_s: since() };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const startMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startMs > PATIENCE_MS) throw new Error('a walk does not end');
    await sleep(POLL_MS);
  }
}
