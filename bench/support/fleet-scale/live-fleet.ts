import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FromScaleRobots, ToScaleRobots } from './scale-robots.js';
import { BACKBONE, TASK } from './taught.js';
import { BY_COMMAND, machineLoad, type Place, removeFolder, WatchedHub } from './watched-hub.js';

const ROBOTS = fileURLToPath(new URL('./scale-robots.js', import.meta.url));
/** Robots of the second stage of the rollout. */
const STAGE_SHARE = 0.02;
const SPREAD_MS = 5_000;
const KEY = { task: TASK, backbone: BACKBONE };

type Counts = Omit<FromScaleRobots, 'faults'>;

/**
 * Many robots with the real telemetry, outbox and transport of objects, against a real hub. The statistics are
 * made in the process of the robots: the job of a robot is a process of its own, which a thousand robots on one
 * machine cannot have.
 */
export async function liveFleet(
  place: Place,
  broker: string,
  robots: number,
  processes: number,
): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(
    join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'headland-scale-robots-'),
  );
  const hub = await WatchedHub.start(place, broker, {
    ...BY_COMMAND,
    rollout: { ...BY_COMMAND.rollout, stages: [0, STAGE_SHARE, 1] },
  });
  const fleet = new Robots();
  try {
    const connected = await hub.cost(
      'connections',
      () => fleet.start(folder, broker, robots, processes),
      () => fleet.sum('connected') === robots,
    );
    const merged = await hub.cost(
      'the first sums',
      () => undefined,
      async () => (await hub.merged()) === robots && fleet.sum('accepted') === robots,
    );
    const first = fleet.sum('messages');
    const renewed = await hub.cost(
      'renewed sums',
      () => fleet.order({ kind: 'learn' }),
      () => fleet.sum('versions') === 2 * robots && fleet.sum('accepted') === robots,
    );
    const second = fleet.sum('messages') - first;
    const databaseBytes = await hub.databaseBytes();
    const round = await hub.cost(
      'a round',
      () => hub.post('/api/round', KEY),
      () => fleet.sum('serving') >= 1,
    );
    const stage = Math.max(2, Math.ceil(STAGE_SHARE * robots));
    const taken = await hub.cost(
      'a stage',
      () => hub.post('/api/rollout', { ...KEY, action: 'next' }),
      () => fleet.sum('serving') >= stage,
    );
    if (fleet.faults.length > 0) throw new Error(fleet.faults.join('; '));
    const since = connected.seconds + merged.seconds;
    const cpu = connected.hubCpuSeconds + merged.hubCpuSeconds;
    return {
      robots,
      processes,
      all_connected_s: one(connected.seconds),
      all_merged_s: one(since),
      messages_until_merged: first,
      messages_per_s: one(first / since),
      hub_cpu_ms_per_message: one((1_000 * cpu) / first),
      renewed_s: one(renewed.seconds),
      renewed_messages: second,
      renewed_messages_per_s: one(second / renewed.seconds),
      renewed_hub_cpu_ms_per_message: one((1_000 * renewed.hubCpuSeconds) / second),
      round_s: one(round.seconds),
      round_hub_cpu_s: one(round.hubCpuSeconds),
      stage_robots: stage,
      stage_s: one(taken.seconds),
      stage_hub_cpu_s: one(taken.hubCpuSeconds),
      database_bytes_per_robot: Math.round(databaseBytes / robots),
      hub_rss_mib_each_10_s: hub.rssMib,
      hub_rss_peak_mib: hub.takePeakMib(),
      robots_mib: Math.round(fleet.sum('residentBytes') / 2 ** 20),
      machine_load: machineLoad(),
    };
  } finally {
    await fleet.stop();
    await hub.stop();
    removeFolder(folder);
  }
}

/** The processes of the robots. */
class Robots {
  readonly #children: ChildProcess[] = [];
  readonly #last = new Map<ChildProcess, FromScaleRobots>();

  start(folder: string, url: string, robots: number, processes: number): void {
    const all = Array.from({ length: robots }, (_, number) => number);
    for (let n = 0; n < processes; n++) {
      const child = fork(ROBOTS, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      child.on('message', (report: FromScaleRobots) => this.#last.set(child, report));
      const numbers = all.filter((number) => number % processes === n);
      const order: ToScaleRobots = { kind: 'begin', numbers, folder, url, spreadMs: SPREAD_MS };
      child.send(order);
      this.#children.push(child);
    }
  }

  order(order: ToScaleRobots): void {
    for (const child of this.#children) child.send(order);
  }

  sum(what: keyof Counts): number {
    return [...this.#last.values()].reduce((sum, report) => sum + report[what], 0);
  }

  get faults(): string[] {
    return [...this.#last.values()].flatMap(({ faults }) => faults);
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
  }
}

function one(value: number): number {
  return Math.round(10 * value) / 10;
}
