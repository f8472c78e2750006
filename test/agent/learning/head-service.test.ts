import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { HeadService } from '../../../src/agent/learning/head-service.js';
import { HeadlandError } from '../../../src/base/errors.js';
import { silentLog } from '../../../src/base/log.js';
import { HeadRegistry } from '../../../src/registry/registry.js';
import { startPerception } from '../../perception/support.js';
import { quietScheduler, Recorder, recordedLog } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { drawPicture, someCard, someHead } from '../../training/fixture.js';

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)] as const;

function crash(): HeadlandError {
  return new HeadlandError('HL_PERCEPTION_CRASHED', 'the thread ended', { remedy: 'None.' });
}

/** A registry with versions 1 and 2 of backbone A and version 3 of backbone B, all promoted. */
async function threeHeads(dir: string): Promise<HeadRegistry> {
  const registry = new HeadRegistry(dir, { keep: 5 });
  for (const [index, backboneChecksum] of [A, A, B].entries()) {
    const head = { ...someHead(index), backboneChecksum };
    await registry.promote(await registry.publish(head, someCard(head), []));
  }
  return registry;
}

/** A service over a worker that can be told to fail. */
function serviceOver(registry: HeadRegistry, backbone: { checksum: string }) {
  const worker = { serving: null as number | null, fails: false };
  const unusable: [number, string, number | null][] = [];
  const pins: (number | null)[] = [];
  const { log, lines } = recordedLog();
  const service = new HeadService(
    registry,
    async (serving) => {
      if (worker.fails) throw crash();
      worker.serving = serving?.version ?? null;
    },
    () => backbone.checksum,
    {
      onPinned: (version) => pins.push(version),
      onServing: () => undefined,
      onUnusable: (version, { code }, instead) => unusable.push([version, code, instead]),
    },
    log,
    quietScheduler(),
  );
  return { service, worker, unusable, pins, lines };
}

describe('a switch of the serving head', () => {
  test('that the worker does not acknowledge is taken back', async (t) => {
    const dir = temporaryFolder(t);
    const registry = await threeHeads(dir);
    const { service, worker, unusable } = serviceOver(registry, { checksum: A });
    t.after(() => service.stop());
    await service.start();
    assert.deepEqual(unusable, [[3, 'HL_HEAD_BACKBONE_MISMATCH', 2]]);
    worker.fails = true;
    await assert.rejects(service.rollback(1), { code: 'HL_PERCEPTION_CRASHED' });
    await assert.rejects(service.promote(1), { code: 'HL_PERCEPTION_CRASHED' });
    await assert.rejects(service.promote(3), { code: 'HL_HEAD_BACKBONE_MISMATCH' });
    assert.deepEqual(
      [service.serving?.card.version, worker.serving, await registry.current()],
      [2, 2, 2],
    );
    worker.fails = false;
    assert.equal((await service.rollback()).card.version, 1);
    assert.deepEqual([worker.serving, await registry.current()], [1, 1]);
  });

  test('that the worker does not acknowledge takes no pin away', async (t) => {
    const registry = await threeHeads(temporaryFolder(t));
    const { service, worker, pins } = serviceOver(registry, { checksum: A });
    t.after(() => service.stop());
    await service.start();
    assert.equal(service.pinned, null);
    await service.pin(2, 'console');
    worker.fails = true;
    await assert.rejects(service.rollback(1, 'console'), { code: 'HL_PERCEPTION_CRASHED' });
    assert.equal(await registry.pinned(), 2);
    worker.fails = false;
    await service.rollback(1, 'console');
    assert.equal(service.pinned, 1);
    // Another process, such as `headland pin off`.
    await registry.pin(null);
    await service.follow();
    assert.deepEqual([service.pinned, pins], [null, [2, 1, null]]);
  });

  test('without a version goes back to one that fits the backbone', async (t) => {
    const registry = await threeHeads(temporaryFolder(t));
    const head = { ...someHead(4), backboneChecksum: A };
    await registry.promote(await registry.publish(head, someCard(head), []));
    const { service, worker } = serviceOver(registry, { checksum: A });
    t.after(() => service.stop());
    await service.start();
    assert.equal(worker.serving, 4);
    assert.equal((await service.rollback()).card.version, 2);
  });

  test('follows a worker that comes back with another backbone', async (t) => {
    const registry = await threeHeads(temporaryFolder(t));
    const backbone = { checksum: A };
    const { service, worker } = serviceOver(registry, backbone);
    t.after(() => service.stop());
    await service.start();
    assert.equal(worker.serving, 2);
    backbone.checksum = B;
    await service.reopen(crash());
    assert.deepEqual([worker.serving, await registry.current()], [3, 3]);
    backbone.checksum = 'c'.repeat(64);
    worker.serving = null;
    await service.reopen(crash());
    assert.deepEqual(
      [service.serving, worker.serving, await registry.current()],
      [null, null, null],
    );
    backbone.checksum = A;
    await service.reopen(crash());
    assert.equal(worker.serving, await registry.current());
    assert.equal(service.serving?.head.backboneChecksum, A);
  });

  test('is one that the worker makes: the next frame is decided by the new head', async (t) => {
    const { perception, answers } = await startPerception(t);
    const registry = new HeadRegistry(temporaryFolder(t), { keep: 5 });
    const { checksum } = perception.backbone!;
    for (const seed of [1, 2]) {
      const head = { ...someHead(seed), backboneChecksum: checksum };
      await registry.promote(await registry.publish(head, someCard(head), []));
    }
    const foreign = await registry.publish(someHead(3), someCard(someHead(3)), []);
    const served: (number | null)[] = [];
    const service = new HeadService(
      registry,
      (serving) => perception.swapHead('main', serving),
      () => checksum,
      {
        onPinned: () => undefined,
        onServing: (stored) => served.push(stored?.card.version ?? null),
        onUnusable: (version) => assert.fail(`head ${version} cannot serve`),
      },
      silentLog(),
      quietScheduler(),
    );
    t.after(() => service.stop());
    const decidedBy = async (): Promise<number | null | undefined> => {
      await perception.submit({
        camera: 'main',
        region: null,
        jpeg: await drawPicture('crop', answers.length),
      });
      return answers.at(-1)?.perceived?.answers[0]?.decision.headVersion;
    };
    assert.equal(await decidedBy(), null);
    await service.start();
    assert.equal(await decidedBy(), 2);
    await service.rollback();
    assert.equal(await decidedBy(), 1);
    await assert.rejects(service.promote(foreign), { code: 'HL_HEAD_BACKBONE_MISMATCH' });
    await assert.rejects(service.promote(99), { code: 'HL_HEAD_UNKNOWN_VERSION' });
    assert.equal(await decidedBy(), 1);
    await service.promote(2);
    assert.deepEqual([await decidedBy(), served], [2, [2, 1, 2]]);
  });

  test('by another process is followed; what did not change is left alone', async (t) => {
    const dir = temporaryFolder(t);
    const registry = await threeHeads(dir);
    const { service, worker } = serviceOver(registry, { checksum: A });
    t.after(() => service.stop());
    await service.start();
    assert.equal(worker.serving, 2);
    await new HeadRegistry(dir, { keep: 5 }).rollback(1);
    await service.follow();
    assert.deepEqual([worker.serving, service.serving?.card.version], [1, 1]);
    worker.serving = null;
    await service.follow();
    assert.equal(worker.serving, null, 'nothing was sent again');
  });

  test('waits for the one before it', async (t) => {
    const registry = await threeHeads(temporaryFolder(t));
    const { service, worker } = serviceOver(registry, { checksum: A });
    t.after(() => service.stop());
    await service.start();
    const versions = [1, 2, 1].map((version) => service.promote(version));
    const stored = await Promise.all(versions);
    assert.deepEqual(
      stored.map(({ card }) => card.version),
      [1, 2, 1],
    );
    assert.deepEqual([worker.serving, await registry.current()], [1, 1]);
  });

  test('is waited for when the service stops', async (t) => {
    const registry = await threeHeads(temporaryFolder(t));
    const asked = new Recorder<() => void>();
    const { log } = recordedLog();
    const service = new HeadService(
      registry,
      () => new Promise((resolve) => asked.add(resolve)),
      () => A,
      { onPinned: () => undefined, onServing: () => undefined, onUnusable: () => undefined },
      log,
      quietScheduler(),
    );
    const order: string[] = [];
    const switched = service.promote(1).then(() => order.push('switched'));
    const acknowledge = await asked.until(() => true);
    const stopped = service.stop().then(() => order.push('stopped'));
    acknowledge();
    await Promise.all([switched, stopped]);
    assert.deepEqual([order, await registry.current()], [['switched', 'stopped'], 1]);
  });

  test('is not needed where no head was ever trained', async (t) => {
    const registry = new HeadRegistry(join(temporaryFolder(t), 'heads'), { keep: 5 });
    const { service, worker, unusable } = serviceOver(registry, { checksum: A });
    t.after(() => service.stop());
    await service.start();
    await service.follow();
    assert.deepEqual([service.serving, worker.serving, unusable], [null, null, []]);
    await assert.rejects(service.rollback(), { code: 'HL_HEAD_NO_PREVIOUS' });
  });

  test('goes on when the pointer becomes a folder', async (t) => {
    const dir = temporaryFolder(t);
    const registry = await threeHeads(dir);
    const { service, worker, lines } = serviceOver(registry, { checksum: A });
    t.after(() => service.stop());
    await service.start();
    rmSync(join(dir, 'current'), { force: true });
    mkdirSync(join(dir, 'current'));
    await service.follow();
    assert.deepEqual([worker.serving, service.serving?.card.version], [2, 2]);
    await service.follow();
    // The pointer itself has said so.
    assert.deepEqual(lines.all, []);
  });
});
