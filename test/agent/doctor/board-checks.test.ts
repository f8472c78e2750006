import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { checkClock } from '../../../src/agent/doctor/board/check-clock.js';
import { checkMemory } from '../../../src/agent/doctor/board/check-memory.js';
import type { DoctorContext } from '../../../src/agent/doctor/doctor-check.js';
import { readServiceUnit } from '../../../src/host/service-unit.js';
import { temporaryFolder } from '../../temporary-folder.js';

/** A board with these files of the kernel and scripts in place of the programs of systemd. */
function board(
  folder: string,
  files: Record<string, string>,
  tools: Record<string, string>,
): DoctorContext {
  const put = (path: string, text: string, mode: number): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode });
  };
  for (const [path, text] of Object.entries(files)) put(path, text, 0o644);
  for (const [name, script] of Object.entries(tools)) {
    put(`bin/${name}`, `#!/bin/sh\n${script}\n`, 0o755);
  }
  const environment = { PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
  return {
    configFile: '',
    environment,
    imagesDir: null,
    roots: { proc: join(folder, 'proc'), sys: join(folder, 'sys'), run: join(folder, 'run') },
    unit: () => readServiceUnit('headland.service', environment),
  };
}

test('a robot without a network has the date of its own clock, unless the battery is empty', async (t) => {
  const folder = temporaryFolder(t);
  const seconds = Math.round(Date.now() / 1_000);
  const look = async (sinceEpoch: number) => {
    const files = {
      'run/systemd/timesync/clock': '',
      'sys/class/rtc/rtc0/hctosys': '1\n',
      'sys/class/rtc/rtc0/since_epoch': `${sinceEpoch}\n`,
    };
    const [finding] = await checkClock(board(folder, files, { timedatectl: 'echo no' }));
    return finding!;
  };
  const good = await look(seconds);
  assert.equal(good.state, 'ok', good.reason);
  assert.match(good.reason, /set from the clock of the board/);
  const empty = await look(40);
  assert.equal(empty.code, 'HL_CLOCK_UNSET', empty.reason);
});

test('what the kernel keeps of files is no need of the service', async (t) => {
  const folder = temporaryFolder(t);
  const properties = [
    'LoadState=loaded',
    'MemoryHigh=400000000',
    'MemoryMax=500000000',
    'MemoryCurrent=399000000',
    'ControlGroup=/system.slice/headland.service',
  ].join('\n');
  const look = async (inactiveFile: number) => {
    const files = {
      'proc/meminfo': 'MemTotal: 1000000 kB\nMemAvailable:  800000 kB\n',
      'sys/fs/cgroup/system.slice/headland.service/memory.stat': `anon 1\ninactive_file ${inactiveFile}\nactive_file 1000000\n`,
    };
    const context = board(folder, files, { systemctl: `echo '${properties}'` });
    const [finding] = await checkMemory(context);
    return finding!;
  };
  const cached = await look(200_000_000);
  assert.equal(cached.state, 'ok', cached.reason);
  assert.equal(cached.facts.usedBytes, 198_000_000);
  const needed = await look(1_000_000);
  assert.equal(needed.code, 'HL_DOCTOR_MEMORY_LIMIT', needed.reason);
});
