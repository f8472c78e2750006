import { silentLog } from '../../../src/base/log.js';
import { demoConfig } from '../../../src/cli/demo/demo-settings.js';
import { Demonstration } from '../../../src/cli/demo/demonstration.js';
import { WrittenBytes } from '../../../src/host/written-bytes.js';
import { installBackbone } from '../../training/fixture.js';

/** The demonstration with the simulated field, as fast as it can, with a small backbone. */
const [stateDir, cacheDir] = process.argv.slice(2) as [string, string];
const options = { simulated: true, exitAfterTraining: true, cache: cacheDir };
const cardsDir = await installBackbone(cacheDir.replace(/\/cache$/, ''), 'tiny', 1);
const config = await demoConfig(options, { stateDir, startFrame: 0 });
const models = { ...config.models, backbone: 'tiny', cardsDir, allowDownload: false };
const demonstration = new Demonstration(
  { ...config, models },
  {
    log: silentLog(),
    environment: process.env,
    version: '0.0.0',
    writtenBytes: new WrittenBytes(),
    exitAfterTraining: true,
    photos: null,
  },
);
process.exitCode = await demonstration.run();
process.exit();
