import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type IntegerKernels, probeIntegerKernels } from '../../src/models/quantize/kernels.js';
import { TEST_HANG_MS } from '../liveness.js';

const KERNELS_MODULE = new URL('../../src/models/quantize/kernels.js', import.meta.url).href;
const QUANTIZE_TESTS = fileURLToPath(new URL('./quantize.test.js', import.meta.url));
const ARM64_LIBRARIES = '/usr/aarch64-linux-gnu';
const ARM64_NODE = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'headland/arm64/package/bin/node',
);

interface Emulated {
  name: string;
  command: string[];
  missing: string | false;
  kernels: IntegerKernels;
}

/** Processors that an emulator can stand for; the product must be right on each. */
const PROCESSORS: Emulated[] = [
  {
    name: 'x86-64 with AVX2 and without VNNI',
    // Debian 12's qemu emulates AVX2 and no VNNI, whatever /proc/cpuinfo says of the machine below.
    command: ['qemu-x86_64', '-cpu', 'max', process.execPath],
    missing: process.arch !== 'x64' ? 'it needs an x86-64 Node' : lacks('qemu-x86_64'),
    kernels: { dense: 'saturating', depthwise: 'exact' },
  },
  ...['cortex-a72', 'cortex-a76'].map((cpu) => ({
    name: `arm64 ${cpu === 'cortex-a72' ? 'without' : 'with'} dot products (${cpu})`,
    command: ['qemu-aarch64', '-cpu', cpu, '-L', ARM64_LIBRARIES, ARM64_NODE],
    missing:
      process.arch === 'x64' && existsSync(ARM64_NODE) && existsSync(ARM64_LIBRARIES)
        ? lacks('qemu-aarch64')
        : ('run deploy/install-arm64-tools.sh on x86-64' as const),
    kernels: { dense: 'exact', depthwise: 'exact' } as const,
  })),
];

function lacks(program: string): string | false {
  return spawnSync(program, ['--version']).status === 0 ? false : `${program} is not installed`;
}

function run({ command }: Emulated, ...args: string[]) {
  const [program, ...options] = command as [string, ...string[]];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawnSync(program, [...options, ...args], {
    env,
    encoding: 'utf8',
    timeout: TEST_HANG_MS,
    maxBuffer: 64 << 20,
  });
}

test('the probe says the same twice, and depthwise sums are exact on every known processor', async () => {
  const first = await probeIntegerKernels();
  assert.deepEqual(await probeIntegerKernels(), first);
  assert.equal(first.depthwise, 'exact');
  if (process.arch === 'arm64') assert.equal(first.dense, 'exact');
});

describe('8 bits on emulated processors', () => {
  for (const processor of PROCESSORS) {
    const { name, missing: skip, kernels } = processor;
    test(`${name}: the probe`, { skip }, () => {
      const script = `import(${JSON.stringify(KERNELS_MODULE)}).then(async (m) => console.log(JSON.stringify(await m.probeIntegerKernels())))`;
      const { stdout, stderr } = run(processor, '-e', script);
      assert.deepEqual(JSON.parse(stdout || stderr), kernels);
    });

    test(`${name}: what quantizing promises holds`, { skip }, () => {
      const { status, stdout, stderr } = run(processor, QUANTIZE_TESTS);
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /pass \d\d/);
    });
  }
});
