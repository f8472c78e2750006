import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { type Family, parseExposition } from '../agent/metrics/prometheus-text.js';
import { PROMTOOL, withoutPromtool } from '../agent/metrics/promtool.js';
import { TestAgent } from '../agent/support.js';
import { ask } from '../console/client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const DEPLOY = new URL('../../../deploy/', import.meta.url);
const RULES = new URL('prometheus/headland.rules.yaml', DEPLOY);

const rulesFile = z.object({
  groups: z.array(
    z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() }).loose()) }),
  ),
});
const dashboardFile = z.object({
  annotations: z.object({ list: z.array(z.object({ name: z.string(), expr: z.string() })) }),
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.unknown() })) }),
  panels: z.array(
    z.object({
      id: z.number(),
      title: z.string(),
      type: z.string(),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(z.object({ expr: z.string() })).default([]),
    }),
  ),
});

const alerts = rulesFile
  .parse(parse(readFileSync(RULES, 'utf8')))
  .groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ where: alert, expr })));
const dashboard = dashboardFile.parse(
  JSON.parse(readFileSync(new URL('grafana/headland.json', DEPLOY), 'utf8')),
);
const panels = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => ({ where: title, expr })),
);
const annotations = dashboard.annotations.list.map(({ name, expr }) => ({ where: name, expr }));
const queries = [...alerts, ...panels, ...annotations];

/** Labels that the server adds, or that functions make. */
const SERVER_LABELS = ['instance', 'job', 'le'];

/** Metrics in a query, with the labels that it asks of them. */
function metricsIn(expr: string): { name: string; labels: string[] }[] {
  return [...expr.matchAll(/\b((?:headland|process)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, name = '', matchers = '']) => ({
      name,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }),
  );
}

function familyOf(families: ReadonlyMap<string, Family>, name: string): Family | undefined {
  return families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
}

function checkQuery(
  { where, expr }: (typeof queries)[number],
  families: ReadonlyMap<string, Family>,
): void {
  const metrics = metricsIn(expr);
  assert.ok(metrics.length > 0, `${where} asks for nothing: ${expr}`);
  for (const { name, labels } of metrics) {
    if (name === 'up') continue;
    const family = familyOf(families, name);
    assert.ok(family, `${where} asks for ${name}, which does not exist`);
    const [sample] = family.samples;
    if (!sample) continue;
    const known = [...Object.keys(sample.labels), ...SERVER_LABELS];
    for (const label of labels) assert.ok(known.includes(label), `${where}: ${name}{${label}}`);
  }
}

describe('dashboard and alert rules', { timeout: TEST_HANG_MS }, () => {
  test('ask only for metrics and labels that a robot has, and every query asks for one', async (t) => {
    const rules = [{ name: 'weed-seen', labels: ['weed'], minProbability: 0.9 }];
    const robot = await TestAgent.start(t, ['crop'], { alerts: { rules } });
    const text = (await ask(`${robot.url}/metrics`)).bytes.toString();
    const families = parseExposition(text);
    for (const query of queries) checkQuery(query, families);
    for (const { query } of dashboard.templating.list) {
      for (const { name } of metricsIn(JSON.stringify(query))) {
        assert.ok(families.has(name), `a variable asks for ${name}`);
      }
    }
    // A metric that nobody looks at is no reason to keep it; a new one belongs on the dashboard.
    const shown = new Set(queries.flatMap(({ expr }) => metricsIn(expr).map(({ name }) => name)));
    const unused = [...families.keys()].filter(
      (name) =>
        ![...shown].some(
          (each) => each === name || familyOf(families, each) === families.get(name),
        ),
    );
    assert.deepEqual(unused.sort(), [
      'headland_board_clock',
      'headland_board_file_system_errors',
      'headland_camera_simulated',
      'headland_head_pinned',
      'headland_head_trained_timestamp_seconds',
      'headland_instant_failures_total',
      'headland_mqtt_connection_attempts_total',
      'headland_mqtt_messages_invalid_total',
      'headland_outbox_bytes',
      'headland_outbox_write_failures_total',
      'headland_position_fix',
      'headland_samples',
      'headland_samples_thinned',
      'headland_training_last_finished_timestamp_seconds',
    ]);
  });

  test('have panels that do not overlap, each with an id of its own', () => {
    const taken = new Set<string>();
    const ids = new Set(dashboard.panels.map(({ id }) => id));
    assert.equal(ids.size, dashboard.panels.length);
    for (const { title, gridPos } of dashboard.panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x},${y}`), `${title} lies on another panel`);
          taken.add(`${x},${y}`);
        }
      }
    }
  });

  test('are read by Prometheus, as is the example', { skip: withoutPromtool }, (t) => {
    const dir = temporaryFolder(t);
    cpSync(new URL('prometheus', DEPLOY), dir, { recursive: true });
    writeFileSync(join(dir, 'headland-token'), 'a token\n');
    promtool('check', 'config', join(dir, 'prometheus.yml'));
    // What Grafana fills in before it asks.
    const expressions = [...panels, ...annotations].map(({ expr }) =>
      expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
    );
    const record = expressions.map((expr, index) => ({ record: `query_${index}`, expr }));
    const file = join(dir, 'queries.yaml');
    writeFileSync(file, stringify({ groups: [{ name: 'queries', rules: record }] }));
    promtool('check', 'rules', file);
  });

  test('raise the alerts that they promise, and no others', { skip: withoutPromtool }, (t) => {
    const dir = temporaryFolder(t);
    const robot = 'instance="r1", job="headland"';
    const series = (name: string, labels: string, values: string) => ({
      series: `${name}{${robot}${labels && `, ${labels}`}}`,
      values,
    });
    const raisedAt = (minutes: number, alert: string, severity: string, labels: object) => ({
      eval_time: `${minutes}m`,
      alertname: alert,
      exp_alerts: [{ exp_labels: { instance: 'r1', job: 'headland', severity, ...labels } }],
    });
    const quiet = (minutes: number, alert: string) => ({
      eval_time: `${minutes}m`,
      alertname: alert,
      exp_alerts: [],
    });
    const camera = { camera: 'main' };
    const cases = [
      {
        input_series: [
          series('up', '', '0x30'),
          series('headland_camera_up', 'camera="main"', '0x30'),
          series('headland_paused', 'what="inference"', '0x30'),
          series('headland_frames_total', '', '7x30'),
          series('headland_mqtt_connected', '', '0x30'),
          series('headland_board_disk_free_bytes', '', '1000000x30'),
          series('headland_outbox_dropped_total', 'class="event"', '0x10 1x20'),
          series('headland_outbox_dropped_total', 'class="metrics"', '0+1x30'),
        ],
        alert_rule_test: [
          quiet(4, 'HeadlandDown'),
          raisedAt(6, 'HeadlandDown', 'critical', {}),
          raisedAt(6, 'HeadlandCameraDown', 'critical', camera),
          raisedAt(20, 'HeadlandNoDecisions', 'critical', {}),
          quiet(14, 'HeadlandBrokerGone'),
          raisedAt(16, 'HeadlandBrokerGone', 'warning', {}),
          raisedAt(6, 'HeadlandDiskFull', 'critical', {}),
          quiet(9, 'HeadlandMessagesLost'),
          raisedAt(15, 'HeadlandMessagesLost', 'critical', { class: 'event' }),
        ],
      },
      {
        input_series: [
          series('up', '', '1x130'),
          series('headland_camera_up', 'camera="main"', '0x130'),
          series('headland_paused', 'what="inference"', '1x130'),
          series('headland_frames_total', '', '7x130'),
          series('headland_decisions_total', 'task="main", label="unknown"', '0+40x130'),
          series('headland_decisions_total', 'task="main", label="weed"', '0+60x130'),
          series('headland_frame_duration_seconds_bucket', 'le="1"', '0+10x130'),
          series('headland_frame_duration_seconds_bucket', 'le="2.5"', '0+20x130'),
          series('headland_frame_duration_seconds_bucket', 'le="+Inf"', '0+20x130'),
        ],
        alert_rule_test: [
          quiet(20, 'HeadlandDown'),
          quiet(20, 'HeadlandCameraDown'),
          quiet(20, 'HeadlandNoDecisions'),
          raisedAt(120, 'HeadlandUnknowns', 'warning', { task: 'main' }),
          raisedAt(30, 'HeadlandSlow', 'warning', {}),
        ],
      },
    ].map((each) => ({ interval: '1m', ...each }));
    cpSync(RULES, join(dir, 'rules.yaml'));
    // Annotations are prose; only that an alert is raised, and with which labels, is promised.
    const bare = parse(readFileSync(RULES, 'utf8'), (key, value) =>
      key === 'annotations' ? undefined : value,
    );
    writeFileSync(join(dir, 'rules.yaml'), stringify(bare));
    const file = join(dir, 'test.yaml');
    writeFileSync(file, stringify({ rule_files: ['rules.yaml'], tests: cases }));
    promtool('test', 'rules', file);
  });
});

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(PROMTOOL!, args, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
}
