import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HubOverview } from '../../src/fleet/contract/hub-api.js';
import { hubMetricsText } from '../../src/fleet/hub/server/hub-metrics.js';
import { parseExposition } from '../agent/metrics/prometheus-text.js';
import { withoutPromtool } from '../agent/metrics/promtool.js';
import { temporaryFolder } from '../temporary-folder.js';
import {
  assertPanelsApart,
  assertRaised,
  assertReadable,
  checkQuery,
  familyOf,
  metricsIn,
  readMonitoring,
} from './monitoring.js';

const DEPLOY = new URL('../../../deploy/', import.meta.url);
const RULES = new URL('prometheus/headland-fleet.rules.yaml', DEPLOY);
const { panels, annotations, dashboard, queries } = readMonitoring(
  RULES,
  new URL('grafana/headland-fleet.json', DEPLOY),
);

const KEY = { task: 'weeds', backbone: 'b1' };

/** A hub of which nothing is missing, so that every metric has a sample. */
const OVERVIEW: HubOverview = {
  fleet: 'farm',
  version: '1.0.0',
  replica: 'one',
  leader: 'one',
  store: 'sqlite',
  broker: { connected: true, problem: null },
  alarms: [],
  robots: { all: 3, online: 2, quarantined: 1, withdrawn: 0 },
  tasks: [
    {
      ...KEY,
      backboneName: 'lite',
      featureSize: 16,
      basis: { checksum: 'identity', directions: 16, atMs: 1 },
      moment: { samples: 0, needed: 100 },
      robots: 3,
      samples: 90,
      classes: 2,
      head: {
        version: 1,
        atMs: 1,
        round: 1,
        labels: ['maize', 'dock'],
        samples: 90,
        robots: 3,
        lambda: 1,
        scale: 10,
        bytes: 1_000,
        leftOut: { accuracy: 0.9, macroAccuracy: 0.9, logLoss: 0.2, samples: 90, robots: [] },
        states: { serving: 2, trial: 0, refused: 1, rolledBack: 0, other: 0 },
      },
      round: null,
      rollout: {
        version: 1,
        previousVersion: null,
        state: 'running',
        stage: 1,
        stages: [{ share: 1, robots: 3 }],
        stageStartedAtMs: 1,
        robots: { asked: 3, serving: 2, refused: 1, rolledBack: 0, waiting: 0 },
        reason: null,
        by: 'hub',
      },
    },
  ],
};

const families = parseExposition(
  hubMetricsText({
    overview: OVERVIEW,
    leads: true,
    counters: { replayed: 1, refused: 2, accepted: 3 },
    heads: [{ task: 'weeds', version: 1, state: 'serving', robots: 2 }],
  }),
);

describe('dashboard and alert rules of the fleet', () => {
  test('ask only for metrics and labels that a hub has, and every metric is asked for', () => {
    for (const query of queries) checkQuery(query, families);
    const shown = new Set(queries.flatMap(({ expr }) => metricsIn(expr).map(({ name }) => name)));
    const unused = [...families.keys()].filter(
      (name) => ![...shown].some((each) => familyOf(families, each) === families.get(name)),
    );
    // The variable of the dashboard asks for it.
    assert.deepEqual(unused, ['headland_fleet_info']);
    for (const { query } of dashboard.templating.list) {
      for (const { name } of metricsIn(JSON.stringify(query))) {
        assert.ok(families.has(name), `a variable asks for ${name}`);
      }
    }
  });

  test('have panels that do not overlap, each with an id of its own', () => {
    assertPanelsApart(dashboard);
  });

  test('are read by Prometheus', { skip: withoutPromtool }, (t) => {
    assertReadable([...panels, ...annotations], temporaryFolder(t));
  });

  test('raise the alerts that they promise, and no others', { skip: withoutPromtool }, (t) => {
    const series = (name: string, instance: string, labels: string, values: string) => ({
      series: `${name}{instance="${instance}", job="headland-fleet"${labels && `, ${labels}`}}`,
      values,
    });
    const at = (minutes: number, alertname: string, ...expected: object[]) => ({
      eval_time: `${minutes}m`,
      alertname,
      exp_alerts: expected.map((labels) => ({
        exp_labels: { job: 'headland-fleet', ...labels },
      })),
    });
    const labels = 'task="weeds", backbone="b1"';
    const of = { task: 'weeds' };
    const cases = [
      {
        interval: '1m',
        input_series: [
          series('up', 'h1', '', '1x90'),
          series('up', 'h2', '', '0x90'),
          series('headland_fleet_leader', 'h1', '', '0x10 1x80'),
          series('headland_fleet_broker_connected', 'h1', '', '1x20 0x70'),
          series('headland_fleet_robots', 'h1', 'state="all"', '10x90'),
          series('headland_fleet_robots', 'h1', 'state="online"', '6x90'),
          series('headland_fleet_robots', 'h1', 'state="quarantined"', '0x40 1x50'),
          series('headland_fleet_head_robots', 'h1', 'task="weeds", state="serving"', '7x90'),
          series('headland_fleet_head_robots', 'h1', 'task="weeds", state="refused"', '3x90'),
          series('headland_fleet_left_out_accuracy_ratio', 'h1', labels, '0.9x10 0.7x80'),
        ],
        alert_rule_test: [
          at(4, 'HeadlandFleetDown'),
          at(6, 'HeadlandFleetDown', { instance: 'h2', severity: 'critical' }),
          at(5, 'HeadlandFleetNoLeader', { severity: 'critical' }),
          at(15, 'HeadlandFleetNoLeader'),
          at(20, 'HeadlandFleetBrokerGone'),
          at(30, 'HeadlandFleetBrokerGone', { instance: 'h1', severity: 'critical' }),
          at(29, 'HeadlandFleetRobotsAway'),
          at(31, 'HeadlandFleetRobotsAway', { instance: 'h1', severity: 'warning' }),
          at(39, 'HeadlandFleetQuarantine'),
          at(45, 'HeadlandFleetQuarantine', { severity: 'warning' }),
          at(20, 'HeadlandFleetHeadsRefused', { instance: 'h1', severity: 'warning', ...of }),
          at(60, 'HeadlandFleetWorse'),
          at(80, 'HeadlandFleetWorse', { instance: 'h1', severity: 'warning', ...KEY }),
        ],
      },
    ];
    assertRaised(RULES, cases, temporaryFolder(t));
  });
});
