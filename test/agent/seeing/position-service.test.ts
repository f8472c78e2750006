import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { PositionService } from '../../../src/agent/seeing/position-service.js';
import type { Located } from '../../../src/base/geo/position.js';
import { configSchema } from '../../../src/config/schema.js';
import { until } from '../../camera/support.js';
import { moment } from '../../host/position/nmea-lines.js';
import { PseudoTerminal } from '../../host/position/pseudo-terminal.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { freePort, listen } from '../../ports.js';
import { Recorder, recordedAlarms, recordedLog } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';

function watched(t: TestContext, settings: Record<string, unknown>) {
  const { alarms, changes, said } = recordedAlarms();
  const positions = new Recorder<Located>();
  const service = new PositionService({
    settings: configSchema.parse({ position: settings }).position,
    alarms,
    log: recordedLog().log,
    onPosition: positions.add,
  });
  t.after(() => service.stop());
  return { service, alarms, changes, said, positions };
}

/** Sends moments until one arrives as a position: an open line may take a while. */
async function feed(
  write: (lines: string[]) => void,
  positions: Recorder<Located>,
  isWanted: (located: Located) => boolean = () => true,
) {
  let second = 0;
  // The receiver moves east.
  const timer = setInterval(() => write(moment(second, 48.1, 11.5 + second++ * 1e-6)), 20);
  try {
    return await positions.next(isWanted);
  } finally {
    clearInterval(timer);
  }
}

/** A server that speaks as gpsd does, for faults that no real one has. */
async function gpsdLike(t: TestContext, onClient: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    onClient(socket);
  });
  t.after(() => server.close());
  return listen(server);
}

const TPV = '{"class":"TPV","mode":3,"lat":48.1,"lon":11.5,"eph":0.02,"speed":0.5}\n';

describe('positions', { timeout: TEST_HANG_MS }, () => {
  test('come from a serial line; when it is unplugged, an alarm is raised, and cleared when it is back', async (t) => {
    const folder = temporaryFolder(t);
    const link = join(folder, 'receiver');
    const first = new PseudoTerminal();
    t.after(() => first.close());
    execFileSync('ln', ['-s', first.device, link]);
    const { service, changes, positions, alarms } = watched(t, {
      source: 'serial',
      serial: { device: link, baud: 115_200 },
      maxAgeMs: 500,
    });
    service.start();
    const { position } = await feed((lines) => first.write(lines), positions);
    assert.ok(Math.abs(position.latitude - 48.1) < 1e-8);
    assert.ok(Math.abs((position.speedMetersPerSecond ?? 0) - 1) < 1e-6);
    assert.equal(service.status()?.state, 'fix');
    // The line is set as a receiver needs it: no echo, no editing, and the speed.
    const modes = execFileSync('stty', ['-F', first.device, '-a']).toString();
    assert.match(modes, /speed 115200 baud/);
    assert.match(modes, /-icanon/);
    assert.match(modes, /-echo /);

    first.close();
    await changes.until((change) => change === 'raised position warning HL_SERIAL_UNREADABLE');
    // The last position serves until it is too old.
    await until(() => service.status()?.state === 'silent', 'the last position is too old');
    assert.equal(service.current(), null);
    const second = new PseudoTerminal();
    t.after(() => second.close());
    rmSync(link);
    execFileSync('ln', ['-s', second.device, link]);
    await feed((lines) => second.write(lines), positions);
    await changes.until((change) => change === 'cleared position');
    assert.equal(alarms.has('position'), false);
  });

  test('come from a named pipe, whoever writes into it', async (t) => {
    const pipe = join(temporaryFolder(t), 'nmea');
    execFileSync('mkfifo', [pipe]);
    const { service, positions, said } = watched(t, { source: 'serial', serial: { device: pipe } });
    service.start();
    // Each write opens and closes the pipe.
    await feed((lines) => appendFileSync(pipe, `${lines.join('\n')}\n`), positions);
    await feed((lines) => appendFileSync(pipe, `${lines.join('\n')}\n`), positions);
    assert.deepEqual(said, []);
  });

  test('a file is refused, and so is a device that is not there', async (t) => {
    const file = join(temporaryFolder(t), 'log.nmea');
    writeFileSync(file, '');
    for (const device of [file, `${file}-gone`]) {
      const { service, changes, alarms } = watched(t, { source: 'serial', serial: { device } });
      service.start();
      await changes.until((change) => change.endsWith('HL_SERIAL_UNREADABLE'));
      assert.match(alarms.list()[0]!.error.message, new RegExp(device));
      await service.stop();
    }
  });

  test('come from gpsd, which reads a receiver', async (t) => {
    if (spawnSync('gpsd', ['-V']).error) return t.skip('gpsd is not installed');
    const terminal = new PseudoTerminal();
    t.after(() => terminal.close());
    const port = await freePort();
    const start = () =>
      spawn('gpsd', ['-N', '-n', '-S', String(port), terminal.device], { stdio: 'ignore' });
    let gpsd = start();
    t.after(() => gpsd.kill('SIGKILL'));
    const { service, changes, positions } = watched(t, { source: 'gpsd', gpsd: { port } });
    service.start();
    const isExact = ({ position }: Located) => (position.accuracyMeters ?? 99) < 0.1;
    const { position } = await feed((lines) => terminal.write(lines), positions, isExact);
    assert.ok(Math.abs(position.latitude - 48.1) < 1e-8);
    assert.equal(position.accuracyMeters, 0.02);

    gpsd.kill('SIGKILL');
    await changes.until((change) => change === 'raised position warning HL_GPSD_UNREACHABLE');
    gpsd = start();
    await feed((lines) => terminal.write(lines), positions);
    await changes.until((change) => change === 'cleared position');
  });

  test('a gpsd that reports nothing raises an alarm; its first report clears it', async (t) => {
    let speaks = false;
    const port = await gpsdLike(t, (socket) => {
      socket.write('{"class":"VERSION","release":"3.22"}\n');
      if (speaks) socket.write(TPV);
    });
    const { service, changes } = watched(t, {
      source: 'gpsd',
      gpsd: { port },
      maxSilenceMs: 1_000,
    });
    service.start();
    await changes.until((change) => change === 'raised position warning HL_POSITION_SILENT');
    speaks = true;
    await changes.until((change) => change === 'cleared position');
    // It says nothing more, which is silence again.
    await changes.next((change) => change === 'raised position warning HL_POSITION_SILENT');
  });

  test('gpsd is asked to watch; a receiver without a fix is no alarm, and has no position', async (t) => {
    const asked = new Recorder<string>();
    const port = await gpsdLike(t, (socket) => {
      socket.on('data', (chunk) => asked.add(chunk.toString()));
      socket.write('{"class":"TPV","mode":1}\n');
    });
    const { service, said } = watched(t, { source: 'gpsd', gpsd: { port } });
    service.start();
    assert.equal(await asked.until(() => true), '?WATCH={"enable":true,"json":true};\n');
    await until(() => service.status()?.state === 'no_fix', 'a report without a fix');
    assert.equal(service.current(), null);
    assert.deepEqual(said, []);
  });

  test('stops while it connects', async (t) => {
    const port = await gpsdLike(t, () => {});
    const { service, said } = watched(t, { source: 'gpsd', gpsd: { port } });
    service.start();
    await service.stop();
    assert.deepEqual(said, []);
  });
});
