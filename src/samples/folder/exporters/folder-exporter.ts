import { WAITING_FOLDER } from '../found.js';
import { MANIFEST_FILE } from '../manifest.js';
import type { Exporter } from './exporter.js';

/** Class folders, which Keras, PyTorch and Roboflow read too. */
export const FOLDER_EXPORTER: Exporter = {
  manifest: MANIFEST_FILE,
  needsSize: false,
  takesWaiting: true,
  folderOf: ({ label }) => label ?? WAITING_FOLDER,
  textsOf: () => [],
};
