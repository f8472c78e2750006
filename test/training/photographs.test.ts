import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadCard } from '../../src/backbone/card-folders.js';
import { silentLog } from '../../src/base/log.js';
import { pullModel } from '../../src/models/pull-model.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import { Trainer } from '../../src/training/trainer.js';
import { TEST_HANG_MS } from '../liveness.js';
import { createRobot, openStore } from './fixture.js';

const SHARED =
  process.env.HEADLAND_SHARED ?? fileURLToPath(new URL('../../../../shared', import.meta.url));
const CLASSES = ['Banana', 'Carrots', 'Kiwi', 'Pepper'];
const PHOTOS_PER_CLASS = 16;

describe('photographs of fruit and a real backbone', () => {
  it('make a head that recognises fruit of groups it never saw', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const photos = join(SHARED, 'data', 'grocery');
    const mirror = join(SHARED, 'models');
    if (!existsSync(photos) || !existsSync(mirror)) {
      t.skip(
        'no ../shared/data/grocery or no ../shared/models; name the folder in HEADLAND_SHARED',
      );
      return;
    }
    const robot = await createRobot(t, { views: 0 });
    robot.settings.models = { ...robot.settings.models, backbone: 'mobilenet-v2', cardsDir: null };
    await pullModel(await loadCard('mobilenet-v2', null), {
      ...robot.settings.models,
      cacheDir: robot.cacheDir,
      mirrors: [mirror],
      allowDownload: false,
      log: silentLog(),
    });
    const { store, close } = openStore(robot);
    for (const label of CLASSES) {
      const files = readdirSync(join(photos, label)).sort();
      const step = files.length / PHOTOS_PER_CLASS;
      for (let i = 0; i < PHOTOS_PER_CLASS; i++) {
        const file = files[Math.floor(i * step)] as string;
        const jpeg = readFileSync(join(photos, label, file));
        // Photos of one split, variety and ten stand close together in time.
        const group = file.replace(/\d\.jpg$/, '');
        const origin = `${label}/${file}`;
        const about = { source: 'import', capturedAtMs: 0, origin, dhash: '0000000000000000' };
        store.admit({ jpeg, label, labelSource: 'import', group, ...about });
      }
    }
    close();
    const { dbPath, cacheDir, settings, registryDir } = robot;
    const registry = new HeadRegistry(registryDir, { keep: 5 });
    const report = await new Trainer({
      task: 'main',
      dbPath,
      cacheDir,
      settings,
      registry,
      log: silentLog(),
    }).start({ trigger: 'cli' }).finished;
    assert.equal(report.outcome, 'promoted', report.reason);
    const metrics = report.result?.leaveGroupOut;
    t.diagnostic(`${report.reason} (${Math.round(report.durationMs)} ms)`);
    assert.ok((metrics?.accuracy ?? 0) > 0.8, `leave-group-out accuracy ${metrics?.accuracy}`);
  });
});
