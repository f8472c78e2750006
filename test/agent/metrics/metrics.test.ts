import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { startConsole } from '../../../src/agent/console/start-console.js';
import { DecisionCounts } from '../../../src/agent/metrics/decision-counts.js';
import { DurationHistogram } from '../../../src/agent/metrics/duration-histogram.js';
import { exposition } from '../../../src/agent/metrics/exposition.js';
import { undecided } from '../../../src/perception/decision.js';
import { ask, TOKEN } from '../../console/client.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { TestAgent } from '../support.js';
import { conventionsBroken, type Family, parseExposition } from './prometheus-text.js';
import { PROMTOOL, withoutPromtool } from './promtool.js';

/** The only sample with these labels. */
function sampleValue(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const found = families
    .get(name)
    ?.samples.filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
  assert.ok(found && found.length <= 1, `${name} is there once`);
  return found[0]?.value;
}

describe('the metrics', { timeout: TEST_HANG_MS }, () => {
  test('are text that a strict parser reads back, whatever the labels hold', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    const samples = fc.uniqueArray(fc.tuple(text, fc.double()), { selector: ([label]) => label });
    fc.assert(
      fc.property(samples, (given) => {
        const written = exposition([
          {
            name: 'headland_x',
            help: 'Of "this",\nand \\ that.',
            values: {
              type: 'gauge',
              samples: given.map(([label, value]) => ({ labels: { label }, value })),
            },
          },
        ]);
        const family = parseExposition(written).get('headland_x');
        assert.deepEqual(
          family?.samples.map(({ labels, value }) => [labels.label, value]),
          given.map(([label, value]) => [label, Object.is(value, -0) ? 0 : value]),
        );
      }),
      { examples: [[[['a "quoted" label\\\n', 1]]]] },
    );
  });

  test('count durations in cumulative buckets', () => {
    const durations = new DurationHistogram();
    for (const ms of [1, 5, 6, 700, 60_000]) durations.add(ms);
    const values = { type: 'histogram', histogram: durations.read() } as const;
    const families = parseExposition(exposition([{ name: 'headland_x', help: 'X.', values }]));
    const { samples = [] } = families.get('headland_x') ?? {};
    const bucket = (le: string) => samples.find(({ labels }) => labels.le === le)?.value;
    assert.deepEqual(['0.005', '0.01', '0.5', '1', '5', '+Inf'].map(bucket), [2, 3, 3, 4, 4, 5]);
    const [sum, count] = samples.slice(-2).map(({ value }) => value);
    assert.deepEqual([Math.round(sum! * 1_000), count], [60_712, 5]);
  });

  test('keep at most a hundred labels of a task apart', () => {
    const counts = new DecisionCounts();
    const top = [{ label: 'x', probability: 1 }];
    const add = (label: string, guess = false) =>
      counts.add({ task: 'main', decision: { ...undecided(), label, guess, top } });
    for (let i = 0; i < 150; i++) add(`label ${i}`, i < 10);
    add('label 7');
    counts.add({ task: 'main', decision: undecided() });
    const labels = counts.labels();
    assert.equal(labels.length, 101);
    assert.equal(labels.find(({ label }) => label === 'label 7')?.total, 2);
    assert.equal(labels.find(({ label }) => label === '')?.total, 50);
    assert.equal(counts.guesses('main'), 10);
  });

  test('of a running robot agree with its status, in the names that Prometheus wants', async (t) => {
    const rules = [{ name: 'weed-seen', labels: ['weed'], minProbability: 0.9 }];
    const robot = await TestAgent.start(t, ['crop', 'crop', 'weed'], { alerts: { rules } });
    const page = await ask(`${robot.url}/metrics`);
    assert.equal(page.status, 200);
    assert.equal(page.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    const families = parseExposition(page.bytes.toString());
    assert.deepEqual(conventionsBroken(families), []);
    const value = (name: string, labels?: Record<string, string>) =>
      sampleValue(families, name, labels);
    const { json: status } = await ask(`${robot.url}/api/status`);
    assert.equal(value('headland_info', { robot: 'r1', version: String(status.version) }), 1);
    assert.equal(value('headland_frames_total'), 3);
    assert.equal(value('headland_camera_frames_total', { camera: 'main' }), 3);
    assert.equal(value('headland_camera_simulated', { camera: 'main' }), 1);
    assert.equal(value('headland_samples', { task: 'main' }), 0);
    assert.equal(value('headland_head_version'), undefined, 'no head serves');
    assert.equal(value('headland_alerts_raised', { rule: 'weed-seen' }), 0);
    assert.equal(value('headland_paused', { what: 'inference' }), 0);
    assert.ok(value('process_resident_memory_bytes')! > 10e6);
    assert.ok(value('headland_outbox_messages') !== undefined);
    const spent = value('process_cpu_seconds_total')!;
    assert.ok(spent > 0.01 && spent < process.uptime() * 64, 'seconds');
    const start = value('process_start_time_seconds')!;
    assert.ok(Math.abs(start - Date.now() / 1_000) < 600, 'seconds since the epoch');
    const { samples } = families.get('headland_frame_duration_seconds')!;
    assert.equal(samples.at(-1)?.value, 3);
  });

  test('tell alarms and what is paused', async (t) => {
    const robot = await TestAgent.start(t, ['crop']);
    await robot.agent.operations.pause('training', { source: 'console' });
    const read = async () => parseExposition((await ask(`${robot.url}/metrics`)).bytes.toString());
    const families = await read();
    assert.equal(sampleValue(families, 'headland_paused', { what: 'training' }), 1);
    const raised = families.get('headland_alarm_raised')!.samples.map(({ labels }) => labels);
    const known = robot.agent.alarms.list();
    assert.deepEqual(
      raised.map(({ alarm, code, severity }) => [alarm, code, severity]),
      known.map(({ name, error, severity }) => [name, error.code, severity]),
    );
  });

  test('need the token that the page needs', async (t) => {
    const { agent, dir } = await TestAgent.start(t, [], { console: { enabled: false } });
    const { console: settings } = agent.config;
    settings.port = 0;
    const file = join(dir, 'token');
    writeFileSync(file, `${TOKEN}\n`, { mode: 0o600 });
    settings.token = { file };
    const page = await startConsole(agent);
    t.after(() => page.close());
    const refused = await ask(`${page.url}metrics`);
    assert.deepEqual([refused.status, refused.json.error?.code], [401, 'HL_CONSOLE_TOKEN_REFUSED']);
    const authorization = `Bearer ${TOKEN}`;
    assert.equal((await ask(`${page.url}metrics`, 'GET', { authorization })).status, 200);
  });

  test('please the linter of Prometheus', { skip: withoutPromtool }, async (t) => {
    const robot = await TestAgent.start(t, ['crop']);
    const { bytes } = await ask(`${robot.url}/metrics`);
    const lint = spawnSync(PROMTOOL!, ['check', 'metrics'], { input: bytes, encoding: 'utf8' });
    assert.deepEqual([lint.status, lint.stdout, lint.stderr], [0, '', '']);
  });
});
