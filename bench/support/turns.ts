import type { Contender } from './contenders.js';
import { quantile } from './timings.js';

/** How often and how long each contender has its turn. */
export interface Turns {
  rounds: number;
  frames: number;
  /** Before those that count: a daemon finds the caches as its own frame before left them. */
  leadInFrames: number;
}

/** cpu_ms: processor time of all threads a frame, or a pass where there is no frame. */
export type Medians = Record<
  string,
  { engine_ms: number | null; frame_ms: number | null; cpu_ms: number | null }
>;

/** Every contender has its turn in every round, each round beginning with another. */
export async function takeTurns(
  contenders: readonly Contender[],
  { rounds, frames, leadInFrames }: Turns,
): Promise<Medians> {
  const engine = new Map<string, number[]>();
  const frame = new Map<string, number[]>();
  const cpu = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length] as Contender;
      await contender.run(leadInFrames);
      const before = process.cpuUsage();
      const times = await contender.run(frames);
      const { user, system } = process.cpuUsage(before);
      const cpuMs = times.cpuMs ?? (user + system) / 1_000 / frames;
      cpu.set(contender.name, [...(cpu.get(contender.name) ?? []), cpuMs]);
      engine.set(contender.name, [...(engine.get(contender.name) ?? []), ...times.engineMs]);
      frame.set(contender.name, [...(frame.get(contender.name) ?? []), ...times.frameMs]);
    }
  }
  return Object.fromEntries(
    contenders.map(({ name }) => [
      name,
      {
        engine_ms: median(engine.get(name)),
        frame_ms: median(frame.get(name)),
        cpu_ms: median(cpu.get(name)),
      },
    ]),
  );
}

function median(values: readonly number[] = []): number | null {
  return values.length === 0 ? null : quantile(values, 0.5);
}
