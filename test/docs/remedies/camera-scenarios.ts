import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { frame } from '../../camera/drivers/pipe-frames.js';
import { every, httpCamera, makeVideo } from '../../camera/sources.js';
import { makeJpeg } from '../../camera/support.js';
import { listen } from '../../ports.js';
import type { Robot, Settings } from './field.js';
import type { Said, Situation } from './scenario.js';

/** A camera of one daemon with many: what is wrong with it, and what its remedy says. */
export interface CameraScenario extends Situation {
  name: string;
  /** The camera's settings. */
  camera(world: CameraWorld): Promise<Settings> | Settings;
  /** Does what the remedy says; the daemon tries the camera again by itself. */
  mend(world: CameraWorld, said: Said): unknown;
}

/** The robot, and cameras on the network that do what they are told. */
export class CameraWorld {
  readonly #healthy = new Set<string>();
  #video: string | null = null;

  constructor(
    private readonly t: TestContext,
    readonly robot: Robot,
  ) {}

  /** A camera that sends what is wrong until it is healed. */
  async networkCamera(
    name: string,
    wrong: (jpeg: Uint8Array) => Uint8Array | null,
  ): Promise<string> {
    const jpeg = await makeJpeg(1);
    return httpCamera(this.t, (viewer) =>
      every(this.t, 50, () => {
        const sent = this.#healthy.has(name) ? jpeg : wrong(jpeg);
        if (sent) viewer.send(sent);
      }),
    );
  }

  /** The address of a still: a drawing until it is healed, then a JPEG. */
  async stillCamera(name: string): Promise<string> {
    const jpeg = await makeJpeg(1);
    const drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"/>';
    const server = createServer((_, response) => {
      const [type, body] = this.#healthy.has(name)
        ? ['image/jpeg', jpeg]
        : ['image/svg+xml', drawing];
      response.writeHead(200, { 'content-type': type }).end(body);
    });
    const port = await listen(server);
    this.t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${port}/still.svg`;
  }

  heal(name: string): void {
    this.#healthy.add(name);
  }

  /** Copies pictures into a folder. */
  fill(folder: string): void {
    const from = join(this.robot.photosDir, 'weed');
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(from)) copyFileSync(join(from, file), join(folder, file));
  }

  get video(): string {
    this.#video ??= makeVideo(this.robot.dir, 2, 10);
    return this.#video;
  }
}

const file = { driver: 'ffmpeg', loop: true, framesPerSecond: 5 };
const replay = { driver: 'replay', intervalMs: 200 };

export const cameraScenarios: CameraScenario[] = [
  {
    code: 'HL_CAMERA_DEVICE_MISSING',
    when: 'a folder',
    follows: 'Create the folder, or correct path in the configuration',
    name: 'no-folder',
    camera: ({ robot }) => ({ ...replay, path: robot.path('no-folder') }),
    mend: (world) => world.fill(world.robot.path('no-folder')),
  },
  {
    code: 'HL_CAMERA_NO_PICTURE',
    when: 'an empty folder',
    follows: 'put .jpg, .png or .webp files into it',
    name: 'empty',
    camera: ({ robot }) => {
      mkdirSync(robot.path('empty'));
      return { ...replay, path: robot.path('empty') };
    },
    mend: (world) => world.fill(world.robot.path('empty')),
  },
  {
    code: 'HL_CAMERA_NO_PICTURE',
    when: 'no readable picture',
    follows: 'the log',
    name: 'unreadable',
    camera: ({ robot }) => {
      robot.write('unreadable/a.jpg', 'no picture');
      return { ...replay, path: robot.path('unreadable') };
    },
    mend: (world) => world.fill(world.robot.path('unreadable')),
  },
  {
    code: 'HL_CAMERA_DEVICE_MISSING',
    when: 'a file',
    follows: 'Put the file there, or correct input in the configuration',
    name: 'no-file',
    camera: ({ robot }) => ({ ...file, input: robot.path('recording.mp4') }),
    mend: (world) => copyFileSync(world.video, world.robot.path('recording.mp4')),
  },
  {
    code: 'HL_CAMERA_FRAMING_REFUSED',
    follows: 'then the JPEG',
    name: 'bare-jpegs',
    camera: async ({ robot }) => {
      const file = robot.write('frames', await makeJpeg(1));
      const script = `while cat ${file}; do sleep 0.1; done`;
      return { driver: 'pipe', command: { path: '/bin/sh', arguments: ['-c', script] } };
    },
    mend: async ({ robot }) => robot.write('frames', frame(await makeJpeg(1))),
  },
  {
    code: 'HL_CAMERA_EXITED',
    follows: 'correct what is wrong there',
    name: 'damaged-file',
    camera: ({ robot }) => ({
      ...file,
      input: robot.write('damaged.mp4', 'no video '.repeat(5_000)),
    }),
    mend: (world) => {
      const damaged = world.robot.path('damaged.mp4');
      rmSync(damaged);
      copyFileSync(world.video, damaged);
    },
  },
  {
    code: 'HL_CAMERA_FORMAT_REFUSED',
    follows: 'Set the camera to JPEG',
    name: 'drawing',
    camera: async (world) => ({
      driver: 'ffmpeg',
      framesPerSecond: 5,
      input: await world.stillCamera('drawing'),
    }),
    mend: (world) => world.heal('drawing'),
  },
  {
    code: 'HL_CAMERA_STALLED',
    follows: 'Check cable and power of the camera',
    name: 'silent',
    camera: async (world) => ({
      driver: 'ffmpeg',
      stallMs: 1_000,
      input: await world.networkCamera('silent', () => null),
    }),
    mend: (world) => world.heal('silent'),
  },
  {
    code: 'HL_CAMERA_GARBAGE',
    follows: 'shorter or better cable',
    name: 'bad-cable',
    camera: async (world) => ({
      driver: 'ffmpeg',
      stallMs: 2_000,
      input: await world.networkCamera('bad-cable', (jpeg) => jpeg.subarray(0, jpeg.length / 2)),
    }),
    mend: (world) => world.heal('bad-cable'),
  },
];
