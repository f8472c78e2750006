import { spawnSync } from 'node:child_process';

/** The checker of Prometheus; null: not installed. */
export const PROMTOOL =
  spawnSync('promtool', ['--version']).error === undefined ? 'promtool' : null;

/** For `test(…, { skip })`. */
export const withoutPromtool: string | false =
  PROMTOOL === null ? 'promtool is missing: apt-get install prometheus' : false;
