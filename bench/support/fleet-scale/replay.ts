import { setTimeout as sleep } from 'node:timers/promises';
import { ReplayedFleet } from './replayed-fleet.js';
import { BACKBONE, TASK } from './taught.js';
import { BY_COMMAND, machineLoad, type Place, WatchedHub } from './watched-hub.js';

const CONNECTIONS = 8;
const IDLE_SECONDS = 5;
const SETTLE_MS = 2_000;
/** A stage of a rollout, share of the robots. */
const STAGE_SHARE = 0.002;
const KEY = { task: TASK, backbone: BACKBONE };

export interface ReplayStep {
  robots: number;
  /** Until the sums of all new robots are merged. */
  merge_s: number;
  merge_ms_per_robot: number;
  hub_cpu_ms_per_robot: number;
  hub_rss_mib: number;
  hub_rss_peak_mib: number;
  database_bytes_per_robot: number;
  renew_100_s: number;
  renew_100_hub_cpu_s: number;
  round_s: number;
  round_hub_cpu_s: number;
  judged: number;
  desired_to_all_s: number;
  desired_ms_per_robot: number;
  desired_hub_cpu_ms_per_robot: number;
  stage_robots: number;
  stage_ms_per_robot: number;
  stage_hub_cpu_ms_per_robot: number;
  /** While a rollout runs and nothing comes. */
  idle_cpu_percent: number;
  page_robots_s: number;
  machine_load: number;
}

/** A hub that a fleet of replayed robots grows on; one row for each size. */
export async function replay(
  place: Place,
  broker: string,
  sizes: readonly number[],
): Promise<{ steps: ReplayStep[]; sums_bytes: number; merge_ratio_last_to_first: number | null }> {
  const stages = [0, STAGE_SHARE, 1];
  const hub = await WatchedHub.start(place, broker, {
    ...BY_COMMAND,
    rollout: { ...BY_COMMAND.rollout, stages },
  });
  const fleet = await ReplayedFleet.connect(broker, CONNECTIONS);
  try {
    const steps: ReplayStep[] = [];
    for (const size of sizes) {
      steps.push(await step(hub, fleet, size));
      process.stderr.write(`${place.kind}: ${JSON.stringify(steps.at(-1))}\n`);
    }
    if (fleet.faults.length > 0) throw fleet.faults[0];
    const [first, last] = [steps[0], steps.at(-1)];
    const ratio = first && last ? last.merge_ms_per_robot / first.merge_ms_per_robot : null;
    return {
      steps,
      sums_bytes: Math.round(fleet.sumsBytes),
      merge_ratio_last_to_first: ratio === null ? null : two(ratio),
    };
  } finally {
    await fleet.close();
    await hub.stop();
  }
}

async function step(hub: WatchedHub, fleet: ReplayedFleet, size: number): Promise<ReplayStep> {
  const added = size - fleet.size;
  const merge = await hub.cost(
    `merging of ${size}`,
    () => fleet.grow(size),
    async () => (await hub.merged()) === size,
  );
  const rss = Math.round(hub.load()?.rssMib ?? 0);
  const databaseBytes = await hub.databaseBytes();
  await hub.cost(
    'the first wishes',
    () => undefined,
    () => fleet.count(isAccepted) === size,
  );
  const renewed = Math.min(100, size);
  const renew = await hub.cost(
    'renewed sums',
    () => fleet.renew(renewed),
    () => fleet.count((robot) => acceptedVersion(robot.desired) === robot.version) === size,
  );
  const before = (await hub.task()).head?.version ?? 0;
  const round = await hub.cost(
    'a round',
    () => hub.post('/api/round', KEY),
    () => fleet.count(({ headVersion }) => headVersion === before + 1) >= 1,
  );
  const judges = (await hub.task()).round?.answered ?? 0;
  const stage = Math.max(2, Math.ceil(STAGE_SHARE * size));
  const served = await hub.cost(
    'a stage',
    () => hub.post('/api/rollout', { ...KEY, action: 'next' }),
    () => fleet.count(({ headVersion }) => headVersion === before + 1) >= stage,
  );
  const label = `secret-${size}`;
  const desired = await hub.cost(
    'wishes to all',
    () => hub.post('/api/never-share', { ...KEY, label, on: true }),
    () =>
      fleet.count((robot) => robot.desired?.tasks[0]?.local_labels.includes(label) === true) ===
      size,
  );
  await sleep(SETTLE_MS);
  const idle = await hub.idlePercent(IDLE_SECONDS);
  return {
    robots: size,
    merge_s: two(merge.seconds),
    merge_ms_per_robot: two((1_000 * merge.seconds) / added),
    hub_cpu_ms_per_robot: two((1_000 * merge.hubCpuSeconds) / added),
    hub_rss_mib: rss,
    hub_rss_peak_mib: hub.takePeakMib(),
    database_bytes_per_robot: Math.round(databaseBytes / size),
    renew_100_s: two(renew.seconds),
    renew_100_hub_cpu_s: two(renew.hubCpuSeconds),
    round_s: two(round.seconds),
    round_hub_cpu_s: two(round.hubCpuSeconds),
    judged: judges,
    desired_to_all_s: two(desired.seconds),
    desired_ms_per_robot: two((1_000 * desired.seconds) / size),
    desired_hub_cpu_ms_per_robot: two((1_000 * desired.hubCpuSeconds) / size),
    stage_robots: stage,
    stage_ms_per_robot: two((1_000 * served.seconds) / (stage - 1)),
    stage_hub_cpu_ms_per_robot: two((1_000 * served.hubCpuSeconds) / (stage - 1)),
    idle_cpu_percent: two(idle),
    page_robots_s: two(await hub.readSeconds('/api/robots')),
    machine_load: machineLoad(),
  };
}

function isAccepted({ desired }: { desired: Parameters<typeof acceptedVersion>[0] }): boolean {
  return acceptedVersion(desired) !== null;
}

function acceptedVersion(
  desired: { tasks: { sums_accepted: { version: number } | null }[] } | null,
): number | null {
  return desired?.tasks[0]?.sums_accepted?.version ?? null;
}

function two(value: number): number {
  return Math.round(100 * value) / 100;
}
