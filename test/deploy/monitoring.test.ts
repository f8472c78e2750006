import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseExposition } from '../agent/metrics/prometheus-text.js';
import { withoutPromtool } from '../agent/metrics/promtool.js';
import { TestAgent } from '../agent/support.js';
import { ask } from '../console/client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';
import {
  assertPanelsApart,
  assertRaised,
  assertReadable,
  checkQuery,
  familyOf,
  metricsIn,
  promtool,
  readMonitoring,
} from './monitoring.js';

const DEPLOY = new URL('../../../deploy/', import.meta.url);
const RULES = new URL('prometheus/headland.rules.yaml', DEPLOY);

const { panels, annotations, dashboard, queries } = readMonitoring(
  RULES,
  new URL('grafana/headland.json', DEPLOY),
);

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
      'headland_fleet_problems',
      'headland_fleet_shares',
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
    assertPanelsApart(dashboard);
  });

  test('are read by Prometheus, as is the example', { skip: withoutPromtool }, (t) => {
    const dir = temporaryFolder(t);
    cpSync(new URL('prometheus', DEPLOY), dir, { recursive: true });
    writeFileSync(join(dir, 'headland-token'), 'a token\n');
    writeFileSync(join(dir, 'headland-fleet-token'), 'a token\n');
    promtool('check', 'config', join(dir, 'prometheus.yml'));
    assertReadable([...panels, ...annotations], dir);
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
    assertRaised(RULES, cases, dir);
  });
});
