// A daemon that only trains. Arguments: the robot as JSON, and the program of the training.
import { silentLog } from '../../../src/base/log.js';
import { HeadRegistry } from '../../../src/registry/registry.js';
import { Trainer } from '../../../src/training/trainer.js';
import type { Robot } from '../fixture.js';

const [robotJson, jobPath] = process.argv.slice(2);
const { dbPath, cacheDir, registryDir, settings } = JSON.parse(robotJson as string) as Robot;
const registry = new HeadRegistry(registryDir, { keep: 5 });
const log = silentLog();
new Trainer({ task: 'main', dbPath, cacheDir, registry, settings, log, jobPath: jobPath! }).start({
  trigger: 'cli',
});
