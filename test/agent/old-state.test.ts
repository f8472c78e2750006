import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { headsFolder } from '../../src/registry/heads-folder.js';
import { openDatabase } from '../../src/storage/database.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';
import { headland, Person, Rig } from './daemon.js';

/** A state folder and its backbone as a headland without tasks left them; the database as text. */
const OLD = fileURLToPath(new URL('../../../test/agent/fixtures/old-state/', import.meta.url));
const LABELLED = 32;
const WAITING = 32;
/** Labels given after the training of head 1. */
const SINCE_TRAINING = 2;

interface OldSample {
  id: string;
  label: string | null;
  group_name: string;
  jpeg: Uint8Array;
}

function oldSamples(stateDir: string): OldSample[] {
  const database = openDatabase(join(stateDir, 'headland.db'));
  const samples = database
    .prepare<OldSample>(
      `SELECT s.id, s.label, s.group_name, p.bytes AS jpeg
       FROM samples s JOIN pictures p ON p.sample_id = s.id`,
    )
    .all();
  database.close();
  return samples;
}

function restoreOldState(stateDir: string): void {
  mkdirSync(stateDir, { recursive: true });
  cpSync(join(OLD, 'heads'), join(stateDir, 'heads'), { recursive: true });
  const database = openDatabase(join(stateDir, 'headland.db'));
  database.exec(readFileSync(join(OLD, 'headland.sql'), 'utf8'));
  database.close();
}

describe('a state folder from before there were tasks', { timeout: TEST_HANG_MS }, () => {
  test('opens, keeps its head serving, and loses nothing', async (t) => {
    const rig = await Rig.create(t, {
      models: { backbone: 'tiny', cardsDir: OLD, allowDownload: false },
    });
    restoreOldState(rig.stateDir);
    cpSync(join(OLD, 'cache'), rig.cacheDir, { recursive: true, verbatimSymlinks: true });
    const before = oldSamples(rig.stateDir);
    const daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    const { body: prediction } = await person.until(
      ({ topic, body }) => topic === 'headland/r1/prediction' && body.head_version === 1,
    );
    assert.deepEqual(prediction.top.map(({ label }: { label: string }) => label).sort(), [
      'crop',
      'stone',
      'weed',
    ]);
    const { data: status } = await person.command('status');
    const { samples, training } = status;
    assert.deepEqual([samples.labelled, samples.waiting >= WAITING], [LABELLED, true]);
    assert.deepEqual(
      [training.new_labels, training.last.outcome, training.last.head_version],
      [SINCE_TRAINING, 'promoted', 1],
    );
    const again = await person.command('retrain');
    const { body: report } = await person.until(
      ({ topic, body }) =>
        topic === 'headland/r1/training/report' && body.training_id === again.data.training_id,
    );
    assert.deepEqual([report.head_version, report.samples], [2, LABELLED]);
    await daemon.stop();

    assert.deepEqual(readdirSync(join(rig.stateDir, 'heads')), ['main']);
    const why = headland('models', 'why', '1', '--recompute', '--config', rig.configFile);
    assert.deepEqual([why.status, why.stderr], [0, '']);
    assert.match(why.stdout, /judged without comparison on 30 samples.*\nnothing to recompute/s);
    const store = rig.openSamples(t);
    const labelled = store.list({ labelled: true });
    assert.deepEqual([labelled.length, before.length], [LABELLED, LABELLED + WAITING]);
    for (const { id, label, group_name: group, jpeg } of before) {
      const sample = store.get(id);
      assert.deepEqual([sample?.label, sample?.group], [label, group]);
      assert.deepEqual(Buffer.from(store.picture(id)!), Buffer.from(jpeg));
      if (label !== null) assert.equal(store.labelHistory(id).at(-1)?.newLabel, label);
    }
    const card = readFileSync(join(rig.stateDir, 'heads', 'main', '1', 'card.json'), 'utf8');
    const { checksum } = JSON.parse(card).backbone;
    const features = store.features(
      labelled.map(({ id }) => id),
      checksum,
      '',
      0,
    );
    assert.ok([...features.values()].every(([original]) => original !== null));
  });
});

describe('the heads of a headland without tasks', () => {
  const current = (folder: string): string => readFileSync(join(folder, 'current'), 'utf8').trim();

  test('move to the folder of the task `main`, once', (t) => {
    const dir = temporaryFolder(t);
    cpSync(join(OLD, 'heads'), join(dir, 'heads'), { recursive: true });
    const folder = headsFolder(dir, 'main');
    assert.equal(folder, join(dir, 'heads', 'main'));
    assert.equal(current(folder), '1');
    assert.equal(headsFolder(dir, 'weeds'), join(dir, 'heads', 'weeds'));
    assert.equal(headsFolder(dir, 'main'), folder);
    assert.deepEqual(readdirSync(join(dir, 'heads')), ['main']);
    assert.deepEqual(readdirSync(dir), ['heads']);
  });

  test('arrive after a power cut in the middle of the move', (t) => {
    for (const remade of [false, true]) {
      const dir = temporaryFolder(t);
      cpSync(join(OLD, 'heads'), join(dir, 'heads'), { recursive: true });
      renameSync(join(dir, 'heads'), join(dir, 'heads.moving'));
      if (remade) mkdirSync(join(dir, 'heads'));
      assert.equal(current(headsFolder(dir, 'main')), '1');
      assert.ok(!existsSync(join(dir, 'heads.moving')));
    }
  });

  test('are used where they are when they cannot be moved', (t) => {
    const dir = temporaryFolder(t);
    cpSync(join(OLD, 'heads'), join(dir, 'heads'), { recursive: true });
    // Only an empty folder can be replaced.
    mkdirSync(join(dir, 'heads.moving', 'something'), { recursive: true });
    assert.equal(headsFolder(dir, 'main'), join(dir, 'heads'));
    assert.equal(current(headsFolder(dir, 'main')), '1');
  });

  test('a new state folder gets no folder before there is a head', (t) => {
    const dir = temporaryFolder(t);
    assert.equal(headsFolder(dir, 'main'), join(dir, 'heads', 'main'));
    assert.deepEqual(readdirSync(dir), []);
  });
});
