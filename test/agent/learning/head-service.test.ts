import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadService } from '../../../src/agent/learning/head-service.js';
import { InstantService } from '../../../src/agent/learning/instant-service.js';
import { HeadlandError } from '../../../src/base/errors.js';
import { silentLog } from '../../../src/base/log.js';
import { HeadRegistry } from '../../../src/registry/registry.js';
import { SampleStore } from '../../../src/samples/store.js';
import { openDatabase } from '../../../src/storage/database.js';
import { Meta } from '../../../src/storage/meta-table.js';
import { InstantLearner } from '../../../src/training/instant/instant-learner.js';
import { someCard, someHead, temporaryDirectory } from '../../training/fixture.js';

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
  const service = new HeadService(
    registry,
    async (serving) => {
      if (worker.fails) throw crash();
      worker.serving = serving?.version ?? null;
    },
    () => backbone.checksum,
    {
      onServing: () => undefined,
      onUnusable: (version, { code }, instead) => unusable.push([version, code, instead]),
    },
    silentLog(),
  );
  return { service, worker, unusable };
}

describe('a switch of the serving head', () => {
  test('that the worker does not acknowledge is taken back', async (t) => {
    const dir = temporaryDirectory(t);
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

  test('without a version goes back to one that fits the backbone', async (t) => {
    const registry = await threeHeads(temporaryDirectory(t));
    const head = { ...someHead(4), backboneChecksum: A };
    await registry.promote(await registry.publish(head, someCard(head), []));
    const { service, worker } = serviceOver(registry, { checksum: A });
    t.after(() => service.stop());
    await service.start();
    assert.equal(worker.serving, 4);
    assert.equal((await service.rollback()).card.version, 2);
  });

  test('follows a worker that comes back with another backbone', async (t) => {
    const registry = await threeHeads(temporaryDirectory(t));
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

  test('is never followed by what was learnt for the head before', async (t) => {
    const dbPath = join(temporaryDirectory(t), 'headland.db');
    const database = openDatabase(dbPath);
    t.after(() => database.close());
    const samples = new SampleStore(database, {
      ...{ holdoutShare: 0.2, holdoutAfterSamples: 60, maxPictureStoreBytes: 1e9 },
    });
    const real = new InstantLearner({ dbPath, minLabelsPerClass: 2 });
    let [begun, ended] = [0, 0];
    const swapped: string[] = [];
    const service = new InstantService({
      learner: {
        learn: (request) => {
          begun++;
          return real.learn(request).finally(() => ended++);
        },
        stop: () => real.stop(),
      },
      ...{ samples, meta: new Meta(database), log: silentLog() },
      backboneChecksum: () => A,
      swap: (serving) => void swapped.push(serving?.learnt ? 'learnt' : 'trained'),
      isPaused: () => false,
      onLearnt: () => {},
      onFailure: (error) => assert.fail(error),
    });
    t.after(() => service.stop());
    for (let index = 0; index < 6; index++) {
      const label = index % 2 ? 'crop' : 'weed';
      const { sample } = samples.admit({
        ...{ jpeg: Uint8Array.of(index), label, labelSource: 'cli', group: `g${index}` },
        ...{ source: 'test', capturedAtMs: 1, dhash: '0000000000000000' },
      });
      const features = Float32Array.from({ length: 8 }, (_, f) => (f % 2 === index % 2 ? 1 : 0.1));
      samples.putFeatures([
        { sampleId: sample.id, backboneChecksum: A, features, recipe: '', view: 0 },
      ]);
    }
    service.start();
    const until = async (condition: () => boolean): Promise<void> => {
      for (let i = 0; !condition(); i++) {
        assert.ok(i < 2_000, 'it did not come to that');
        await sleep(10);
      }
    };
    await until(() => begun === 1);
    await service.hold(async () => {
      await until(() => ended === 1);
      await sleep(50);
      swapped.push('trained');
    });
    assert.deepEqual(swapped, ['trained']);
    await until(() => swapped.length === 2);
    assert.deepEqual(swapped, ['trained', 'learnt'], 'it is learnt again on what serves then');
  });
});
