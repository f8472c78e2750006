import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { SampleAnswer } from '../../src/gate/answers/sample-answer.js';
import { encodeHead } from '../../src/head/codec.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import { hasCode } from '../errors.js';
import { temporaryFolder } from '../temporary-folder.js';
import { someCard, someHead } from '../training/fixture.js';

function create(t: TestContext, keep = 5): { dir: string; registry: HeadRegistry } {
  const dir = join(temporaryFolder(t), 'heads');
  return { dir, registry: new HeadRegistry(dir, { keep }) };
}

async function publish(
  registry: HeadRegistry,
  seed: number,
  refused: string | null = null,
): Promise<number> {
  const head = someHead(seed);
  const card = someCard(head);
  const gate = { ...card.gate, promote: refused === null };
  return registry.publish(head, { ...card, gate, refused }, [`group ${seed}`, 'odd "group"\n\\n']);
}

async function versions(registry: HeadRegistry): Promise<number[]> {
  return (await registry.list()).map((listing) => listing.version);
}

describe('the head registry', () => {
  it('is empty before the first head', async (t) => {
    const { registry } = create(t);
    await registry.recover();
    assert.deepEqual(await registry.list(), []);
    assert.equal(await registry.current(), null);
    assert.equal(await registry.openServing(), null);
    await assert.rejects(registry.load(1), hasCode('HL_HEAD_UNKNOWN_VERSION'));
    await assert.rejects(registry.promote(1), hasCode('HL_HEAD_UNKNOWN_VERSION'));
    await assert.rejects(registry.rollback(), hasCode('HL_HEAD_NO_PREVIOUS'));
  });

  it('gives back what was published, byte for byte', async (t) => {
    const { registry } = create(t);
    const head = await registry.stage(someHead(7));
    const version = await publish(registry, 7);
    assert.equal(version, 1);
    assert.equal(await registry.current(), null, 'a published head does not serve yet');
    await registry.promote(version);
    const stored = await new HeadRegistry(registry.dir, { keep: 5 }).openServing();
    assert.deepEqual(stored?.head, head);
    assert.deepEqual(encodeHead(stored?.head ?? someHead(0)), encodeHead(someHead(7)));
    assert.deepEqual(stored?.trainingGroups, ['group 7', 'odd "group"\n\\n']);
    const { schema, version: number, weightsSha256, trainingGroupsSha256, ...card } = stored.card;
    assert.deepEqual(card, someCard(someHead(7)));
    assert.deepEqual([schema, number], [1, 1]);
    assert.match(weightsSha256 + trainingGroupsSha256, /^[0-9a-f]{128}$/);
    assert.equal(readFileSync(join(registry.dir, '1', 'labels'), 'utf8'), 'crop\nweed\n');
  });

  it('counts versions up, also from several processes at once', async (t) => {
    const { dir } = create(t);
    const registries = Array.from({ length: 4 }, () => new HeadRegistry(dir, { keep: 5 }));
    const given = await Promise.all(
      Array.from({ length: 12 }, (_, i) => publish(registries[i % 4] as HeadRegistry, i)),
    );
    assert.deepEqual(
      given.sort((a, b) => a - b),
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
  });

  it('rolls back step by step and forward by promotion', async (t) => {
    const { registry } = create(t);
    for (const seed of [1, 2, 3]) await registry.promote(await publish(registry, seed));
    assert.equal((await registry.rollback()).card.version, 2);
    assert.equal((await registry.rollback()).card.version, 1);
    await assert.rejects(registry.rollback(), hasCode('HL_HEAD_NO_PREVIOUS'));
    assert.equal(await registry.current(), 1);
    await registry.promote(3);
    assert.equal((await registry.rollback()).card.version, 1);
    assert.equal((await registry.rollback(2)).card.version, 2);
    await assert.rejects(registry.rollback(9), hasCode('HL_HEAD_UNKNOWN_VERSION'));
    assert.equal(await registry.current(), 2);
  });

  it('passes over a damaged version when it rolls back', async (t) => {
    const { registry, dir } = create(t);
    for (const seed of [1, 2, 3]) await registry.promote(await publish(registry, seed));
    writeFileSync(join(dir, '2', 'weights'), 'nonsense');
    assert.equal((await registry.rollback()).card.version, 1);
    assert.ok(existsSync(join(dir, '2.corrupt')));
  });

  it('keeps the last that served and the last that did not', async (t) => {
    const { registry } = create(t, 2);
    for (let seed = 1; seed <= 8; seed++) {
      const version = await publish(registry, seed);
      if (seed % 2 === 0) await registry.promote(version);
    }
    await registry.prune();
    assert.deepEqual(await versions(registry), [5, 6, 7, 8]);
    const served = (await registry.list()).filter((listing) => listing.served);
    assert.deepEqual(
      served.map((listing) => listing.version),
      [6, 8],
    );
    await registry.promote(5);
    assert.deepEqual(await versions(registry), [5, 7, 8]);
    assert.equal(await registry.current(), 5);
  });

  it('never removes the serving head, however old', async (t) => {
    const { registry } = create(t, 2);
    await registry.promote(await publish(registry, 1));
    for (let seed = 2; seed <= 6; seed++) await publish(registry, seed);
    await registry.prune();
    assert.deepEqual(await versions(registry), [1, 5, 6]);
    for (const version of [5, 6]) await registry.promote(version);
    await registry.rollback();
    await registry.prune();
    assert.equal(await registry.current(), 5);
    assert.deepEqual(await versions(registry), [5, 6]);
  });

  it('never gives a number out again, even if the newest was put aside', async (t) => {
    const { registry, dir } = create(t);
    await registry.promote(await publish(registry, 1));
    await registry.promote(await publish(registry, 2));
    writeFileSync(join(dir, '2', 'card.json'), '{}');
    assert.equal((await registry.openServing())?.card.version, 1);
    assert.equal(await publish(registry, 3), 3);
    renameSync(join(dir, '3'), join(dir, '3.corrupt'));
    assert.equal(await publish(registry, 4), 4, 'also of a head that never served');
    rmSync(join(dir, '4'), { recursive: true });
    rmSync(join(dir, '3.corrupt'), { recursive: true });
    rmSync(join(dir, '2.corrupt'), { recursive: true });
    assert.equal(await publish(registry, 5), 3, 'heads that never served and were removed by hand');
    assert.ok((await versions(registry)).includes(1));
  });

  it('takes a promotion back', async (t) => {
    const { registry } = create(t);
    await registry.promote(await publish(registry, 1));
    await registry.withdraw(null);
    assert.equal(await registry.openServing(), null);
    await registry.promote(1);
    await registry.promote(await publish(registry, 2));
    await registry.withdraw(1);
    assert.equal(await registry.current(), 1);
    await assert.rejects(registry.rollback(), hasCode('HL_HEAD_NO_PREVIOUS'));
  });

  it('does not write a card that could not be read again', async (t) => {
    const { registry } = create(t);
    const head = someHead(1);
    const card = { ...someCard(head), lambda: Number.NaN };
    await assert.rejects(registry.publish(head, card, []), hasCode('HL_HEAD_INVALID'));
    assert.deepEqual(await versions(registry), []);
  });
});

describe('damage to the head registry', () => {
  it('is noticed for every flipped byte, and the version before takes over', async (t) => {
    const { registry, dir } = create(t);
    await registry.promote(await publish(registry, 1));
    await registry.promote(await publish(registry, 2));
    for (const file of readdirSync(join(dir, '2'))) {
      const path = join(dir, '2', file);
      const good = readFileSync(path);
      const step = Math.max(1, Math.floor(good.length / 40));
      for (let at = 0; at < good.length; at += step) {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] as number) ^ 0x04;
        writeFileSync(path, bad);
        await assert.rejects(
          registry.load(2),
          hasCode('HL_HEAD_INVALID'),
          `byte ${at} of ${file} was flipped`,
        );
      }
      writeFileSync(path, good.subarray(0, good.length - 1));
      await assert.rejects(registry.load(2), hasCode('HL_HEAD_INVALID'), `${file} was cut`);
      rmSync(path);
      await assert.rejects(registry.load(2), hasCode('HL_HEAD_INVALID'), `${file} was removed`);
      await assert.rejects(registry.promote(2), hasCode('HL_HEAD_INVALID'));
      writeFileSync(path, good);
    }
    assert.equal((await registry.openServing())?.card.version, 2);
    writeFileSync(join(dir, '2', 'labels'), 'crop\nweeds\n');
    assert.equal((await registry.openServing())?.card.version, 1);
    assert.equal(await registry.current(), 1);
    assert.deepEqual(await versions(registry), [1]);
    assert.ok(existsSync(join(dir, '2.corrupt')), 'it is put aside, not removed');
    assert.equal((await registry.openServing())?.card.version, 1);
  });

  it('is noticed when the whole weights are those of another version', async (t) => {
    const { registry, dir } = create(t);
    await publish(registry, 1);
    await publish(registry, 2);
    writeFileSync(join(dir, '2', 'weights'), readFileSync(join(dir, '1', 'weights')));
    await assert.rejects(registry.load(2), hasCode('HL_HEAD_INVALID'));
  });

  it('is noticed when card and weights are right, and of different heads', async (t) => {
    const { registry } = create(t);
    const head = someHead(1);
    const card = someCard(head);
    for (const other of [
      { labels: ['crop', 'stone'] },
      { featureSize: 3 },
      { backbone: { ...card.backbone, checksum: 'c'.repeat(64) } },
    ]) {
      const version = await registry.publish(head, { ...card, ...other }, []);
      await assert.rejects(registry.load(version), hasCode('HL_HEAD_INVALID'));
    }
  });

  it('of every version leaves no head, and the next training starts again', async (t) => {
    const { registry, dir } = create(t);
    await registry.promote(await publish(registry, 1));
    await registry.promote(await publish(registry, 2));
    for (const version of ['1', '2']) writeFileSync(join(dir, version, 'weights'), '');
    assert.equal(await registry.openServing(), null);
    assert.equal(await registry.current(), null);
    const next = await publish(registry, 3);
    assert.equal(next, 3);
    await registry.promote(next);
    assert.equal((await registry.openServing())?.card.version, 3);
  });

  it('of the pointer is mended from the history', async (t) => {
    const { registry, dir } = create(t);
    for (const seed of [1, 2]) await registry.promote(await publish(registry, seed));
    for (const text of ['', '2', 'two\n', '-1\n', '0\n', '\0\0\0\0']) {
      writeFileSync(join(dir, 'current'), text);
      assert.equal((await registry.openServing())?.card.version, 2, JSON.stringify(text));
    }
    await registry.rollback();
    assert.equal(readFileSync(join(dir, 'current'), 'utf8'), '1\n');
  });

  it('of a removed directory falls back too', async (t) => {
    const { registry, dir } = create(t);
    for (const seed of [1, 2]) await registry.promote(await publish(registry, seed));
    rmSync(join(dir, '2'), { recursive: true });
    assert.equal((await registry.openServing())?.card.version, 1);
  });

  it('never falls back to a head that was refused', async (t) => {
    const { registry, dir } = create(t);
    await publish(registry, 1, 'refused');
    await registry.promote(await publish(registry, 2));
    await publish(registry, 3, 'refused');
    writeFileSync(join(dir, '2', 'weights'), '');
    assert.equal(await registry.openServing(), null);
  });

  it('falls back to the newest head that passed the gate when none that served can serve', async (t) => {
    const { registry, dir } = create(t);
    await registry.promote(await publish(registry, 1));
    for (const seed of [2, 3]) await publish(registry, seed);
    await publish(registry, 4, 'refused');
    writeFileSync(join(dir, '1', 'weights'), '');
    assert.equal((await registry.openServing())?.card.version, 3);
    assert.equal(await registry.current(), 3);
  });

  it('that does not work here is passed over, and comes back when it does', async (t) => {
    const { registry } = create(t);
    for (const seed of [1, 2, 3]) await registry.promote(await publish(registry, seed));
    const passedOver: number[] = [];
    const use =
      (...working: number[]) =>
      ({ card }: { card: { version: number } }) => {
        if (!working.includes(card.version)) throw new Error('another backbone');
      };
    const onUnusable = (version: number) => void passedOver.push(version);
    assert.equal((await registry.openServing({ use: use(1), onUnusable }))?.card.version, 1);
    assert.deepEqual(passedOver, [3, 2]);
    assert.equal(await registry.openServing({ use: use() }), null);
    assert.equal(await registry.current(), null);
    assert.deepEqual(await versions(registry), [1, 2, 3], 'whole heads are not put aside');
    assert.equal((await registry.openServing({ use: use(3, 2) }))?.card.version, 3);
    await assert.rejects(registry.promote(2, use(3)), /another backbone/);
    await assert.rejects(registry.rollback(2, use(3)), /another backbone/);
    assert.equal(await registry.current(), 3);
  });

  it('keeps the head that serves already', async (t) => {
    const { registry, dir } = create(t);
    for (const seed of [1, 2, 3]) await registry.promote(await publish(registry, seed));
    writeFileSync(join(dir, '3', 'weights'), '');
    assert.equal((await registry.openServing({ keep: 1 }))?.card.version, 1);
  });

  it('is told apart from a folder that cannot be read', async (t) => {
    const { registry, dir } = create(t);
    await registry.promote(await publish(registry, 1));
    chmodSync(dirname(dir), 0o755);
    chmodSync(join(dir, '1', 'weights'), 0);
    const errors: unknown[] = [];
    const onUnusable = (_version: number, error: unknown) => void errors.push(error);
    // Root may read everything.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      assert.equal(await registry.openServing({ onUnusable }), null);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    assert.equal((errors[0] as NodeJS.ErrnoException).code, 'EACCES');
    assert.ok(existsSync(join(dir, '1')), 'not put aside');
  });

  it('of an interrupted switch is mended by recover', async (t) => {
    const { registry, dir } = create(t);
    for (const seed of [1, 2]) await registry.promote(await publish(registry, seed));
    await publish(registry, 3);
    // The power goes between the rename of the pointer and the record.
    writeFileSync(join(dir, 'current'), '3\n');
    mkdirSync(join(dir, '.4.0123.tmp'));
    writeFileSync(join(dir, '.4.0123.tmp', 'weights'), 'half');
    renameSync(join(dir, '1'), join(dir, '.removed-1'));
    const restarted = new HeadRegistry(dir, { keep: 5 });
    await restarted.recover();
    assert.deepEqual(
      readdirSync(dir).filter((entry) => entry.startsWith('.')),
      [],
    );
    assert.equal((await restarted.openServing())?.card.version, 3);
    assert.equal((await restarted.rollback()).card.version, 2);
  });
});

describe('pins and answers of the head registry', () => {
  it('keeps a pin over restarts, and lets it move with what a person chooses', async (t) => {
    const { dir, registry } = create(t);
    for (const seed of [1, 2, 3]) await publish(registry, seed);
    await assert.rejects(registry.pin(1), hasCode('HL_HEAD_NOT_SERVING'));
    await registry.promote(2, undefined, 'training');
    await registry.pin(2, 'console');
    await registry.pin(2, 'cli');
    assert.equal(await new HeadRegistry(dir, { keep: 5 }).pinned(), 2);
    await registry.rollback(1, undefined, 'mqtt');
    assert.equal(await registry.pinned(), 1);
    await registry.pin(null, 'button');
    await registry.pin(null, 'button');
    assert.equal(await registry.pinned(), null);
    const { pins, switches } = await registry.history();
    assert.deepEqual(
      pins.map(({ event, version, by }) => [event, version, by]),
      [
        ['pinned', 2, 'console'],
        ['pinned', 1, 'mqtt'],
        ['unpinned', 1, 'button'],
      ],
    );
    assert.deepEqual(
      switches.map(({ event, version, previous, by }) => [event, version, previous, by]),
      [
        ['promoted', 2, null, 'training'],
        ['rolled-back', 1, 2, 'mqtt'],
      ],
    );
    // Pins are no switches: rollback knows nothing of them.
    assert.equal((await registry.lastSwitch())?.version, 1);
    await registry.promote(3);
    assert.equal((await registry.rollback()).card.version, 1);
  });

  it('holds no pin on a version that cannot serve any more, now or later', async (t) => {
    const { dir, registry } = create(t);
    for (const seed of [1, 2]) await publish(registry, seed);
    await registry.promote(1);
    await registry.promote(2);
    await registry.pin(2);
    const use = ({ card }: { card: { version: number } }): void => {
      if (card.version === 2) throw new Error('it does not fit');
    };
    assert.equal((await registry.openServing({ use }))?.card.version, 1);
    assert.equal(await registry.pinned(), null);
    await registry.promote(1);
    await registry.promote(2);
    assert.equal(await registry.pinned(), null, 'the pin has not come back');
    writeFileSync(join(dir, 'pinned'), 'garbage');
    assert.equal(await registry.pinned(), null);
  });

  it('keeps the answers of a version beside it, and nothing when none were given', async (t) => {
    const { dir, registry } = create(t);
    const head = someHead(1);
    const [answer] = drawn();
    const version = await registry.publish(head, someCard(head), [], null, {
      champion: null,
      answers: [answer!],
    });
    assert.deepEqual(await registry.answers(version), { champion: null, answers: [answer] });
    assert.equal(await registry.answers(await publish(registry, 2)), null);
    await assert.rejects(registry.answers(9), hasCode('HL_HEAD_UNKNOWN_VERSION'));
    writeFileSync(join(dir, '1', 'answers'), 'damaged');
    await assert.rejects(registry.answers(1), hasCode('HL_HEAD_INVALID'));
    assert.equal((await registry.load(1)).card.version, 1, 'the head still serves');
  });
});

function drawn(): SampleAnswer[] {
  return [
    {
      id: '00000000-0000-7000-8000-000000000001',
      truth: 'crop',
      label: 'weed',
      confidence: 0.5,
      probability: 0.25,
      second: 'crop',
      secondProbability: 0.25,
      holdout: true,
      knowable: true,
      judged: false,
      champion: null,
    },
  ];
}
