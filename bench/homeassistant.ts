import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { discoveryConfig } from '../src/telemetry/homeassistant/device-discovery.js';

const VALIDATE = fileURLToPath(new URL('../../bench/homeassistant/validate.py', import.meta.url));
const PREFIX = 'headland/field-7/';

/**
 * Home Assistant's own schemas and templates take every entity of a robot:
 * `bench -- homeassistant --python PYTHON`, of a virtual environment with `pip install homeassistant`.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: options,
    options: { python: { type: 'string', default: 'python3' } },
  });
  const dir = mkdtempSync(join(tmpdir(), 'headland-homeassistant-'));
  try {
    const file = join(dir, 'device.json');
    writeFileSync(file, JSON.stringify({ config: device(), messages: messages() }));
    const output = execFileSync(values.python, [VALIDATE, file], { encoding: 'utf8' });
    return JSON.parse(output) as Record<string, unknown>;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function device(): Record<string, unknown> {
  return discoveryConfig({
    robotId: 'field-7',
    version: '0.1.0',
    namedTasks: true,
    tasks: [
      { name: 'plants', labels: ['crop', 'weed'] },
      { name: 'way', labels: ['free', 'blocked'] },
    ],
    takesUnsigned: true,
    picturedCameras: ['main'],
  }).message;
}

function messages(): Record<string, unknown> {
  const prediction = { label: 'weed', belief: 0.912, unknown_share: 0.07, frame_id: 'main-1' };
  const model = { head_version: 3, holdout_macro_f1: 0.934 };
  return {
    [`${PREFIX}metrics`]: { temperature_c: 51.5 },
    [`${PREFIX}event`]: { kind: 'camera', message: 'The "main" camera', severity: 'info' },
    [`${PREFIX}task/plants/prediction`]: prediction,
    [`${PREFIX}task/plants/model`]: model,
    // Before the first head there are no figures.
    [`${PREFIX}task/way/prediction`]: { label: 'unknown', frame_id: 'main-2' },
    [`${PREFIX}task/way/model`]: { head_version: null, holdout_macro_f1: null },
  };
}
