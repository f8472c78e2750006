import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Agent } from '../../../src/agent/agent.js';
import { silentLog } from '../../../src/base/log.js';
import { WrittenBytes } from '../../../src/host/written-bytes.js';
import { systemdReceiver, withoutReceiver } from '../../host/systemd-receiver.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { type Daemon, Person, Rig } from '../daemon.js';
import { robotConfig } from '../support.js';

const REFUSED = 'the changed configuration is not used';

/** Broker and page keep their addresses over a reload, so that the same person goes on listening. */
async function running(t: TestContext, env: NodeJS.ProcessEnv = {}) {
  const rig = await Rig.create(t);
  const daemon = await rig.start({ env });
  const port = Number(new URL(daemon.mqttUrl).port);
  const settings = { embeddedBroker: { port } };
  return { rig, daemon, settings };
}

async function alarms(person: Person): Promise<string[]> {
  const { data } = await person.command('status');
  return data.alarms.map(({ alarm }: { alarm: string }) => alarm);
}

/** The next line of the log that says this. */
function logs(daemon: Daemon, text: string) {
  const before = daemon.lines.length;
  return daemon.logged(
    (line) => daemon.lines.indexOf(line) >= before && String(line.msg).startsWith(text),
  );
}

describe('a reload', { timeout: TEST_HANG_MS }, () => {
  test('runs with the changed configuration, in the same process', async (t) => {
    const { rig, daemon, settings } = await running(t);
    rig.configure({ ...settings, robot: { id: 'r2' } });
    const changed = logs(daemon, 'running with the changed configuration');
    daemon.process.kill('SIGHUP');
    await changed;
    assert.ok(daemon.alive);
    const person = await Person.listen(t, daemon.mqttUrl);
    await person.until(({ topic }) => topic === 'headland/r2/prediction');
    assert.equal((await daemon.stop()).code, 0);
  });

  test('with settings that are wrong changes nothing, and says so until they are right', async (t) => {
    const { rig, daemon } = await running(t);
    const person = await Person.connect(t, daemon.mqttUrl);
    rig.configure({ smaples: {} });
    let refused = logs(daemon, REFUSED);
    daemon.process.kill('SIGHUP');
    assert.equal((await refused).code, 'HL_CONFIG_INVALID');
    assert.deepEqual(await alarms(person), ['config']);

    rig.configure({ paths: { stateDir: `${rig.stateDir}-2`, cacheDir: rig.cacheDir } });
    refused = logs(daemon, REFUSED);
    daemon.process.kill('SIGHUP');
    assert.equal((await refused).code, 'HL_CONFIG_NEEDS_RESTART');

    rig.configure({});
    const same = logs(daemon, 'the configuration has not changed');
    daemon.process.kill('SIGHUP');
    await same;
    assert.deepEqual(await alarms(person), []);
    await person.until(({ topic }) => topic === 'headland/r1/prediction');
  });

  test('with settings that cannot run goes back to those before', async (t) => {
    const { rig, daemon, settings } = await running(t);
    rig.configure({ ...settings, models: { backbone: 'absent', allowDownload: false } });
    const refused = logs(daemon, REFUSED);
    const ready = logs(daemon, 'ready');
    daemon.process.kill('SIGHUP');
    assert.equal((await refused).code, 'HL_MODEL_CARD_UNKNOWN');
    await ready;
    const url = daemon.lines.findLast(({ msg }) => msg === 'ready')?.mqtt;
    const person = await Person.connect(t, String(url));
    assert.deepEqual(await alarms(person), ['config']);
    await person.until(({ topic }) => topic === 'headland/r1/prediction');
  });

  test('tells systemd when it begins and ends, and never that the daemon stops', {
    skip: withoutReceiver,
  }, async (t) => {
    const { path, messages } = await systemdReceiver(t);
    const { rig, daemon, settings } = await running(t, { NOTIFY_SOCKET: path });
    await messages.until(({ text }) => text === 'READY=1');
    rig.configure({ ...settings, inference: { topK: 1 } });
    const changed = logs(daemon, 'running with the changed configuration');
    daemon.process.kill('SIGHUP');
    await changed;
    await messages.until(() => messages.all.filter(({ text }) => text === 'READY=1').length === 2);
    const texts = messages.all.map(({ text }) => text.replace(/=\d{2,}$/m, '=…'));
    const told = texts.filter((text) => !text.startsWith('STATUS='));
    assert.deepEqual(told, ['READY=1', 'RELOADING=1\nMONOTONIC_USEC=…', 'WATCHDOG=1', 'READY=1']);
  });
});

test('an agent after a reload does not count as of today what was written days ago', (t) => {
  const folder = temporaryFolder(t);
  const procRoot = join(folder, 'proc');
  mkdirSync(join(procRoot, '10'), { recursive: true });
  const unused = Array.from({ length: 17 }, () => '0').join(' ');
  writeFileSync(join(procRoot, '10/stat'), `10 (node) S 1 ${unused} 5 0\n`);
  writeFileSync(join(procRoot, '10/io'), 'write_bytes: 5000000000\n');
  const writtenBytes = new WrittenBytes({ procRoot, pid: 10 });
  const hoursAgo = (hours: number): number => performance.now() - hours * 3_600_000;
  for (const hours of [50, 49]) writtenBytes.observe(hoursAgo(hours));
  const agent = new Agent(robotConfig(folder), {
    log: silentLog(),
    environment: {},
    version: '0.0.0-test',
    writtenBytes,
  });
  t.after(() => agent.state.close());
  assert.deepEqual(agent.written, { totalBytes: 5_000_000_000, lastDayBytes: 0 });
});
