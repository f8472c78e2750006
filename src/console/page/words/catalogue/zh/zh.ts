import { frameZh } from '../../../../../page/words/frame/frame.zh.js';
import type { Catalogue } from '../catalogue.js';
import { brainZh } from './brain.zh.js';
import { liveZh } from './live.zh.js';
import { picturesZh } from './pictures.zh.js';
import { robotZh } from './robot.zh.js';
import { shellZh } from './shell.zh.js';
import { teachZh } from './teach.zh.js';

const catalogue: Catalogue = {
  ...frameZh,
  ...shellZh,
  ...liveZh,
  ...teachZh,
  ...picturesZh,
  ...brainZh,
  ...robotZh,
};
export default catalogue;
