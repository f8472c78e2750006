// A daemon that is just about to promote what was trained, and never gets to it.
import { writeFileSync } from 'node:fs';
import { silentLog } from '../../../src/base/log.js';
import { HeadRegistry } from '../../../src/registry/registry.js';
import { Trainer } from '../../../src/training/trainer.js';
import type { Robot } from '../fixture.js';

const [robotJson, marker] = process.argv.slice(2);
const { dbPath, cacheDir, registryDir, settings } = JSON.parse(robotJson as string) as Robot;

class SlowRegistry extends HeadRegistry {
  override promote(version: number): Promise<never> {
    writeFileSync(marker as string, String(version));
    return new Promise(() => setInterval(() => undefined, 60_000));
  }
}

const registry = new SlowRegistry(registryDir, { keep: 5 });
new Trainer({ task: 'main', dbPath, cacheDir, registry, settings, log: silentLog() }).start({
  trigger: 'cli',
});
