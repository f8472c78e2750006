import { frameDe } from '../../../../../page/words/frame/frame.de.js';
import type { Catalogue } from '../catalogue.js';
import { brainDe } from './brain.de.js';
import { liveDe } from './live.de.js';
import { picturesDe } from './pictures.de.js';
import { robotDe } from './robot.de.js';
import { shellDe } from './shell.de.js';
import { teachDe } from './teach.de.js';

const catalogue: Catalogue = {
  ...frameDe,
  ...shellDe,
  ...liveDe,
  ...teachDe,
  ...picturesDe,
  ...brainDe,
  ...robotDe,
};
export default catalogue;
