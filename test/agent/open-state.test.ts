import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openState } from '../../src/agent/open-state.js';
import { addedCardsDir } from '../../src/agent/seeing/perception-settings.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { temporaryFolder } from '../temporary-folder.js';
import { someCard, someHead } from '../training/fixture.js';
import { openRobot, recentFrame, robotConfig } from './support.js';

describe('openState', () => {
  test('creates everything where there is nothing, for this user alone', (t) => {
    const dir = join(temporaryFolder(t), 'var', 'lib', 'headland');
    const { state, config } = openRobot(t, {}, dir);
    assert.equal(state.databasePath, join(dir, 'headland.db'));
    assert.equal(statSync(state.databasePath).mode & 0o777, 0o600);
    assert.equal(addedCardsDir(config), join(dir, 'backbones'));
    assert.deepEqual(
      [state.task().samples.counts().total, state.audit.list(), state.reports.last('main')],
      [0, [], null],
    );
  });

  test('finds all of it again', async (t) => {
    const { state, config, dir } = openRobot(t);
    const { frame, perceived } = recentFrame();
    state.task().samples.admit({
      jpeg: frame.jpeg,
      label: 'weed',
      labelSource: 'cli',
      group: 'g',
      source: 'main',
      capturedAtMs: 1,
      dhash: perceived.dhash,
    });
    state.meta.set('key', 'value');
    state.audit.append('started', {});
    const head = someHead(1);
    await state.task().heads.promote(await state.task().heads.publish(head, someCard(head), []));
    state.close();

    const again = openState(config);
    t.after(() => again.close());
    assert.equal(again.task().samples.counts().labelled, 1);
    assert.equal(again.meta.get('key'), 'value');
    assert.equal(again.audit.list().length, 1);
    assert.equal(await again.task().heads.current(), 1);
    assert.equal(existsSync(join(dir, 'heads', 'main', '1')), true);
  });

  test('obeys the settings of samples and heads', async (t) => {
    const { state } = openRobot(t, {
      samples: { maxPictureStoreBytes: 1_000_000 },
      heads: { keep: 2 },
    });
    const admit = (jpeg: Uint8Array) =>
      state.task().samples.admit({
        jpeg,
        label: null,
        labelSource: null,
        group: 'g',
        source: 'main',
        capturedAtMs: 1,
        dhash: '0000000000000000',
      });
    assert.throws(() => admit(new Uint8Array(1_000_001)), { code: 'HL_STORE_LIMIT' });
    for (let seed = 1; seed <= 4; seed++) {
      const head = someHead(seed);
      await state.task().heads.promote(await state.task().heads.publish(head, someCard(head), []));
    }
    const versions = (await state.task().heads.list()).map(({ version }) => version);
    assert.deepEqual(versions.slice(-2), [3, 4]);
    assert.ok(versions.length < 4, String(versions));
  });

  test('may be open in two processes: each sees what the other commits', (t) => {
    const { state, dir } = openRobot(t);
    const { state: other } = openRobot(t, {}, dir);
    state.meta.set('key', 'value');
    assert.equal(other.meta.get('key'), 'value');
  });

  test('names a folder that cannot be, and a database that is none', (t) => {
    const file = join(temporaryFolder(t), 'file');
    writeFileSync(file, 'no folder');
    assert.throws(
      () => openState(robotConfig(join(file, 'state'))),
      (error) => isHeadlandError(error, 'HL_STATE_UNWRITABLE') && error.message.includes(file),
    );
    const dir = temporaryFolder(t);
    writeFileSync(
      join(dir, 'headland.db'),
      'no database, but a text that is long enough to be read',
    );
    assert.throws(() => openState(robotConfig(dir)), { code: 'HL_STORE_CORRUPT' });
  });
});
