import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { freemem, loadavg, tmpdir, totalmem, uptime } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { diskFreeBytes, readings } from '../../src/host/board-readings.js';
import { folderWith } from '../temporary-folder.js';

describe('readings', () => {
  it('reads a Raspberry Pi', (t) => {
    const root = folderWith(t, {
      'sys/class/thermal/thermal_zone0/temp': '51608\n',
      'sys/class/thermal/thermal_zone1/temp': '62350\n',
      'sys/class/thermal/cooling_device0/temp': '99000\n',
      'sys/class/hwmon/hwmon0/name': 'cpu_thermal\n',
      'sys/class/hwmon/hwmon0/in0_lcrit_alarm': '0\n',
      'sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
      'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '1\n',
      'proc/loadavg': '0.52 0.58 0.59 1/389 12345\n',
      'proc/meminfo':
        'MemTotal:        3884048 kB\nMemFree:          123 kB\nMemAvailable:    2884048 kB\n',
      'proc/self/status': 'Name:\tnode\nVmHWM:\t  300000 kB\nVmRSS:\t  131072 kB\n',
      'proc/uptime': '350735.47 234388.90\n',
    });
    const options = { procRoot: join(root, 'proc'), sysRoot: join(root, 'sys'), runRoot: root };
    assert.deepEqual(readings(options), {
      temperatureC: 62.35,
      throttled: { underVoltage: true, slowed: false },
      battery: null,
      load1: 0.52,
      memoryAvailableBytes: 2_884_048 * 1024,
      diskFreeBytes: null,
      rssBytes: 131_072 * 1024,
      uptimeSeconds: 350_735.47,
      pressure: { cpuPercent: null, memoryPercent: null, ioPercent: null },
      wear: { lifeUsedPercent: null, reserve: null, fileSystemErrors: null },
      clock: null,
    });
    writeFileSync(join(root, 'sys/class/hwmon/hwmon1/in0_lcrit_alarm'), '0\n');
    assert.deepEqual(readings(options).throttled, {
      underVoltage: false,
      slowed: false,
    });
  });

  it('reads the current flags of the Raspberry Pi firmware, not those since boot', (t) => {
    const flags = 'sys/devices/platform/soc/soc:firmware/get_throttled';
    const root = folderWith(t, { [flags]: '50000\n' });
    const throttled = () => readings({ sysRoot: join(root, 'sys') }).throttled;
    assert.deepEqual(throttled(), { underVoltage: false, slowed: false });
    writeFileSync(join(root, flags), '50005\n');
    assert.deepEqual(throttled(), { underVoltage: true, slowed: true });
    writeFileSync(join(root, flags), '80008\n');
    assert.deepEqual(throttled(), { underVoltage: false, slowed: true });
    writeFileSync(join(root, flags), 'none\n');
    assert.equal(throttled(), null);
  });

  it("sees the kernel's brake on the processor of any board, and no other cooling", (t) => {
    const root = folderWith(t, {
      'sys/class/thermal/cooling_device0/type': 'pwm-fan\n',
      'sys/class/thermal/cooling_device0/cur_state': '3\n',
      'sys/class/thermal/cooling_device1/type': 'thermal-cpufreq-0\n',
      'sys/class/thermal/cooling_device1/cur_state': '0\n',
    });
    const throttled = () => readings({ sysRoot: join(root, 'sys') }).throttled;
    assert.deepEqual(throttled(), { underVoltage: false, slowed: false });
    writeFileSync(join(root, 'sys/class/thermal/cooling_device1/cur_state'), '2\n');
    assert.deepEqual(throttled(), { underVoltage: false, slowed: true });
  });

  it('reads the battery with the lowest charge and no mains supply', (t) => {
    const root = folderWith(t, {
      'sys/class/power_supply/AC/type': 'Mains\n',
      'sys/class/power_supply/BAT0/type': 'Battery\n',
      'sys/class/power_supply/BAT0/capacity': '80\n',
      'sys/class/power_supply/BAT0/status': 'Charging\n',
      'sys/class/power_supply/BAT1/type': 'Battery\n',
      'sys/class/power_supply/BAT1/capacity': '12\n',
      'sys/class/power_supply/BAT1/status': 'Discharging\n',
    });
    assert.deepEqual(readings({ sysRoot: join(root, 'sys') }).battery, {
      percent: 12,
      discharging: true,
    });
  });

  it('returns null for missing and invalid values', (t) => {
    const silent = {
      temperatureC: null,
      throttled: null,
      battery: null,
      load1: null,
      memoryAvailableBytes: null,
      diskFreeBytes: null,
      rssBytes: null,
      uptimeSeconds: null,
      pressure: { cpuPercent: null, memoryPercent: null, ioPercent: null },
      wear: { lifeUsedPercent: null, reserve: null, fileSystemErrors: null },
      clock: null,
    };
    const runRoot = '/nonexistent';
    const nowhere = { procRoot: '/nonexistent', sysRoot: '/nonexistent', runRoot };
    assert.deepEqual(readings({ ...nowhere, diskPath: '/nonexistent' }), silent);
    const root = folderWith(t, {
      'class/thermal/thermal_zone0/temp': '\n',
      'class/thermal/thermal_zone1/temp': 'hot\n',
      'class/hwmon/hwmon0/name': 'rpi_volt\n',
      loadavg: '',
      meminfo: 'MemAvailable: lots\n',
      'self/status': '',
      uptime: '\n',
    });
    assert.deepEqual(readings({ procRoot: root, sysRoot: root, runRoot }), silent);
  });

  it('an unreadable zone does not hide the others', (t) => {
    const root = folderWith(t, {
      'class/thermal/thermal_zone0/temp/is-a-folder': '',
      'class/thermal/thermal_zone1/temp': '-5000\n',
    });
    assert.equal(readings({ procRoot: root, sysRoot: root }).temperatureC, -5);
  });

  it('agrees with the system on the machine it runs on', () => {
    const board = readings({ diskPath: tmpdir() });
    assert.ok(Math.abs(board.load1! - loadavg()[0]!) < 1);
    assert.ok(board.memoryAvailableBytes! > 0 && board.memoryAvailableBytes! <= totalmem());
    assert.ok(board.memoryAvailableBytes! > freemem() / 10);
    assert.ok(Math.abs(board.uptimeSeconds! - uptime()) < 60);
    const { rss } = process.memoryUsage();
    assert.ok(board.rssBytes! > rss / 2 && board.rssBytes! < rss * 2);
    assert.ok(board.diskFreeBytes! > 0);
    assert.ok(
      board.temperatureC === null || (board.temperatureC > -60 && board.temperatureC < 130),
    );
  });
});

describe('diskFreeBytes', () => {
  it('is null for a path that does not exist', () => {
    assert.equal(diskFreeBytes('/nonexistent/folder'), null);
  });
});

describe('readings of pressure, wear and clock', () => {
  const stalled = (percent: string) => `some avg10=${percent} avg60=1.00 avg300=0.50 total=1\n`;

  it('are of the board, or of the control group where /proc shows only processes', (t) => {
    const root = folderWith(t, {
      'proc/pressure/cpu': stalled('12.50'),
      'proc/self/cgroup': '0::/system.slice/headland.service\n',
      'sys/fs/cgroup/system.slice/headland.service/cpu.pressure': stalled('99.00'),
      'sys/fs/cgroup/system.slice/headland.service/memory.pressure': stalled('3.25'),
    });
    const options = { procRoot: join(root, 'proc'), sysRoot: join(root, 'sys') };
    assert.deepEqual(readings(options).pressure, {
      cpuPercent: 12.5,
      memoryPercent: 3.25,
      ioPercent: null,
    });
  });

  it('are of the most worn card', (t) => {
    const root = folderWith(t, {
      'sys/block/mmcblk0/device/life_time': '0x01 0x02\n',
      'sys/block/mmcblk0/device/pre_eol_info': '0x01\n',
      'sys/block/mmcblk1/device/life_time': '0x00 0x0b\n',
      'sys/block/mmcblk1/device/pre_eol_info': '0x02\n',
      'sys/block/mmcblk1boot0/device/life_time': '0x0f 0x0f\n',
      'sys/fs/ext4/mmcblk0p2/errors_count': '3\n',
      'sys/fs/ext4/mmcblk0p3/errors_count': '1\n',
      'sys/fs/ext4/features/lazy_itable_init': '',
    });
    assert.deepEqual(readings({ sysRoot: join(root, 'sys') }).wear, {
      lifeUsedPercent: 110,
      reserve: 'low',
      fileSystemErrors: 4,
    });
  });

  it('say where the date comes from', (t) => {
    const root = folderWith(t, {});
    const sysRoot = join(root, 'sys');
    const clock = () => readings({ sysRoot, runRoot: join(root, 'run') }).clock;
    assert.equal(clock(), null, 'nobody says');
    mkdirSync(join(root, 'run/systemd/timesync'), { recursive: true });
    assert.equal(clock(), 'unset');
    mkdirSync(join(sysRoot, 'class/rtc/rtc0'), { recursive: true });
    writeFileSync(join(sysRoot, 'class/rtc/rtc0/hctosys'), '0\n');
    assert.equal(clock(), 'unset', 'this clock did not set the time');
    writeFileSync(join(sysRoot, 'class/rtc/rtc0/hctosys'), '1\n');
    assert.equal(clock(), 'unset', 'nobody knows what this clock says');
    writeFileSync(join(sysRoot, 'class/rtc/rtc0/since_epoch'), '35\n');
    assert.equal(clock(), 'unset', 'its battery is empty');
    const seconds = Math.round(Date.now() / 1_000);
    writeFileSync(join(sysRoot, 'class/rtc/rtc0/since_epoch'), `${seconds - 50_000}\n`);
    assert.equal(clock(), 'rtc');
    writeFileSync(join(root, 'run/systemd/timesync/synchronized'), '');
    assert.equal(clock(), 'synchronized');
    t.mock.timers.enable({ apis: ['Date'], now: 0 });
    assert.equal(clock(), 'unset', 'no board had this software in 1970');
  });
});
