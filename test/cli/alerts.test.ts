import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { headland, Rig } from '../agent/daemon.js';
import { makeVideo } from '../camera/sources.js';
import { needsTool } from '../camera/support.js';
import { TEST_HANG_MS } from '../liveness.js';

const RULE = {
  labels: ['weed'],
  output: 'lamp',
  matches: 2,
  ofFrames: 3,
  minProbability: 0.3,
  guesses: true,
  holdMs: 500,
  delayMs: 200,
};

interface Simulated {
  pictures: number;
  refused: number;
  durationMs: number;
  events: { rule: string; state: string; region: string | null; atMs: number }[];
  switches: { output: string; on: boolean; atMs: number }[];
}

describe('headland alerts simulate', { timeout: TEST_HANG_MS }, () => {
  test('shows when rules fire on a recording, and when their outputs are on', async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    const alerts = { rules: [{ name: 'spray', ...RULE }] };
    const gpio = { driver: 'none', outputs: [{ name: 'lamp', line: 17 }] };
    const simulate = (...args: string[]): Simulated => {
      const { status, stdout, stderr } = headland('alerts', 'simulate', ...args, ...at, '--json');
      assert.equal(status, 0, stderr);
      return JSON.parse(stdout);
    };

    assert.match(headland('alerts', 'simulate', rig.photosDir, ...at).stderr, /HL_ALERTS_NO_RULES/);
    rig.configure({ alerts, gpio });
    assert.match(
      headland('alerts', 'simulate', rig.photosDir, ...at).stderr,
      /HL_EVALUATE_NO_HEAD/,
    );
    assert.equal(headland('import', rig.photosDir, '--group-pattern', '_(\\d+)', ...at).status, 0);
    assert.equal(headland('train', ...at).status, 0);

    // Folders come in their order: crop, stone, weed.
    const count = (label: string) => readdirSync(join(rig.photosDir, label)).length;
    const weedsFrom = ((count('crop') + count('stone')) * 1_000) / 20;
    const { pictures, refused, durationMs, events, switches } = simulate(
      rig.photosDir,
      '--fps',
      '20',
    );
    assert.deepEqual([pictures, refused], [weedsFrom / 50 + count('weed'), 0]);
    assert.equal(durationMs, pictures * 50);
    const [raised, cleared] = events.slice(-2);
    assert.deepEqual([raised?.rule, raised?.state, raised?.region], ['spray', 'raised', null]);
    assert.ok(raised!.atMs >= weedsFrom, `${raised!.atMs} of ${weedsFrom}`);
    assert.equal(cleared?.state, 'cleared');
    assert.ok(cleared!.atMs >= durationMs - 50 + RULE.holdMs, 'also what the recording ends with');
    assert.deepEqual(switches.slice(-2), [
      { output: 'lamp', on: true, atMs: raised!.atMs + RULE.delayMs },
      { output: 'lamp', on: false, atMs: cleared!.atMs + RULE.delayMs },
    ]);

    const { stdout } = headland('alerts', 'simulate', rig.photosDir, '--fps', '20', ...at);
    assert.match(stdout, new RegExp(`^${pictures} pictures, `));
    assert.match(stdout, /^ {2}spray main {2}\.+[.#]*#+$/m);
    assert.match(stdout, /^ {2}lamp {2,}[.#]+$/m);
    assert.match(stdout, /raised +spray main +weed 0\.\d\d +lamp/);

    const regions = { columns: 2, rows: 1 };
    const cameras = [{ driver: 'replay', path: rig.photosDir, regions }];
    rig.configure({ cameras, alerts: { rules: [{ name: 'spray', ...RULE, region: '2' }] }, gpio });
    const fired = simulate(rig.photosDir).events.map(({ region }) => region);
    assert.ok(fired.length > 0);
    assert.ok(fired.every((region) => region === '2'));

    assert.match(
      headland('alerts', 'simulate', rig.photosDir, '--camera', 'none', ...at).stderr,
      /HL_CAMERA_UNKNOWN.*\n.*Use one of: main/,
    );
    assert.match(headland('alerts', 'simulate', '/nowhere', ...at).stderr, /HL_RECORDING_MISSING/);
    if (!needsTool(t, 'ffmpeg')) return;
    const video = makeVideo(rig.dir, 2, 10);
    assert.equal(simulate(video, '--fps', '5').pictures, 10);
  });
});
