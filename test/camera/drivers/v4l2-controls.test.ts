import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { setV4l2Controls, type V4l2Settings } from '../../../src/camera/drivers/v4l2-controls.js';
import { configSchema } from '../../../src/config/schema.js';
import { needsTool } from '../support.js';
import { fixture, PlaybackTools } from '../tool.js';

/** Sets controls of /dev/video9; resolves to the codes and messages that were logged. */
async function set(settings: Partial<V4l2Settings>, device = '/dev/video9') {
  const logged: { code: string; remedy: string; msg: string }[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => logged.push(JSON.parse(line)) });
  const all = { exposureMicroseconds: null, v4l2Controls: {}, ...settings };
  await setV4l2Controls(device, all, log, new AbortController().signal);
  return logged;
}

function camera(t: TestContext, list: string): PlaybackTools {
  const tools = new PlaybackTools(t);
  tools.install('v4l2-ctl', [
    { arguments: '*--list-ctrls', does: { stdout: fixture(`v4l2/${list}.txt`), exit: 0 } },
    {
      arguments: '*contrast=999',
      does: { stderr: 'VIDIOC_S_EXT_CTRLS: failed: Numerical result out of range\n', exit: 255 },
    },
    { arguments: '*', does: { exit: 0 } },
  ]);
  return tools;
}

const settingsIn = (tools: PlaybackTools) =>
  tools.runs('v4l2-ctl').flatMap((line) => /--set-ctrl (.*)/.exec(line)?.[1] ?? []);

describe('setV4l2Controls', () => {
  it('makes exposure manual first, then sets it in steps of 100 microseconds', async (t) => {
    const tools = camera(t, 'list-new');
    const v4l2Controls = { brightness: 40, white_balance_automatic: 0 };
    assert.deepEqual(await set({ exposureMicroseconds: 4_000, v4l2Controls }), []);
    assert.deepEqual(settingsIn(tools), [
      'auto_exposure=1',
      'exposure_time_absolute=40',
      'brightness=40',
      'white_balance_automatic=0',
    ]);
    assert.ok(tools.runs('v4l2-ctl').every((line) => line.startsWith('--device /dev/video9 ')));
  });

  it('knows the names of older kernels', async (t) => {
    const tools = camera(t, 'list-old');
    assert.deepEqual(await set({ exposureMicroseconds: 50 }), []);
    assert.deepEqual(settingsIn(tools), ['exposure_auto=1', 'exposure_absolute=1']);
  });

  it('logs a control that the camera does not have, with those that it has', async (t) => {
    const tools = camera(t, 'list-new');
    const [warning] = await set({ v4l2Controls: { focus_absolute: 3 } });
    assert.equal(warning?.code, 'HL_CAMERA_CONTROL_REFUSED');
    assert.match(warning.msg, /focus_absolute.*brightness, contrast/);
    assert.deepEqual(settingsIn(tools), []);
  });

  it('logs a value that the camera refuses, with its own words', async (t) => {
    camera(t, 'list-new');
    const [warning] = await set({ v4l2Controls: { contrast: 999 } });
    assert.match(warning!.msg, /contrast=999.*out of range/);
  });

  it('starts no tool when nothing is to be set', async (t) => {
    const tools = camera(t, 'list-new');
    assert.deepEqual(await set({}), []);
    assert.deepEqual(tools.runs('v4l2-ctl'), []);
  });

  it('names the package when v4l2-ctl is not installed', async (t) => {
    new PlaybackTools(t, { alone: true });
    const [warning] = await set({ exposureMicroseconds: 1 });
    assert.equal(warning?.code, 'HL_CAMERA_TOOL_MISSING');
    assert.match(warning.remedy, /apt-get install v4l-utils/);
  });

  it('says what the real v4l2-ctl says of a device that is not there', async (t) => {
    if (!needsTool(t, 'v4l2-ctl')) return;
    if (existsSync('/dev/video99')) return t.skip('this machine has a /dev/video99');
    const [warning] = await set({ exposureMicroseconds: 100 }, '/dev/video99');
    assert.match(warning!.msg, /Cannot open device/);
  });

  it('is only given names that could be those of controls', () => {
    for (const name of ['--all', 'gain=1,x', 'a b', '', 'Gain', '$(id)']) {
      const cameras = [{ driver: 'ffmpeg', v4l2Controls: { [name]: 1 } }];
      assert.equal(configSchema.safeParse({ cameras }).success, false, name);
    }
  });
});
