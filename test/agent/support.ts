import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Agent } from '../../src/agent/agent.js';
import { openState, type State } from '../../src/agent/open-state.js';
import type { RecentFrame } from '../../src/agent/seeing/recent-frames.js';
import type { Frame } from '../../src/camera/camera.js';
import { type Config, configSchema } from '../../src/config/schema.js';
import { WrittenBytes } from '../../src/host/written-bytes.js';
import { type Decision, undecided } from '../../src/perception/decision.js';
import { Composer } from '../../src/telemetry/contract/composer.js';
import type { Message, MessageName } from '../../src/telemetry/contract/messages.js';
import { type LogLine, Recorder, recordedLog } from '../recorder.js';
import { temporaryFolder } from '../temporary-folder.js';
import { drawPicture, installBackbone } from '../training/fixture.js';

type Settings = Record<string, unknown>;
type Cleanup = Pick<TestContext, 'after'>;

/** Length of the features of the tiny backbone. */
export const FEATURES = 24;
/** Of frames that no real backbone has embedded. */
export const BACKBONE = 'b'.repeat(64);

/** Settings of the robot `r1`, all of whose folders lie in `dir`. */
export function robotConfig(dir: string, settings: Settings = {}): Config {
  return configSchema.parse({
    robot: { id: 'r1' },
    paths: { stateDir: dir, cacheDir: join(dir, 'cache') },
    ...settings,
  });
}

/** What a robot keeps on its disk, open until the test ends. */
export function openRobot(
  t: Cleanup,
  settings: Settings = {},
  dir = temporaryFolder(t),
): { dir: string; config: Config; state: State } {
  const config = robotConfig(dir, settings);
  const state = openState(config);
  t.after(() => state.close());
  return { dir, config, state };
}

/** A frame as it is remembered; every sequence has a picture of its own. */
export function recentFrame(
  frame: Partial<Frame> = {},
  decision: Partial<Decision> = {},
  { features = new Float32Array(FEATURES).fill(0.5), backboneChecksum = BACKBONE } = {},
): RecentFrame {
  const { camera = 'main', region = null, sequence = 1 } = frame;
  return {
    frameId: `boot-${camera}-${sequence}`,
    frame: {
      camera,
      region,
      sequence,
      capturedAtMs: 1_700_000_000_000 + sequence,
      jpeg: new TextEncoder().encode(`picture ${sequence} of ${camera}`),
      ...frame,
    },
    perceived: {
      answers: [{ task: 'main', decision: { ...undecided(), ...decision }, scene: null }],
      features,
      dhash: '0123456789abcdef',
      timings: { decodeMs: 2, backboneMs: 5, headMs: 0.1, totalMs: 8 },
    },
    backboneChecksum,
  };
}

/** The message as it would go out; fails with the reason when it breaks the contract. */
export function outgoing<N extends MessageName>(name: N, body: object): Message<N> {
  const { log, lines } = recordedLog();
  const bytes = new Composer('boot', log).message(name, body);
  assert.ok(bytes, `${name} breaks the contract: ${JSON.stringify(lines.all[0]?.issues)}`);
  return JSON.parse(bytes.toString());
}

/** Pictures for a replay camera, shown in this order. */
export async function writePhotos(dir: string, labels: readonly string[]): Promise<string> {
  const photos = join(dir, 'photos');
  mkdirSync(photos, { recursive: true });
  for (const [index, label] of labels.entries()) {
    const name = `${String(index).padStart(3, '0')}-${label}.jpg`;
    writeFileSync(join(photos, name), await drawPicture(label, index));
  }
  return photos;
}

/** A whole daemon in the process of the test: a tiny backbone and a replay camera. */
export class TestAgent {
  readonly decisions = new Recorder<RecentFrame>();
  #stopped: Promise<void> | null = null;

  private constructor(
    readonly dir: string,
    readonly agent: Agent,
    readonly lines: Recorder<LogLine>,
  ) {
    agent.on('decision', this.decisions.add);
  }

  /**
   * Everything is built and nothing has started. The camera shows `photos` once, each when the one
   * before has been decided on.
   */
  static async create(
    t: Cleanup,
    photos: readonly string[],
    settings: Settings = {},
    environment: NodeJS.ProcessEnv = {},
    dir = temporaryFolder(t),
  ): Promise<TestAgent> {
    const config = robotConfig(dir, {
      models: {
        backbone: 'tiny',
        cardsDir: await installBackbone(dir, 'tiny', 1),
        allowDownload: false,
      },
      cameras: [
        {
          driver: 'replay',
          path: await writePhotos(dir, photos),
          intervalMs: 0,
          loop: false,
          quality: { intervalMs: 0 },
        },
      ],
      embeddedBroker: { port: 0 },
      console: { port: 0 },
      training: { everyNewLabels: 0, instant: false, learners: ['ridge'], nice: 0 },
      augmentation: { views: 0 },
      samples: { askMaxWaiting: 0 },
      ...settings,
    });
    const { log, lines } = recordedLog();
    const agent = new Agent(config, {
      log,
      environment,
      version: '0.0.0-test',
      writtenBytes: new WrittenBytes(),
    });
    const running = new TestAgent(dir, agent, lines);
    t.after(() => running.stop());
    return running;
  }

  /** Running, and every photo has been decided on. */
  static async start(
    t: Cleanup,
    photos: readonly string[],
    settings: Settings = {},
    environment: NodeJS.ProcessEnv = {},
  ): Promise<TestAgent> {
    const running = await TestAgent.create(t, photos, settings, environment);
    await running.agent.start();
    await running.decisions.count(photos.length, 'decisions');
    return running;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.agent.stop();
    return this.#stopped;
  }

  /** Of the web page, without a slash at its end. */
  get url(): string {
    const { consoleUrl } = this.agent;
    assert.ok(consoleUrl, 'the page is off');
    return consoleUrl.slice(0, -1);
  }
}
