import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { newTrial } from '../../src/gate/shadow.js';
import { headsFolder } from '../../src/registry/heads-folder.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import { hasCode } from '../errors.js';
import { recordedLog } from '../recorder.js';
import { temporaryFolder } from '../temporary-folder.js';
import { someCard, someHead } from '../training/fixture.js';
import { DAMAGES, damage } from './damage.js';

const KINDS = Object.keys(DAMAGES);

/** Versions 1 and 2 have served, 3 was refused; 2 serves and is pinned. */
async function threeVersions(t: TestContext): Promise<{ dir: string; stateDir: string }> {
  const stateDir = temporaryFolder(t);
  const dir = headsFolder(stateDir, 'main');
  const registry = new HeadRegistry(dir, { keep: 5 });
  for (const seed of [1, 2, 3]) {
    const head = someHead(seed);
    const card = someCard(head);
    const gate = { ...card.gate, promote: seed < 3 };
    const version = await registry.publish(head, { ...card, gate }, [`group ${seed}`]);
    if (seed < 3) await registry.promote(version);
  }
  await registry.pin(2);
  return { dir, stateDir };
}

/** As the daemon starts. */
async function restart(dir: string): Promise<{ registry: HeadRegistry; serves: number | null }> {
  const registry = new HeadRegistry(dir, { keep: 5 });
  await registry.recover();
  const stored = await registry.openServing();
  return { registry, serves: stored?.card.version ?? null };
}

/** Everything that a person and the next training do must work afterwards. */
async function worksOn(dir: string, serves: number): Promise<void> {
  const { registry } = await restart(dir);
  assert.equal(await registry.current(), serves);
  await registry.pin(serves);
  assert.equal(await registry.pinned(), serves);
  const head = someHead(9);
  const next = await registry.publish(head, someCard(head), []);
  await registry.promote(next);
  assert.equal((await registry.rollback()).card.version, serves);
  const again = await restart(dir);
  assert.equal(again.serves, serves);
  assert.equal((await registry.list()).filter(({ current }) => current).length, 1);
}

describe('whatever is in the place of a file of the serving version', () => {
  for (const file of ['weights', 'labels', 'card.json', 'training-groups']) {
    it(`${file}: the version is moved aside, and the one before it serves`, async (t) => {
      for (const kind of KINDS) {
        const { dir } = await threeVersions(t);
        damage(join(dir, '2', file), kind);
        const { registry, serves } = await restart(dir);
        assert.equal(serves, 1, kind);
        assert.ok(existsSync(join(dir, '2.corrupt')), `${kind}: it is kept`);
        await assert.rejects(registry.load(2), hasCode('HL_HEAD_UNKNOWN_VERSION'));
        await worksOn(dir, 1);
      }
    });
  }

  for (const file of ['gate.json', 'answers', 'shadow.json']) {
    it(`${file}: the version serves without it`, async (t) => {
      for (const kind of KINDS) {
        const { dir } = await threeVersions(t);
        damage(join(dir, '2', file), kind);
        const { registry, serves } = await restart(dir);
        assert.equal(serves, 2, kind);
        for (const read of ['gateRecord', 'answers'] as const) {
          const found = await registry[read](2).catch((error: unknown) =>
            hasCode('HL_HEAD_INVALID')(error),
          );
          assert.ok(found === null || found === true, kind);
        }
        assert.equal(await registry.shadowTrial(2), null, kind);
        const trial = newTrial({
          role: 'serving',
          version: 2,
          previous: 1,
          since: '2026-01-01T00:00:00.000Z',
          revision: 1,
          maxLabels: 5,
          alarmAt: 3,
          classes: 2,
        });
        await registry.keepShadowTrial(trial);
        assert.deepEqual(await registry.shadowTrial(2), trial, kind);
        await worksOn(dir, 2);
      }
    });
  }

  it('also of the folder of the version itself', async (t) => {
    for (const kind of KINDS) {
      const { dir } = await threeVersions(t);
      damage(join(dir, '2'), kind);
      const { serves } = await restart(dir);
      assert.equal(serves, 1, kind);
      await worksOn(dir, 1);
    }
  });
});

describe('whatever is in the place of a file of the task', () => {
  for (const file of ['current', 'pinned', 'history.jsonl']) {
    it(`${file}: the same head serves`, async (t) => {
      for (const kind of KINDS) {
        const { dir } = await threeVersions(t);
        damage(join(dir, file), kind);
        const isThere = (): boolean => readdirSync(dir).some((name) => name === file);
        const wasThere = isThere();
        const { serves } = await restart(dir);
        assert.equal(serves, 2, kind);
        if (kind === 'a folder') {
          assert.ok(wasThere);
          await worksOn(dir, 2);
          assert.ok(existsSync(join(dir, `${file}.corrupt`, 'kept')), `${file} is kept`);
        } else await worksOn(dir, 2);
      }
    });
  }

  it('current and history.jsonl: the newest head that passed the gate serves', async (t) => {
    for (const kind of KINDS) {
      const { dir } = await threeVersions(t);
      for (const file of ['current', 'history.jsonl']) damage(join(dir, file), kind);
      const { serves } = await restart(dir);
      assert.equal(serves, 2, kind);
      await worksOn(dir, 2);
    }
  });

  it('the folder of the task, or of all heads: it is moved aside, and training works', async (t) => {
    for (const kind of KINDS) {
      for (const level of ['task', 'heads']) {
        // Its disk may come back.
        if (kind === 'a link to nothing') continue;
        const { dir, stateDir } = await threeVersions(t);
        damage(level === 'task' ? dir : dirname(dir), kind);
        const found = headsFolder(stateDir, 'main');
        const { registry, serves } = await restart(found);
        assert.equal(serves, null, `${level}: ${kind}`);
        const head = someHead(9);
        await registry.promote(await registry.publish(head, someCard(head), []));
        assert.equal((await restart(found)).serves, 1, `${level}: ${kind}`);
      }
    }
  });

  it('is logged once', async (t) => {
    const { dir } = await threeVersions(t);
    writeFileSync(join(dir, 'current'), 'garbage');
    const { log, lines } = recordedLog();
    const registry = new HeadRegistry(dir, { keep: 5, log });
    for (let read = 0; read < 5; read++) assert.equal(await registry.current(), 2);
    assert.equal(lines.all.length, 1);
  });
});

describe('heads that are moved aside', () => {
  it('never replace one another', async (t) => {
    const { dir } = await threeVersions(t);
    mkdirSync(join(dir, '2.corrupt'));
    writeFileSync(join(dir, '2.corrupt', 'weights'), 'of another time');
    writeFileSync(join(dir, '2', 'weights'), '');
    assert.equal((await restart(dir)).serves, 1);
    assert.equal(lstatSync(join(dir, '2.corrupt', 'weights')).size, 15);
    assert.equal(lstatSync(join(dir, '2.corrupt-2', 'weights')).size, 0);
    assert.equal((await restart(dir)).serves, 1);
  });
});
