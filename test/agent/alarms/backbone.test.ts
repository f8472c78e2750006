import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { TEST_HANG_MS } from '../../liveness.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { Person, Rig } from '../daemon.js';

function fileBelow(folder: string, ending: string): string {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((file) =>
    file.endsWith(ending),
  );
  assert.ok(found, `${ending} below ${folder}`);
  return join(folder, found);
}

function damage(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
}

async function robot(t: TestContext): Promise<{ rig: Rig; person: Person; url: string }> {
  const { url } = await Mosquitto.start(t);
  const rig = await Rig.create(t, { mqtt: { url } });
  // Whatever the machine of the test has in its own caches is not meant.
  return { rig, person: await Person.listen(t, url), url };
}

const alarm = (kind: string) => (message: { body: Record<string, unknown> }) => {
  const { kind: found, details } = message.body as { kind?: string; details?: { alarm?: string } };
  return found === kind && details?.alarm === 'backbone';
};

const works = (person: Person) => person.until(({ topic }) => topic.endsWith('/prediction'));

describe('a damaged backbone cache', { skip: withoutMosquitto, timeout: TEST_HANG_MS }, () => {
  const damages: [string, (rig: Rig) => void][] = [
    ['a flipped byte', ({ cacheDir }) => damage(fileBelow(cacheDir, 'tiny/model.onnx'))],
    [
      'half a file',
      ({ cacheDir }) => {
        const file = fileBelow(cacheDir, 'tiny/model.onnx');
        writeFileSync(file, readFileSync(file).subarray(0, 100));
      },
    ],
    ['an empty record', ({ cacheDir }) => writeFileSync(fileBelow(cacheDir, 'tiny/card.json'), '')],
    [
      'a file in the place of the folder',
      ({ cacheDir }) => {
        renameSync(cacheDir, `${cacheDir}.before`);
        writeFileSync(cacheDir, '');
      },
    ],
  ];
  for (const [what, harm] of damages) {
    test(`with ${what}: a whole copy in the cache of the user serves`, {
      timeout: TEST_HANG_MS,
    }, async (t) => {
      const { rig, person } = await robot(t);
      const first = await rig.start();
      await works(person);
      const { body: before } = await person.until(({ topic }) => topic.endsWith('/info'));
      await first.stop();
      const home = join(rig.dir, 'home');
      cpSync(rig.cacheDir, join(home, '.cache', 'headland'), {
        recursive: true,
        verbatimSymlinks: true,
      });
      // Nothing else may help: the file that the card names is gone.
      renameSync(fileBelow(join(rig.dir, 'models'), 'tiny.onnx'), join(rig.dir, 'gone'));
      harm(rig);
      person.forget();
      const daemon = await rig.start({ env: { HOME: home, XDG_CACHE_HOME: '' } });
      await works(person);
      const { body } = await person.until(({ topic }) => topic.endsWith('/info'));
      assert.equal(body.backbone_checksum, before.backbone_checksum);
      assert.equal((await daemon.stop()).code, 0);
    });
  }

  test('is mended from the source of its card, and said to be', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const { rig, person } = await robot(t);
    await (await rig.start()).stop();
    damage(fileBelow(rig.cacheDir, 'tiny/model.onnx'));
    person.forget();
    const daemon = await rig.start({ env: { HOME: rig.dir, XDG_CACHE_HOME: '' } });
    const { body } = await person.until(alarm('alarm_raised'));
    assert.equal(body.code, 'HL_MODEL_CHECKSUM');
    await person.until(alarm('alarm_cleared'));
    await works(person);
    assert.deepEqual((await person.command('status')).data.alarms, []);
    await daemon.stop();
    const verify = await rig.start();
    assert.ok(!verify.lines.some((line) => line.alarm === 'backbone'), 'it is whole now');
    await verify.stop();
  });

  test('that cannot be written: it serves from elsewhere, and is mended later', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const { rig, person } = await robot(t);
    await (await rig.start()).stop();
    const { cacheDir } = rig;
    const copy = `${cacheDir}.copy`;
    cpSync(cacheDir, copy, { recursive: true, verbatimSymlinks: true });
    const mount = (...args: string[]) => spawnSync('mount', args).status === 0;
    if (!mount('-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', cacheDir)) {
      return t.skip('needs the right to mount a tmpfs');
    }
    try {
      cpSync(copy, cacheDir, { recursive: true, verbatimSymlinks: true });
      damage(fileBelow(cacheDir, 'tiny/model.onnx'));
      mount('-o', 'remount,ro', cacheDir);
      person.forget();
      const daemon = await rig.start({ env: { HOME: rig.dir, XDG_CACHE_HOME: '' } });
      await works(person);
      await daemon.logged(
        (line) => line.alarm === 'backbone' && line.code === 'HL_MODEL_CACHE_UNWRITABLE',
      );
      // A training too finds the backbone that serves.
      await person.labelFrames(rig, 14);
      await person.command('retrain');
      const { body: report } = await person.until(({ topic }) => topic.endsWith('training/report'));
      assert.notEqual(report.error?.code, 'HL_MODEL_CHECKSUM', JSON.stringify(report));
      mount('-o', 'remount,rw', cacheDir);
      await person.until(alarm('alarm_cleared'));
      assert.equal((await daemon.stop()).code, 0);
      const after = await rig.start();
      assert.ok(!after.lines.some((line) => line.alarm === 'backbone'));
      await after.stop();
    } finally {
      spawnSync('umount', ['-l', cacheDir]);
    }
  });
});
