import type { FuzzTarget } from '../fuzz-target.js';
import { FILE_TARGETS } from './file-targets.js';
import { PICTURE_TARGETS } from './picture-targets.js';
import { TEXT_TARGETS } from './text-targets.js';

export const TARGETS: readonly FuzzTarget[] = [
  ...TEXT_TARGETS,
  ...FILE_TARGETS,
  ...PICTURE_TARGETS,
];
