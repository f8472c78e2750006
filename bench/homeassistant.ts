import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  type DiscoveredRobot,
  discoveryConfig,
  discoveryTopic,
} from '../src/telemetry/homeassistant/device-discovery.js';

const RUN = fileURLToPath(new URL('../../bench/homeassistant/run.mjs', import.meta.url));
const CACHE = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
const FOLDER = /^homeassistant-(.+)$/;
const PREFIX = 'headland/field-7/';
const ROBOT: DiscoveredRobot = {
  robotId: 'field-7',
  version: '0.1.0',
  namedTasks: true,
  tasks: [
    { name: 'plants', labels: ['crop', 'weed'] },
    { name: 'way', labels: ['free', 'blocked'] },
  ],
  takesUnsigned: true,
  picturedCameras: ['front', 'rear'],
};

/**
 * The MQTT integration of Home Assistant takes the device of a robot, every entity and its messages:
 * `bench -- homeassistant [--tools FOLDER]`, of `bash bench/homeassistant/install.sh`.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: options,
    options: {
      tools: { type: 'string', default: join(CACHE, 'headland-test-tools/homeassistant') },
    },
  });
  const { tools } = values;
  if (!existsSync(tools)) {
    throw new Error(`${tools} is missing: bash bench/homeassistant/install.sh ${tools}`);
  }
  const versions = readdirSync(tools).flatMap((name) => FOLDER.exec(name)?.[1] ?? []);
  const dir = mkdtempSync(join(tmpdir(), 'headland-homeassistant-'));
  try {
    const file = join(dir, 'device.json');
    writeFileSync(file, JSON.stringify(given()));
    const results = versions.sort().map((version) => {
      const args = [RUN, tools, version, file];
      const output = execFileSync(process.execPath, args, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      return JSON.parse(output) as { violations: string[] };
    });
    return { results, violations: results.flatMap(({ violations }) => violations) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function given(): Record<string, unknown> {
  const { message, platforms } = discoveryConfig(ROBOT);
  const without = discoveryConfig({ ...ROBOT, picturedCameras: [], known: platforms });
  return {
    config_topic: discoveryTopic('homeassistant', ROBOT.robotId),
    config: message,
    without_pictures: without.message,
    messages: messages(),
    statuses: Object.fromEntries(
      ['starting', 'online', 'paused', 'stopping', 'offline'].map((state) => [state, { state }]),
    ),
  };
}

/** The first and the last that a topic may carry: before the first head there are no figures. */
function messages(): Record<string, unknown[]> {
  const prediction = { label: 'weed', belief: 0.912, unknown_share: 0.07, frame_id: 'main-1' };
  const unknown = { label: 'unknown', frame_id: 'main-2' };
  return {
    [`${PREFIX}metrics`]: [{ temperature_c: 51.5 }, { temperature_c: null }],
    [`${PREFIX}event`]: [{ kind: 'camera', message: 'The "main" camera', severity: 'info' }],
    [`${PREFIX}task/plants/prediction`]: [prediction, unknown],
    [`${PREFIX}task/plants/model`]: [
      { head_version: 3, holdout_macro_f1: 0.934 },
      { head_version: null, holdout_macro_f1: null },
    ],
    [`${PREFIX}task/way/prediction`]: [{ ...prediction, label: 'free' }],
    [`${PREFIX}task/way/model`]: [{ head_version: 1, holdout_macro_f1: 0.5 }],
  };
}
