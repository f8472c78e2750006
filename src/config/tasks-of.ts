import type { NonEmpty } from '../base/non-empty.js';
import { DEFAULT_TASK, type TaskEyes } from '../base/words/task.js';
import type { Config } from './schema.js';

/** One question asked of images, with the settings that apply to it. */
export interface Task extends TaskEyes {
  name: string;
  /** The configuration, with the settings of the task in place of the common ones. */
  settings: Config;
}

/** The tasks of a robot, in the order of the configuration; at least one. */
export function tasksOf(config: Config): NonEmpty<Task> {
  const [first, ...others] = config.tasks.map(({ name, cameras, regions, ...own }) => {
    const settings: Config = {
      ...config,
      training: withOwn(config.training, own.training),
      gate: withOwn(config.gate, own.gate),
      inference: withOwn(config.inference, own.inference),
      samples: withOwn(config.samples, own.samples),
    };
    return { name, cameras, regions, settings };
  });
  return first
    ? [first, ...others]
    : [{ name: DEFAULT_TASK, cameras: [], regions: [], settings: config }];
}

/** `own` has no defaults, so that only what the user wrote replaces a common setting. */
function withOwn<S extends object>(common: S, own: { [K in keyof S]?: S[K] | undefined }): S {
  const given = Object.entries(own).filter(([, value]) => value !== undefined);
  return { ...common, ...Object.fromEntries(given) };
}
