import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { clockMHz, describeBoard } from '../../src/host/cpu.js';
import { temporaryFolder } from '../temporary-folder.js';

function board(t: TestContext, cpuinfo: string, model?: string): string {
  const procRoot = temporaryFolder(t);
  writeFileSync(join(procRoot, 'cpuinfo'), cpuinfo);
  if (model) {
    mkdirSync(join(procRoot, 'device-tree'));
    writeFileSync(join(procRoot, 'device-tree/model'), model);
  }
  return procRoot;
}

const PI_5 = Array.from(
  { length: 4 },
  (_, i) =>
    `processor\t: ${i}\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm aes atomics fphp asimdhp lrcpc dcpop asimddp\nCPU part\t: 0xd0b\n`,
).join('\n');

test('a Raspberry Pi 5: its name and dot products', (t) => {
  const procRoot = board(t, PI_5, 'Raspberry Pi 5 Model B Rev 1.0\0');
  const facts = describeBoard({ procRoot });
  assert.equal(facts.board, 'Raspberry Pi 5 Model B Rev 1.0');
  assert.equal(facts.cores, 4);
  assert.equal(facts.integerDotProduct, 'dotprod');
});

test('a Raspberry Pi 4 has no dot products', (t) => {
  const procRoot = board(t, PI_5.replaceAll(' asimddp', ''), 'Raspberry Pi 4 Model B Rev 1.4\0');
  const facts = describeBoard({ procRoot });
  assert.equal(facts.integerDotProduct, null);
});

test('x86-64 with VNNI and without', (t) => {
  const info = (flags: string) =>
    `processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: ${flags}\n`;
  const old = describeBoard({ procRoot: board(t, info('fpu avx2 avx512f')) });
  assert.deepEqual([old.integerDotProduct, old.cpu, old.board], [null, 'Some CPU @ 2 GHz', null]);
  for (const flag of ['avx512_vnni', 'avx_vnni']) {
    const procRoot = board(t, info(`fpu avx2 ${flag}`));
    assert.equal(describeBoard({ procRoot }).integerDotProduct, 'vnni');
  }
});

test('a machine that says nothing still has cores', (t) => {
  const facts = describeBoard({ procRoot: board(t, '') });
  assert.ok(facts.cores >= 1);
});

test('the clock, where the kernel tells it', (t) => {
  const sysRoot = board(t, '');
  assert.equal(clockMHz({ sysRoot }), null);
  const folder = join(sysRoot, 'devices/system/cpu/cpufreq/policy0');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'scaling_cur_freq'), '1500000\n');
  writeFileSync(join(folder, 'cpuinfo_max_freq'), '2400000\n');
  assert.deepEqual(clockMHz({ sysRoot }), { now: 1500, most: 2400 });
});
