import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectAsync, type MqttClient } from 'mqtt';
import { stringify } from 'yaml';
import { SampleStore } from '../../src/samples/store.js';
import { openDatabase } from '../../src/storage/database.js';
import { HANG_MS } from '../liveness.js';
import { Recorder } from '../recorder.js';
import { drawPicture, installBackbone } from '../training/fixture.js';

export const CLI = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
/** Runs a command to its end. */
export function headland(...args: string[]): {
  status: number | null;
  stdout: string;
  stderr: string;
} {
  return spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', timeout: HANG_MS });
}

interface StartOptions {
  /** Runs the daemon: `['strace', …]`. */
  wrapper?: string[];
  env?: NodeJS.ProcessEnv;
}

type Settings = Record<string, unknown>;
type LogLine = Record<string, unknown>;

/** A robot's folders with a tiny real backbone and class folders for its replay camera. */
export class Rig {
  readonly stateDir: string;
  readonly cacheDir: string;
  readonly photosDir: string;
  readonly configFile: string;
  readonly #labels = new Map<string, string>();
  readonly #daemons: Daemon[] = [];
  #settings: Settings = {};
  #mounted = false;

  private constructor(readonly dir: string) {
    this.stateDir = join(dir, 'state');
    this.cacheDir = join(dir, 'cache');
    this.photosDir = join(dir, 'photos');
    this.configFile = join(dir, 'headland.yaml');
  }

  static async create(
    t: Pick<TestContext, 'after'>,
    settings: Settings = {},
    engine: 'onnx' | 'tfjs' = 'onnx',
  ): Promise<Rig> {
    const dir = mkdtempSync(join(tmpdir(), 'headland-daemon-'));
    const rig = new Rig(dir);
    t.after(() => rig.#remove());
    const cardsDir = await installBackbone(dir, 'tiny', 1, engine);
    for (const label of ['crop', 'weed', 'stone']) {
      mkdirSync(join(rig.photosDir, label), { recursive: true });
      for (let index = 0; index < 24; index++) await rig.draw(label, index);
    }
    rig.#settings = {
      robot: { id: 'r1' },
      paths: { stateDir: rig.stateDir, cacheDir: rig.cacheDir },
      models: { backbone: 'tiny', cardsDir, allowDownload: false },
      cameras: [
        {
          driver: 'replay',
          path: rig.photosDir,
          intervalMs: 20,
          shuffleSeed: 1,
          groupPattern: '_(\\d+)',
        },
      ],
      samples: { askIntervalMs: 0 },
      augmentation: { views: 1 },
      training: { everyNewLabels: 0, minLabels: 12 },
      embeddedBroker: { port: 0 },
      console: { port: 0 },
    };
    rig.configure(settings);
    return rig;
  }

  /** Draws one more picture for the replay camera. */
  async draw(label: string, index: number): Promise<void> {
    const picture = await drawPicture(label, index);
    this.#labels.set(sha256(picture), label);
    const name = `${label}_${String(index).padStart(3, '0')}.jpg`;
    writeFileSync(join(this.photosDir, label, name), picture);
  }

  /** Writes the configuration anew, these sections in the place of the usual ones. */
  configure(settings: Settings): void {
    this.writeConfig({ ...this.#settings, ...settings });
  }

  /** What is on one of the drawn pictures; null for any other. */
  labelOf(picture: Uint8Array): string | null {
    return this.#labels.get(sha256(picture)) ?? null;
  }

  /** The samples of a daemon that has ended. */
  openSamples(t: Pick<TestContext, 'after'>): SampleStore {
    const database = openDatabase(join(this.stateDir, 'headland.db'));
    t.after(() => database.close());
    return new SampleStore(database, {
      holdoutShare: 0.2,
      holdoutAfterSamples: 0,
      maxPictureStoreBytes: 1_000_000_000,
    });
  }

  writeConfig(config: Settings): void {
    writeFileSync(this.configFile, stringify(config));
  }

  async start(options: StartOptions = {}): Promise<Daemon> {
    const daemon = new Daemon(this, options);
    this.#daemons.push(daemon);
    await daemon.logged((line) => line.msg === 'ready');
    return daemon;
  }

  /** Puts a small file system where the state will be; false when this user may not. */
  mountState(size: string): boolean {
    mkdirSync(this.stateDir);
    const options = ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', this.stateDir];
    this.#mounted = spawnSync('mount', options).status === 0;
    return this.#mounted;
  }

  async #remove(): Promise<void> {
    for (const daemon of this.#daemons) await daemon.stop('SIGKILL');
    if (this.#mounted) spawnSync('umount', ['-l', this.stateDir]);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A running `headland run`, with what it logs. */
export class Daemon {
  readonly process: ChildProcess;
  readonly #lines = new Recorder<LogLine>();

  constructor(rig: Rig, { wrapper = [], env = {} }: StartOptions) {
    const node = [process.execPath, CLI, 'run', '--config', rig.configFile];
    const [command, ...args] = [...wrapper, ...node];
    this.process = spawn(command!, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    let rest = '';
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop()!;
      for (const part of parts) this.#lines.add(JSON.parse(part));
    });
    // After `close` nothing more can come through the pipe.
    this.process.once('close', (code) =>
      this.#lines.end(new Error(`no such line; exit code ${code}:\n${this.tail()}`)),
    );
  }

  /** Waits until a log line matches. */
  logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    return this.#lines.until(matches, 'a line of the log');
  }

  get lines(): readonly LogLine[] {
    return this.#lines.all;
  }

  get mqttUrl(): string {
    return this.lines.find((line) => line.msg === 'ready')!.mqtt as string;
  }

  get consoleUrl(): string {
    return this.lines.find((line) => line.msg === 'ready')!.console as string;
  }

  get alive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ code: number | null }> {
    if (!this.alive) return { code: this.process.exitCode };
    const exited = once(this.process, 'exit');
    this.process.kill(signal);
    const [code] = await exited;
    return { code };
  }

  tail(): string {
    return this.lines
      .slice(-15)
      .map((line) => JSON.stringify(line))
      .join('\n');
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
type Body = Record<string, any>;

interface Received {
  topic: string;
  body: Body;
}

/** How a person labels frames. */
interface LabelManner {
  /** Other fields of `snapshot`. */
  snapshot?: Record<string, unknown>;
  /** Gets every frame. */
  look?(frame: Body): void;
  /** Fields of each `label` for a frame that shows this; usually one. */
  labels?(shown: string): Record<string, unknown>[];
}

/** A person's MQTT tool: sees everything, sends commands and waits for their answers. */
export class Person {
  readonly #received = new Recorder<Received>();
  /** A robot refuses the transactions of another person, also after a restart. */
  readonly #name = randomUUID();
  #transactions = 0;

  private constructor(private readonly client: MqttClient) {}

  get received(): readonly Received[] {
    return this.#received.all;
  }

  /** What came so far counts no more. */
  forget(): void {
    this.#received.all.length = 0;
  }

  static async connect(t: TestContext, url: string, protocolVersion: 4 | 5 = 4): Promise<Person> {
    const person = await Person.listen(t, url, protocolVersion);
    // What is sent before the daemon has subscribed is lost, as with any MQTT 3.1.1 client.
    await person.until(
      ({ topic, body }) => topic === 'headland/r1/status' && body.state === 'online',
    );
    return person;
  }

  /** Hears a broker from before the daemon is there. */
  static async listen(t: TestContext, url: string, protocolVersion: 4 | 5 = 4): Promise<Person> {
    const client = await connectAsync(url, { protocolVersion, reconnectPeriod: 200 });
    const person = new Person(client);
    t.after(() => person.#leave());
    client.on('message', (topic, payload) => {
      // Our own broken commands come back on the wildcard, and a picture is no JSON.
      if (/\/(cmd\/[a-z]+|picture\/[^/]+)$/.test(topic) || payload.length === 0) return;
      person.#received.add({ topic, body: JSON.parse(payload.toString('utf8')) });
    });
    await client.subscribeAsync('headland/#', { qos: 1 });
    return person;
  }

  /** Nobody waits any longer: a limit of time would keep the process alive. */
  async #leave(): Promise<void> {
    this.#received.end(new Error('the person has left'));
    await this.client.endAsync(true);
  }

  async publish(topic: string, payload: string | Buffer): Promise<void> {
    await this.client.publishAsync(topic, payload, { qos: 1 });
  }

  /** Sends a command and returns its answer. */
  async command(name: string, payload: Record<string, unknown> = {}): Promise<Body> {
    const transaction = `${this.#name}-${++this.#transactions}`;
    await this.publish(`headland/r1/cmd/${name}`, JSON.stringify({ ...payload, transaction }));
    const { body } = await this.until(
      ({ topic, body: answer }) =>
        topic === `headland/r1/cmd/${name}/response` && answer.transaction === transaction,
    );
    return body;
  }

  until(matches: (message: Received) => boolean): Promise<Received> {
    return this.#received.until(matches, 'a message');
  }

  /**
   * Looks at frames, as `snapshot` shows them, and labels them until so many were labelled.
   * @returns ids of their samples
   */
  async labelFrames(rig: Rig, count: number, manner: LabelManner = {}): Promise<Set<string>> {
    const { snapshot = {}, look, labels = (shown: string) => [{ label: shown }] } = manner;
    const labelled = new Set<string>();
    await this.until(({ topic }) => topic.endsWith('/prediction'));
    while (labelled.size < count) {
      const taken = await this.command('snapshot', { include_picture: true, ...snapshot });
      if (!taken.ok) throw new Error(JSON.stringify(taken));
      const { data } = taken;
      look?.(data);
      const shown = rig.labelOf(Buffer.from(data.picture_base64, 'base64'));
      if (shown === null || labelled.has(data.sample_id)) continue;
      for (const fields of labels(shown)) {
        const answer = await this.command('label', { sample: data.sample_id, ...fields });
        if (!answer.ok) throw new Error(JSON.stringify(answer));
      }
      labelled.add(data.sample_id);
    }
    return labelled;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
