import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What a peer answered to the start, or why it cannot run here. */
export type PeerStart =
  | { ready: true; version: string; decoder: string; python: string; features: number[] }
  | { missing: string };

export interface PeerTimes {
  engine_ms: number[];
  frame_ms: number[];
  /** Processor time a frame. */
  cpu_ms: number;
}

export const peerScript = (name: string): string =>
  fileURLToPath(new URL(`../../../bench/peers/${name}`, import.meta.url));

/** Interpreters to try: HEADLAND_BENCH_PYTHONS (separated by colons), then Debian's. */
export function pythons(): string[] {
  const named = (process.env.HEADLAND_BENCH_PYTHONS ?? '').split(':').filter(Boolean);
  return [...named, '/usr/bin/python3'];
}

/** A runtime in a Python process of its own that classifies pictures when it is asked to. */
export class PeerProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    readonly start: Extract<PeerStart, { ready: true }>,
  ) {}

  /** With the first interpreter that has the runtime; else a text for each that has not. */
  static async open(runtime: string, requestFile: string): Promise<PeerProcess | string> {
    const reasons: string[] = [];
    for (const python of pythons()) {
      const child = spawn(python, [peerScript('inference.py'), runtime, requestFile], {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
      });
      child.on('error', () => {});
      const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
      const { value } = await lines.next();
      const start = (
        value ? JSON.parse(value) : { missing: `${python} does not run` }
      ) as PeerStart;
      if ('ready' in start) return new PeerProcess(child, lines, start);
      reasons.push(`${python}: ${start.missing}`);
      child.kill();
    }
    return reasons.join('; ');
  }

  async run(frames: number): Promise<PeerTimes> {
    return (await this.ask(String(frames))) as PeerTimes;
  }

  /** Writes the features of pictures to a file, float32, one row a picture. */
  async writeFeatures(pictures: readonly string[], to: string): Promise<void> {
    await this.ask(JSON.stringify({ pictures, to }));
  }

  close(): void {
    this.child.stdin?.end();
  }

  private async ask(line: string): Promise<unknown> {
    this.child.stdin?.write(`${line}\n`);
    const { value } = await this.lines.next();
    if (!value) throw new Error('a peer ended');
    return JSON.parse(value);
  }
}

/** Whether a Python script did its work, with any of the interpreters. */
export function runScript(name: string, args: string[]): boolean {
  return pythons().some(
    (python) => spawnSync(python, [peerScript(name), ...args], { stdio: 'ignore' }).status === 0,
  );
}
