import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { TEST_HANG_MS } from '../liveness.js';
import { type Daemon, Person, Rig } from './daemon.js';

const FILES = ['onnxruntime_binding.node', 'libonnxruntime.so.1'];

/** A build of ONNX Runtime of one's own: the only one that every machine has is the package's. */
function ownBuild(rig: Rig, files: readonly string[] = FILES): string {
  const require = createRequire(import.meta.url);
  const folder = join(rig.dir, 'onnxruntime');
  mkdirSync(folder);
  for (const file of files) {
    const path = `onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}/${file}`;
    copyFileSync(require.resolve(path), join(folder, file));
  }
  return realpathSync(folder);
}

function librariesOf(daemon: Daemon): string[] {
  const maps = readFileSync(`/proc/${daemon.process.pid}/maps`, 'utf8');
  const paths = maps.split('\n').map((line) => line.split(' ').at(-1) as string);
  return [...new Set(paths.filter((path) => path.includes('libonnxruntime.so')))];
}

async function alarmWhileClassifying(t: TestContext, daemon: Daemon) {
  const person = await Person.connect(t, daemon.mqttUrl);
  await person.until(({ topic }) => topic === 'headland/r1/prediction');
  const { alarms } = (await person.command('status')).data;
  return alarms.find(({ alarm }: { alarm: string }) => alarm === 'accelerator') ?? null;
}

const PACKAGE = /node_modules\/onnxruntime-node\/.*libonnxruntime\.so\.1$/;

describe('an accelerator', { timeout: TEST_HANG_MS }, () => {
  test("is an ONNX Runtime of one's own", async (t) => {
    const rig = await Rig.create(t);
    const libraryPath = ownBuild(rig);
    rig.configure({ inference: { libraryPath } });
    const daemon = await rig.start();
    assert.equal(await alarmWhileClassifying(t, daemon), null);
    assert.deepEqual(librariesOf(daemon), [join(libraryPath, 'libonnxruntime.so.1')]);
  });

  test('that is not there is replaced by the CPU, with the reason', async (t) => {
    const rig = await Rig.create(t, { inference: { executionProvider: 'cuda' } });
    const daemon = await rig.start();
    const { engine } = await daemon.logged(({ msg }) => msg === 'backbone ready');
    assert.match(String(engine), / cpu$/);
    const alarm = await alarmWhileClassifying(t, daemon);
    assert.equal(alarm.code, 'HL_ACCELERATOR_UNAVAILABLE');
    assert.match(alarm.message, /^execution provider cuda cannot be used: \S/);
  });

  test('that the ONNX Runtime does not have is replaced by the CPU, with the reason', async (t) => {
    const rig = await Rig.create(t, { inference: { executionProvider: 'qnn' } });
    const daemon = await rig.start();
    const alarm = await alarmWhileClassifying(t, daemon);
    assert.equal(alarm.code, 'HL_ACCELERATOR_UNAVAILABLE');
    assert.match(alarm.message, /no qnn$/);
  });

  for (const [name, files, damage, reason] of [
    ['without its library', FILES.slice(0, 1), null, /libonnxruntime\.so\.1/],
    ['of another version', FILES, anotherVersion, /it is of version 1\.2\.99$/],
    ['without a binding', [], null, /ENOENT/],
  ] as const) {
    test(`${name} is replaced by that of the package`, async (t) => {
      const rig = await Rig.create(t);
      const libraryPath = ownBuild(rig, files);
      damage?.(libraryPath);
      rig.configure({ inference: { libraryPath } });
      const daemon = await rig.start();
      const alarm = await alarmWhileClassifying(t, daemon);
      assert.equal(alarm.code, 'HL_ACCELERATOR_UNAVAILABLE');
      assert.match(alarm.message, reason);
      const [library, ...others] = librariesOf(daemon);
      assert.match(library ?? '', PACKAGE);
      assert.deepEqual(others, []);
    });
  }
});

/** The version of the symbols that the binding needs, in the same number of bytes. */
function anotherVersion(libraryPath: string): void {
  const file = join(libraryPath, 'onnxruntime_binding.node');
  const text = readFileSync(file, 'latin1').replaceAll(/VERS_\d\.\d{2}\.\d/g, 'VERS_1.2.99');
  writeFileSync(file, text, 'latin1');
}
