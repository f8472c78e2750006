import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ask, WRITE } from '../../console/client.js';
import { HANG_MS } from '../../liveness.js';
import { type Daemon, Rig } from '../daemon.js';

// biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
type Body = any;

/** A person at the page of a running daemon, whose page keeps its port over reloads. */
export class SettingsPage {
  private constructor(
    readonly rig: Rig,
    readonly daemon: Daemon,
    readonly url: string,
  ) {}

  static async open(t: TestContext, settings: object = {}): Promise<SettingsPage> {
    const rig = await Rig.create(t, { ...settings });
    return SettingsPage.at(rig, await rig.start());
  }

  static at(rig: Rig, daemon: Daemon): SettingsPage {
    return new SettingsPage(rig, daemon, daemon.consoleUrl.replace(/\/$/, ''));
  }

  async get(path: string): Promise<Body> {
    const { status, json } = await ask(`${this.url}/api/robot/${path}`);
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`);
    return json;
  }

  post(path: string, body: object = {}): Promise<{ status: number; json: Body }> {
    return ask(`${this.url}/api/robot/${path}`, 'POST', WRITE, JSON.stringify(body));
  }

  /** Changes settings as they are now. */
  async change(...changes: object[]): Promise<{ status: number; json: Body }> {
    const { checksum } = await this.get('settings');
    return this.post('settings', { checksum, changes });
  }

  /** The settings, once the last change of them is no longer under way. */
  async settled(): Promise<Body> {
    return this.until('settings', ({ last }) => last !== null && last.state !== 'applying');
  }

  /** Asks until an answer satisfies; the page may be closed meanwhile. */
  async until(path: string, satisfies: (body: Body) => boolean): Promise<Body> {
    const endMs = performance.now() + HANG_MS;
    for (;;) {
      const body = await this.get(path).catch((error: unknown) => {
        if (performance.now() > endMs) throw error;
        return null;
      });
      if (body !== null && satisfies(body)) return body;
      if (performance.now() > endMs) throw new Error(`waited in vain: ${JSON.stringify(body)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
