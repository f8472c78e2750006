import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { HOLD_REASONS, type HoldReason } from '../../src/base/words/hold-reason.js';
import { FirmwareFlags } from '../../src/host/firmware-flags.js';
import { type HoldSettings, holdReason } from '../../src/host/training-hold.js';
import { WrittenBytes } from '../../src/host/written-bytes.js';
import { temporaryFolder } from '../temporary-folder.js';

const SETTINGS: HoldSettings = {
  pauseTrainingAboveC: 75,
  resumeTrainingBelowC: 65,
  pauseTrainingAboveMemoryPressurePercent: 20,
  pauseTrainingAboveCpuPressurePercent: null,
};

/** TMPFS_MAGIC of linux/magic.h. */
const TMPFS = 0x01021994;

const QUIET = {
  temperatureC: null,
  throttled: null,
  pressure: { cpuPercent: 100, memoryPercent: 0, ioPercent: 100 },
};

describe('a running training', () => {
  const memory = (memoryPercent: number) => ({
    ...QUIET,
    pressure: { ...QUIET.pressure, memoryPercent },
  });

  it('pauses at 75 °C and goes on below 65 °C', () => {
    let reason: HoldReason | null = null;
    const seen = [74.9, 75, 70, 65, 64.9, 70].map((temperatureC) => {
      reason = holdReason(reason, { ...QUIET, temperatureC }, SETTINGS);
      return reason;
    });
    assert.deepEqual(seen, [null, 'heat', 'heat', 'heat', null, null]);
  });

  it('pauses while memory is scarce, and while the supply is weak', () => {
    assert.equal(holdReason(null, memory(19), SETTINGS), null);
    assert.equal(holdReason(null, memory(20), SETTINGS), 'memory');
    assert.equal(holdReason('memory', memory(10), SETTINGS), 'memory');
    assert.equal(holdReason('memory', memory(9), SETTINGS), null);
    const throttled = { underVoltage: true, slowed: false };
    assert.equal(holdReason(null, { ...QUIET, throttled }, SETTINGS), 'supply');
  });

  it('pauses for a busy processor only if that is wanted', () => {
    assert.equal(holdReason(null, QUIET, SETTINGS), null);
    const wanted = { ...SETTINGS, pauseTrainingAboveCpuPressurePercent: 80 };
    assert.equal(holdReason(null, QUIET, wanted), 'cpu');
  });

  it('never flaps: the same readings twice give the same answer', () => {
    const percent = fc.option(fc.double({ min: 0, max: 100, noNaN: true }));
    fc.assert(
      fc.property(
        fc.option(fc.constantFrom(...HOLD_REASONS)),
        fc.option(fc.double({ min: 20, max: 110, noNaN: true })),
        fc.record({ cpuPercent: percent, memoryPercent: percent, ioPercent: percent }),
        (before, temperatureC, pressure) => {
          const readings = { temperatureC, throttled: null, pressure };
          const first = holdReason(before, readings, SETTINGS);
          const second = holdReason(first, readings, SETTINGS);
          if (before === null || before === first) assert.equal(second, first);
          else assert.equal(holdReason(second, readings, SETTINGS), second);
        },
      ),
    );
  });
});

describe('bytes written', () => {
  /** A process table of which each entry is pid, parent, start time and bytes. */
  function table(root: string, ...entries: [number, number, number, number][]): void {
    rmSync(root, { recursive: true, force: true });
    for (const [pid, parent, startTime, bytes] of entries) {
      mkdirSync(join(root, String(pid)), { recursive: true });
      const rest = Array.from({ length: 17 }, () => '0').join(' ');
      writeFileSync(
        join(root, `${pid}/stat`),
        `${pid} (a (b) c) S ${parent} ${rest} ${startTime} 0\n`,
      );
      writeFileSync(
        join(root, `${pid}/io`),
        `rchar: 1\nwrite_bytes: ${bytes}\ncancelled_write_bytes: 1\n`,
      );
    }
  }

  it('are those of the daemon and its descendants, also of those that have ended', (t) => {
    const procRoot = join(temporaryFolder(t), 'proc');
    const written = new WrittenBytes({ procRoot, pid: 10 });
    table(procRoot, [10, 1, 5, 101], [11, 10, 6, 51], [12, 11, 7, 11], [13, 1, 5, 10_001]);
    assert.deepEqual(written.observe(0), { totalBytes: 160, lastDayBytes: 160 });
    table(procRoot, [10, 1, 5, 201]);
    assert.deepEqual(written.observe(1), { totalBytes: 260, lastDayBytes: 260 });
    // Another process has got the number 11.
    table(procRoot, [10, 1, 5, 201], [11, 10, 8, 31]);
    assert.equal(written.observe(2)?.totalBytes, 290);
  });

  it('of the last day forget what is older', (t) => {
    const procRoot = join(temporaryFolder(t), 'proc');
    const written = new WrittenBytes({ procRoot, pid: 10 });
    const hour = 3_600_000;
    for (let i = 0; i <= 48; i++) {
      table(procRoot, [10, 1, 5, 1 + 100 * (i + 1)]);
      const { totalBytes, lastDayBytes } = written.observe(i * hour)!;
      assert.equal(totalBytes, 100 * (i + 1));
      assert.equal(lastDayBytes, i <= 24 ? totalBytes : 2_400, `hour ${i}`);
    }
  });

  it('are counted by this kernel', async (t) => {
    const dir = temporaryFolder(t);
    // A memory file system has no storage to write to.
    if (statfsSync(dir).type === TMPFS) return t.skip('the temporary folder is in memory');
    const file = join(dir, 'file');
    const script = `require('fs').writeFileSync(${JSON.stringify(file)}, Buffer.alloc(1_000_000));
      process.stdout.write('written'); setInterval(() => {}, 60_000)`;
    const written = new WrittenBytes();
    const before = written.observe(0);
    if (before === null) return t.skip('the kernel does not count');
    const child = spawn(process.execPath, ['-e', script]);
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const gained = written.observe(1)!.totalBytes - before.totalBytes;
    assert.ok(gained >= 1_000_000, String(gained));
  });

  it('are not known without procfs', (t) => {
    const procRoot = join(temporaryFolder(t), 'nothing');
    assert.equal(new WrittenBytes({ procRoot }).observe(0), null);
  });
});

test('the flags of the firmware come from its program, in the background', async (t) => {
  const dir = temporaryFolder(t);
  const program = join(dir, 'vcgencmd');
  const answer = (text: string): void => {
    writeFileSync(program, `#!/bin/sh\n[ "$1" = get_throttled ] && ${text}\n`);
    chmodSync(program, 0o755);
  };
  const flags = new FirmwareFlags(program);
  await flags.refresh();
  assert.equal(flags.latest, null);
  answer('echo throttled=0x50005');
  await flags.refresh();
  assert.equal(flags.latest, null, 'a program that is missing is tried once');
  const present = new FirmwareFlags(program);
  await present.refresh();
  assert.deepEqual(present.latest, { underVoltage: true, slowed: true });
  answer('echo throttled=0x50000');
  await Promise.all([present.refresh(), present.refresh()]);
  assert.deepEqual(present.latest, { underVoltage: false, slowed: false });
  answer('echo "VCHI initialization failed"; exit 1');
  await present.refresh();
  assert.equal(present.latest, null);
});
