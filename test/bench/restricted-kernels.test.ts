import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { restrictKernels } from '../../bench/support/restricted-kernels.js';
import { HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const KERNELS_MODULE = new URL('../../src/models/quantize/kernels.js', import.meta.url).href;
const PROBE = `import(${JSON.stringify(KERNELS_MODULE)}).then(async (m) => console.log(JSON.stringify(await m.probeIntegerKernels())))`;
const skip =
  process.platform !== 'linux' || process.arch !== 'x64'
    ? 'it needs Linux on x86-64'
    : /\bavx_vnni\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
      ? 'AVX-VNNI sums exactly without AVX-512'
      : false;

describe('a copy of ONNX Runtime that does not see what the processor can do', { skip }, () => {
  for (const kind of ['without-vnni', 'avx2'] as const) {
    test(`${kind}: dense sums saturate, on processors with VNNI too`, (t) => {
      const folder = temporaryFolder(t);
      assert.equal(restrictKernels(kind, folder), null);
      const { stdout, stderr } = spawnSync(process.execPath, ['-e', PROBE], {
        encoding: 'utf8',
        timeout: HANG_MS,
        env: { ...process.env, LD_LIBRARY_PATH: folder },
      });
      assert.deepEqual(JSON.parse(stdout || stderr), { dense: 'saturating', depthwise: 'exact' });
    });
  }
});
