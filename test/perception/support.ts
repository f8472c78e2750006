import type { TestContext } from 'node:test';
import { prepareBackbone } from '../../src/agent/seeing/prepare-backbone.js';
import type { HeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { type Config, configSchema } from '../../src/config/schema.js';
import { Perception } from '../../src/perception/perception.js';
import type { Perceived, PerceptionSettings } from '../../src/perception/perception-protocol.js';
import { temporaryFolder } from '../temporary-folder.js';
import { installBackbone } from '../training/fixture.js';

export interface TestFrame {
  camera: string;
  region: string | null;
  jpeg: Uint8Array;
  requested?: true;
}

export interface Answer {
  frame: TestFrame;
  perceived: Perceived | null;
  error: HeadlandError | null;
}

/** Perception with a tiny but real backbone, and what it said of each frame, in order. */
export async function startPerception(
  t: Pick<TestContext, 'after'>,
  inference: Partial<Config['inference']> = {},
): Promise<{
  perception: Perception<TestFrame>;
  answers: Answer[];
  settings: PerceptionSettings;
}> {
  const dir = temporaryFolder(t);
  const cardsDir = await installBackbone(dir, 'tiny', 1);
  const config = configSchema.parse({
    models: { backbone: 'tiny', cardsDir, allowDownload: false },
    paths: { cacheDir: dir, stateDir: dir },
    inference,
  });
  const log = silentLog();
  await prepareBackbone(config, { log, environment: {}, onProgress: () => {} });
  const settings: PerceptionSettings = {
    backbone: 'tiny',
    cardsDir,
    addedCardsDir: null,
    cacheDir: dir,
    threads: 1,
    execution: { provider: 'cpu', libraryPath: null },
    fit: config.inference.fit,
    tasks: [{ name: 'main', cameras: [], regions: [], decision: config.inference }],
    maxPictureBytes: config.inference.maxPictureBytes,
    maxPicturePixels: config.inference.maxPicturePixels,
  };
  const answers: Answer[] = [];
  const perception = new Perception<TestFrame>(
    settings,
    {
      onPerceived: (frame, perceived) => answers.push({ frame, perceived, error: null }),
      onRefused: (frame, error) => answers.push({ frame, perceived: null, error }),
      onFailure: (error) => {
        throw error;
      },
      onHeadLost: (error) => {
        throw error;
      },
    },
    log,
  );
  t.after(() => perception.stop());
  await perception.start();
  return { perception, answers, settings };
}
