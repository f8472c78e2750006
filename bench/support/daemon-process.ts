import { readFileSync } from 'node:fs';
import { validateConfig } from '../../src/config/load.js';
import { boundPictureMemory } from '../../src/host/picture-memory.js';
import type { Perceived } from '../../src/perception/perception-protocol.js';
import { fromFiles, standInHead, type Times } from './contenders.js';
import { benchPerception } from './perception.js';

/** To the process: the first message says what to open, the others ask for frames. */
export interface DaemonWork {
  /** As in a configuration file. */
  config: unknown;
  /** JPEG files to classify. */
  files: string[];
}
export interface DaemonTurn {
  frames: number;
  /** Decode the next frame meanwhile, as with cameras that always have one. */
  overlapped: boolean;
}
export type DaemonAnswer = 'ready' | Times;

/**
 * The way of a frame as the daemon goes it, in a process that does nothing else: from the JPEG file
 * to the decision. Overlapped, a frame's time is that from decision to decision.
 */
async function open({ config, files }: DaemonWork) {
  const settle = new Map<string, (perceived: Perceived) => void>();
  const perception = benchPerception(validateConfig(config), {
    onPerceived: ({ camera }, perceived) => settle.get(camera)?.(perceived),
  });
  const backbone = await perception.start();
  await perception.swapHead('main', { version: 1, head: standInHead(backbone) });
  boundPictureMemory();
  const see = (camera: string, file: string): Promise<Perceived> => {
    const jpeg = readFileSync(file);
    return new Promise((resolve) => {
      settle.set(camera, resolve);
      void perception.submit({ camera, region: null, jpeg });
    });
  };
  const oneByOne = fromFiles(
    'one by one',
    files,
    async (file) => (await see('a', file)).timings.backboneMs,
    () => perception.stop(),
  );
  let next = 0;
  const overlapped = async (frames: number): Promise<Times> => {
    const startMs = performance.now();
    let left = frames;
    const camera = async (name: string) => {
      while (left-- > 0) await see(name, files[next++ % files.length] as string);
    };
    await Promise.all(['a', 'b', 'c'].map(camera));
    return { engineMs: [], frameMs: [(performance.now() - startMs) / frames] };
  };
  return async ({ frames, overlapped: together }: DaemonTurn): Promise<Times> => {
    const before = process.cpuUsage();
    const times = await (together ? overlapped(frames) : oneByOne.run(frames));
    const { user, system } = process.cpuUsage(before);
    return { ...times, cpuMs: (user + system) / 1_000 / frames };
  };
}

const answer = (message: DaemonAnswer) => process.send?.(message);
process.once('message', async (work: DaemonWork) => {
  const run = await open(work);
  process.on('message', async (turn: DaemonTurn) => answer(await run(turn)));
  process.once('disconnect', () => process.exit());
  answer('ready');
});
