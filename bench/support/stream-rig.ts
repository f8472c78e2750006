import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectAsync, type MqttClient } from 'mqtt';
import { stringify } from 'yaml';
import { silentLog } from '../../src/base/log.js';
import {
  type EmbeddedBroker,
  startEmbeddedBroker,
} from '../../src/telemetry/broker/embedded-broker.js';
import { type HttpCamera, makeFilm, openHttpCamera } from './cameras.js';
import type { Photo } from './grocery.js';
import { userCacheDir } from './places.js';

const CLI = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const FILM_PICTURES = 90;
const COMMAND_TIMEOUT_MS = 240_000;

/** What a listener saw of the daemon. */
export interface Heard {
  topic: string;
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
  body: any;
  /** Unix time of arrival, milliseconds: the only clock that the daemon shares. */
  atMs: number;
  /** The same as `performance.now()` said it. */
  momentMs: number;
}

/**
 * A robot to measure: the daemon as it is installed, in its own process; a camera, which is ffmpeg
 * in another; a broker and a listener here.
 */
export class StreamRig {
  readonly heard: Heard[] = [];
  daemon: ChildProcess | null = null;
  #transactions = 0;

  private constructor(
    private readonly dir: string,
    private readonly camera: HttpCamera | null,
    private readonly broker: EmbeddedBroker,
    private readonly client: MqttClient,
  ) {}

  /** @param settings over those of the bench; with cameras of their own no film is shown */
  static async create(
    photos: { folder: string; photos: readonly Photo[] },
    settings: Record<string, unknown> = {},
  ): Promise<StreamRig> {
    const dir = mkdtempSync(join(tmpdir(), 'headland-stream-'));
    const camera = settings.cameras ? null : await openHttpCamera(await filmOf(photos, dir));
    const broker = await startEmbeddedBroker({ port: 0, maxConnections: 8, log: silentLog() });
    const client = await connectAsync(broker.url);
    const rig = new StreamRig(dir, camera, broker, client);
    client.on('message', (topic, payload) => {
      if (/\/cmd\/[a-z]+$/.test(topic) || payload.length === 0) return;
      const atMs = Date.now();
      const momentMs = performance.now();
      const body = JSON.parse(payload.toString('utf8'));
      rig.heard.push({ topic: topic.replace('headland/bench/', ''), body, atMs, momentMs });
    });
    await client.subscribeAsync('headland/bench/#');
    const config = {
      robot: { id: 'bench' },
      paths: { stateDir: join(dir, 'state'), cacheDir: userCacheDir() },
      cameras: [{ driver: 'ffmpeg', input: camera?.url, framesPerSecond: 60, stallMs: 5_000 }],
      cameraBackoff: { initialMs: 50, maxMs: 200 },
      training: { everyNewLabels: 0 },
      mqtt: { url: broker.url, protocol: '3.1.1', metricsIntervalMs: 1_000 },
      console: { port: 0 },
      log: { level: 'warn' },
      ...settings,
    };
    writeFileSync(rig.#configFile, stringify(config));
    return rig;
  }

  get #configFile(): string {
    return join(this.dir, 'headland.yaml');
  }

  /** Photos become labelled samples. */
  async importPhotos(name: string, folder: string, photos: readonly Photo[]): Promise<void> {
    for (const { path, label } of photos) {
      const target = join(this.dir, name, label);
      mkdirSync(target, { recursive: true });
      copyFileSync(join(folder, path), join(target, basename(path)));
    }
    // As in the data set: split, variety and number div 10 were taken together.
    const pattern = String.raw`(\w+?_.*?)_.*?(\d*)\d\.jpg$`;
    await this.command('import', join(this.dir, name), '--group-pattern', pattern, '--json');
  }

  /** Runs a command of headland on the robot's state and returns what it printed. */
  async command(...words: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [CLI, ...words, '--config', this.#configFile],
      { timeout: COMMAND_TIMEOUT_MS, maxBuffer: 2 ** 26 },
    );
    return stdout;
  }

  /** Starts the daemon; resolves with the milliseconds to its first prediction. */
  async start(): Promise<number> {
    this.heard.length = 0;
    const startMs = performance.now();
    const environment = { ...process.env, ...unitEnvironment() };
    this.daemon = spawn(process.execPath, [CLI, 'run', '--config', this.#configFile], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: environment,
    });
    return (await this.until(({ topic }) => topic === 'prediction', 60_000)).momentMs - startMs;
  }

  async stop(): Promise<void> {
    const { daemon } = this;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const exited = once(daemon, 'exit');
    daemon.kill('SIGTERM');
    await exited;
  }

  /** Sends a command over MQTT and returns its answer. */
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
  async ask(name: string, payload: Record<string, unknown> = {}): Promise<any> {
    const transaction = `bench-${++this.#transactions}`;
    const command = JSON.stringify({ ...payload, transaction });
    await this.client.publishAsync(`headland/bench/cmd/${name}`, command);
    const topic = `cmd/${name}/response`;
    const answer = await this.until(
      (heard) => heard.topic === topic && heard.body.transaction === transaction,
      30_000,
    );
    return answer.body;
  }

  async until(matches: (heard: Heard) => boolean, limitMs: number): Promise<Heard> {
    const deadlineMs = performance.now() + limitMs;
    for (;;) {
      const found = this.heard.find(matches);
      if (found) return found;
      const code = this.daemon?.exitCode;
      if (performance.now() > deadlineMs || typeof code === 'number') {
        throw new Error(`no such message; exit code of the daemon: ${code ?? 'none'}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    await this.stop();
    await this.camera?.close();
    await this.client.endAsync(true);
    await this.broker.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** What the systemd unit puts into the daemon's environment. */
function unitEnvironment(): Record<string, string> {
  const unit = readFileSync(new URL('../../../systemd/headland.service', import.meta.url), 'utf8');
  return Object.fromEntries(
    [...unit.matchAll(/^Environment=([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
}

function filmOf(
  { folder, photos }: { folder: string; photos: readonly Photo[] },
  dir: string,
): ReturnType<typeof makeFilm> {
  const shown = photos.filter(({ split }) => split === 'test').slice(0, FILM_PICTURES);
  const pictures = shown.map(({ path }) => readFileSync(join(folder, path)));
  return makeFilm(dir, pictures);
}
