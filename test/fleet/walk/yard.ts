import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { sha256Hex } from '../../../src/base/hash.js';
import type { RobotTask } from '../../../src/fleet/contract/hub-api.js';
import { type Daemon, headland, Rig } from '../../agent/daemon.js';
import { Mosquitto } from '../../telemetry/mosquitto.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { HubChild } from '../hub-child.js';
import { until } from '../hub-fixture.js';
import { WireTap } from './wire-tap.js';

const SHOWN = ['crop', 'weed', 'stone'];
const PICTURES = 24;
const LIMIT_MS = 120_000;
const WRITE = { 'content-type': 'application/json', 'x-headland': '1' };

/** In the browser: the page's policy forbids to read a picture by its address, so that its bytes are kept. */
const KEEP_PICTURES = `{
  const make = URL.createObjectURL.bind(URL);
  window.picturesByUrl = new Map();
  URL.createObjectURL = (blob) => {
    const url = make(blob);
    window.picturesByUrl.set(url, blob);
    return url;
  };
}`;
const PICTURE_ON_SCREEN = `window.picturesByUrl
  .get(document.querySelector('#picture').src)
  .arrayBuffer()
  .then((bytes) => [...new Uint8Array(bytes)])`;

/** What a camera shows and what the robot says of it. */
export interface Seen {
  sampleId: string;
  shown: string;
  answered: string | null;
}

/** A whole robot in a process of its own; its camera shows pictures that no other robot has. */
export class YardRobot {
  #daemon: Daemon | null = null;

  private constructor(
    readonly name: string,
    readonly rig: Rig,
  ) {}

  /** @param index of the robot, which makes its pictures */
  static async create(
    t: TestContext,
    name: string,
    index: number,
    url: string,
    fleet: Record<string, unknown> = {},
  ): Promise<YardRobot> {
    const rig = await Rig.create(t);
    rmSync(rig.photosDir, { recursive: true });
    for (const label of SHOWN) {
      mkdirSync(join(rig.photosDir, label), { recursive: true });
      for (let i = 0; i < PICTURES; i++) await rig.draw(label, 100 * (index + 1) + i);
    }
    rig.configure({
      robot: { id: name },
      mqtt: { url, backoffInitialMs: 50 },
      fleet: { enabled: true, intervalMs: 1_000, ...fleet },
      // Only what a person gives is in the store.
      samples: { askIntervalMs: 3_600_000, holdoutAfterSamples: 0 },
      training: { everyNewLabels: 0, minLabels: 12, instant: false },
    });
    return new YardRobot(name, rig);
  }

  get daemon(): Daemon {
    assert.ok(this.#daemon, `${this.name} does not run`);
    return this.#daemon;
  }

  async start(): Promise<void> {
    this.#daemon = await this.rig.start();
  }

  async kill(): Promise<void> {
    await this.daemon.stop('SIGKILL');
  }

  /** Through the API of the page. */
  async get<T>(path: string): Promise<T> {
    const response = await fetch(new URL(path, this.daemon.consoleUrl));
    assert.equal(response.status, 200, path);
    return (await response.json()) as T;
  }

  async post<T>(path: string, body: object): Promise<T> {
    const response = await fetch(new URL(path, this.daemon.consoleUrl), {
      method: 'POST',
      headers: WRITE,
      body: JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.ok, `${path}: ${text}`);
    return JSON.parse(text) as T;
  }

  /** Looks at the newest frame. */
  async look(): Promise<Seen | null> {
    const { sampleId, frame } = await this.post<{
      sampleId: string;
      frame: { decision: { label: string } | null };
    }>('/api/snapshot', {});
    const picture = await fetch(
      new URL(`/api/samples/${sampleId}/picture`, this.daemon.consoleUrl),
    );
    const shown = this.rig.labelOf(new Uint8Array(await picture.arrayBuffer()));
    return shown === null ? null : { sampleId, shown, answered: frame.decision?.label ?? null };
  }

  /** A person says what is on pictures of these classes, until so many of each are labelled. */
  async teach(labels: readonly string[], count: number): Promise<void> {
    const left = new Map(labels.map((label) => [label, count]));
    const seen = new Set<string>();
    await until(
      `${this.name} shows pictures to label`,
      async () => {
        const frame = await this.look();
        const wanted = left.get(frame?.shown ?? '') ?? 0;
        if (frame === null || wanted === 0 || seen.has(frame.sampleId)) return left.size === 0;
        seen.add(frame.sampleId);
        await this.post('/api/label', { sampleId: frame.sampleId, label: frame.shown });
        if (wanted === 1) left.delete(frame.shown);
        else left.set(frame.shown, wanted - 1);
        return left.size === 0;
      },
      LIMIT_MS,
    );
  }

  /**
   * A person says on the page of the robot what is on its live picture: stops it, types the class and presses
   * Enter, until so many pictures of the class are labelled.
   */
  async teachOnPage(page: Page, label: string, count: number): Promise<void> {
    await page.addInitScript(KEEP_PICTURES);
    await page.goto(`${this.daemon.consoleUrl}#live`);
    const text = page.locator('#new-label-text:not([disabled])');
    const done = new Set<string>();
    await until(
      `${this.name} shows ${label} on its page`,
      async () => {
        await text.click();
        await page.locator('#picture[src^="blob:"]').waitFor();
        const bytes = await page.evaluate<number[]>(PICTURE_ON_SCREEN);
        const picture = Uint8Array.from(bytes);
        const id = sha256Hex(picture);
        if (this.rig.labelOf(picture) !== label || done.has(id)) {
          await page.keyboard.press('Escape');
          return false;
        }
        await page.keyboard.type(label);
        await page.keyboard.press('Enter');
        await page.locator('#toast-text', { hasText: `Labelled ${label}` }).waitFor();
        done.add(id);
        return done.size >= count;
      },
      LIMIT_MS,
    );
  }

  /** What it answers to pictures of a class. */
  async answers(label: string, count: number): Promise<(string | null)[]> {
    const answers: (string | null)[] = [];
    await until(
      `${this.name} looks at ${label}`,
      async () => {
        const frame = await this.look();
        if (frame?.shown === label) answers.push(frame.answered);
        return answers.length >= count;
      },
      LIMIT_MS,
    );
    return answers;
  }

  /** A command on this robot; its output. */
  command(...words: string[]): string {
    const { status, stdout, stderr } = headland(...words, '--config', this.rig.configFile);
    assert.equal(status, 0, `${words.join(' ')}: ${stderr}`);
    return stdout;
  }
}

/** Robots, a broker and the hub between them; each its own process. */
export class Yard {
  readonly robots = new Map<string, YardRobot>();
  #hubUrl = '';
  #token = '';

  private constructor(
    private readonly t: TestContext,
    readonly broker: Mosquitto,
    readonly tap: WireTap,
    readonly hub: HubChild,
    readonly storePath: string,
  ) {}

  static async start(t: TestContext, settings: Record<string, unknown> = {}): Promise<Yard> {
    const broker = await Mosquitto.start(t, ['max_queued_bytes 0']);
    const tap = await WireTap.start(t, broker.url);
    const storePath = join(temporaryFolder(t), 'hub.sqlite');
    const hub = new HubChild({
      fleet: 'yard',
      store: `sqlite:${storePath}`,
      replica: 'one',
      mqtt: { url: broker.url },
      http: { port: 0 },
      learning: {
        basisDirections: 16,
        basisMinSamples: 20,
        roundIntervalMs: 1_000,
        settleMs: 300,
        roundTimeoutMs: 10_000,
      },
      rollout: { stageMs: 0 },
      tickMs: 100,
      log: { format: 'json', level: 'debug' },
      ...settings,
    });
    t.after(() => hub.stop());
    const yard = new Yard(t, broker, tap, hub, storePath);
    await yard.startHub();
    const added = headland(
      'fleet',
      'people',
      'add',
      'Ann',
      '--role',
      'operate',
      '--json',
      ...yard.onStore,
    );
    assert.equal(added.status, 0, added.stderr);
    yard.#token = (JSON.parse(added.stdout) as { token: string }).token;
    return yard;
  }

  /** Address of the page of the hub, with a slash at its end. */
  get hubUrl(): string {
    return this.#hubUrl;
  }

  get token(): string {
    return this.#token;
  }

  /** Options of a command that works on the store of the hub. */
  get onStore(): string[] {
    return ['--config', this.hub.config];
  }

  async startHub(): Promise<void> {
    this.#hubUrl = await this.hub.up();
  }

  async robot(name: string, fleet: Record<string, unknown> = {}): Promise<YardRobot> {
    const robot = await YardRobot.create(this.t, name, this.robots.size, this.broker.url, fleet);
    this.robots.set(name, robot);
    await robot.start();
    return robot;
  }

  /** What the hub says. */
  async get<T>(path: string): Promise<T> {
    const response = await fetch(new URL(path, this.#hubUrl), {
      headers: { authorization: `Bearer ${this.#token}` },
    });
    assert.equal(response.status, 200, path);
    return (await response.json()) as T;
  }

  /** A command on the hub; its output. */
  command(...words: string[]): string {
    const { status, stdout, stderr } = headland('fleet', ...words, ...this.onStore);
    assert.equal(status, 0, `${words.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** What the hub knows of the only task of a robot. */
  async task(name: string): Promise<RobotTask | null> {
    const { robots } = await this.get<{ robots: { robot: string; tasks: RobotTask[] }[] }>(
      '/api/robots',
    );
    return robots.find(({ robot }) => robot === name)?.tasks[0] ?? null;
  }

  /** Waits, and says what everybody last said when it was in vain. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    try {
      await until(what, holds, LIMIT_MS);
    } catch (error) {
      const said = [...this.robots.keys()].map(
        (name) =>
          `${name}: ${JSON.stringify(this.tap.reported(name)?.tasks)}\n  wanted: ${JSON.stringify(this.tap.desired(name)?.tasks)}`,
      );
      const tail = this.hub.log.split('\n').slice(-12).join('\n');
      throw new Error(`${String(error)}\n${said.join('\n')}\n${tail}`);
    }
  }
}
