import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import {
  type Bias,
  type Drive,
  decodeChipInfo,
  decodeLineEvents,
  decodeLineInfo,
  decodeLineValue,
  encodeLineInfo,
  encodeLineRequest,
  encodeLineValue,
  GPIO_IOCTL,
  type InputRequest,
  type OutputRequest,
} from '../../../src/alerts/gpio/line-abi.js';
import { HANG_MS } from '../../liveness.js';
import { temporaryFolder } from '../../temporary-folder.js';

const SOURCE = fileURLToPath(
  new URL('../../../../test/alerts/fixtures/line-abi.c', import.meta.url),
);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

const common = {
  line: fc.nat(1_023),
  activeLow: fc.boolean(),
  bias: fc.constantFrom<Bias>('as-is', 'disabled', 'pull-up', 'pull-down'),
  consumer: fc.stringMatching(/^[a-z][a-z0-9-]{0,50}$/),
};
const outputRequest: fc.Arbitrary<OutputRequest> = fc.record({
  ...common,
  direction: fc.constant('output' as const),
  drive: fc.constantFrom<Drive>('push-pull', 'open-drain', 'open-source'),
  on: fc.boolean(),
});
const inputRequest: fc.Arbitrary<InputRequest> = fc.record({
  ...common,
  direction: fc.constant('input' as const),
  edges: fc.boolean(),
  debounceMs: fc.nat(5_000),
});

const COMPILERS: [string, readonly string[]][] = [
  ['cc', []],
  ['aarch64-linux-gnu-gcc', ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu']],
];

const isMissing = (error: Error | undefined): boolean =>
  error !== undefined && 'code' in error && error.code === 'ENOENT';

/** What a compiler makes of linux/gpio.h; null where there is no compiler, header or emulator. */
function compiled(
  t: TestContext,
  [compiler, emulator]: (typeof COMPILERS)[number],
  input: string,
): string[] | null {
  const program = join(temporaryFolder(t), 'line-abi');
  const skipped = (missing: string): null => {
    t.skip(`${missing} is missing`);
    return null;
  };
  const options = {
    encoding: 'utf8',
    timeout: HANG_MS,
    env: { ...process.env, LC_ALL: 'C' },
  } as const;
  const build = spawnSync(compiler, ['-o', program, SOURCE], options);
  if (isMissing(build.error)) return skipped(compiler);
  if (/linux\/gpio\.h: No such file/.test(build.stderr)) return skipped('linux/gpio.h');
  assert.equal(build.status, 0, build.stderr);
  const [command = program, ...args] = [...emulator, program];
  const run = spawnSync(command, args, { ...options, input });
  if (isMissing(run.error)) return skipped(command);
  if (/Could not open '.*ld-linux/.test(run.stderr))
    return skipped(`the C library for ${compiler}`);
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.trim().split('\n');
}

describe('structures of the GPIO character device', () => {
  for (const compiler of COMPILERS) {
    test(`are those of linux/gpio.h, as ${compiler[0]} lays them out`, (t) => {
      const requests = fc.sample(fc.oneof(outputRequest, inputRequest), 200);
      const input = requests.map((request) => {
        const { direction, line, activeLow, bias, consumer } = request;
        const output = request.direction === 'output' ? request : null;
        const edges = request.direction === 'input' && request.edges;
        const debounceMs = request.direction === 'input' ? request.debounceMs : 0;
        return [
          direction,
          line,
          Number(activeLow),
          bias,
          output?.drive ?? 'push-pull',
          Number(output?.on ?? false),
          Number(edges),
          debounceMs,
          consumer,
        ].join(' ');
      });
      const lines = compiled(t, compiler, `${input.join('\n')}\n`);
      if (lines === null) return;
      const { chipInfo, lineInfo, requestLine, getValues, setValues } = GPIO_IOCTL;
      const numbers = [chipInfo, lineInfo, requestLine, getValues, setValues];
      assert.equal(lines.shift(), numbers.join(' '));
      for (const request of requests) assert.equal(hex(encodeLineRequest(request)), lines.shift());
      const [chip, info, value, events] = lines.map(bytesOf);
      assert.deepEqual(decodeChipInfo(chip!), {
        name: 'gpiochip7',
        label: 'pinctrl-rp1',
        lines: 54,
      });
      assert.deepEqual(decodeLineInfo(info!), {
        name: 'GPIO17',
        consumer: 'horn',
        used: true,
        direction: 'output',
        activeLow: true,
      });
      assert.equal(encodeLineInfo(17).length, info!.length);
      assert.deepEqual(encodeLineValue(true), value);
      assert.deepEqual(decodeLineEvents(events!), [
        { atMs: 12_345_678.901, active: true },
        { atMs: 12_345_679.901, active: false },
      ]);
    });
  }

  test('a consumer of any text stays within its field and ends', () => {
    fc.assert(
      fc.property(inputRequest, fc.string({ unit: 'grapheme' }), (request, consumer) => {
        const bytes = encodeLineRequest({ ...request, consumer });
        const plain = encodeLineRequest({ ...request, consumer: '' });
        assert.equal(bytes[256 + 31], 0);
        const field = bytes.slice(256, 288);
        bytes.fill(0, 256, 288);
        assert.deepEqual(bytes, plain);
        const text = Buffer.from(field).toString().replaceAll('\0', '');
        assert.ok(consumer.replaceAll('\0', '').startsWith(text), text);
      }),
    );
  });

  test('names that fill their field, and bytes that are no UTF-8, are read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 256, maxLength: 256 }), (bytes) => {
        const { name } = decodeLineInfo(bytes);
        assert.ok(name === null || name.length > 0);
      }),
    );
    const full = new Uint8Array(256).fill(0x41);
    assert.equal(decodeLineInfo(full).name, 'A'.repeat(32));
  });

  test('a value is read as it is written, and a torn event is left out', () => {
    for (const on of [true, false]) assert.equal(decodeLineValue(encodeLineValue(on)), on);
    assert.deepEqual(decodeLineEvents(new Uint8Array(47)), []);
    assert.equal(decodeLineEvents(new Uint8Array(48 * 3 + 5)).length, 3);
  });
});
