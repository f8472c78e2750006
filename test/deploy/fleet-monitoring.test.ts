import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { conventionsBroken, parseExposition } from '../agent/metrics/prometheus-text.js';
import { PROMTOOL, withoutPromtool } from '../agent/metrics/promtool.js';
import { HubChild } from '../fleet/hub-child.js';
import { until } from '../fleet/hub-fixture.js';
import { placeData } from '../fleet/places.js';
import { RobotStandIn, type StandInOptions } from '../fleet/stand-in.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
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
const SIZE = 12;

/** A hub with robots of which one is refused, so that every metric has a sample. @returns its metrics */
async function scrapedHub(t: TestContext): Promise<string> {
  const broker = await Mosquitto.start(t);
  const hub = new HubChild({
    store: `sqlite:${join(temporaryFolder(t), 'hub.sqlite')}`,
    mqtt: { url: broker.url },
    http: { port: 0 },
    learning: {
      basisDirections: 'all',
      roundIntervalMs: 1_000,
      settleMs: 200,
      roundTimeoutMs: 3_000,
    },
    rollout: { stageMs: 0 },
    tickMs: 50,
    log: { format: 'json' },
  });
  t.after(() => hub.stop());
  const url = await hub.up();
  const robot = async (name: string, more: Partial<StandInOptions> = {}) => {
    const data = placeData(name, ['maize', 'dock'], 20, SIZE);
    const made = new RobotStandIn({
      robot: name,
      url: broker.url,
      featureSize: SIZE,
      data,
      ...KEY,
      ...more,
    });
    t.after(() => made.stop());
    await made.start();
    return made;
  };
  const robots = [await robot('a'), await robot('b'), await robot('c')];
  const faulty = await robot('faulty', {
    distort: (sums) => {
      sums.classes[0]!.sums.sum[0] = Number.NaN;
      return sums;
    },
  });
  await until('all serve', () => robots.every(({ servingVersion }) => servingVersion !== null));
  await until('one is refused', () => faulty.task?.refused != null);
  const text = async () => (await fetch(new URL('/metrics', url))).text();
  const isComplete = async () =>
    [...parseExposition(await text()).values()].every(({ samples }) => samples.length > 0);
  await until('every metric has a sample', isComplete);
  return text();
}

describe('dashboard and alert rules of the fleet', () => {
  test('ask only for metrics and labels that a hub has, and every metric is asked for', {
    skip: withoutMosquitto,
  }, async (t) => {
    const text = await scrapedHub(t);
    const families = parseExposition(text);
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
    assert.deepEqual(conventionsBroken(families), []);
    const page = readFileSync(
      new URL('../../../docs/reference/fleet-hub.md', import.meta.url),
      'utf8',
    );
    const undocumented = [...families].filter(
      ([name, { type }]) => !page.includes(`| \`${name}\` | ${type} |`),
    );
    assert.deepEqual(undocumented, []);
    const value = (name: string, labels: Record<string, string>) =>
      families
        .get(name)
        ?.samples.find((sample) =>
          Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
        )?.value;
    const invalid = { code: 'HL_FLEET_OBJECT_INVALID' };
    assert.equal(value('headland_fleet_refused_objects_total', invalid), 1);
    assert.equal(value('headland_fleet_robots', { state: 'flagged' }), 0);
    assert.equal(value('headland_fleet_rollout_stopped', KEY), 0);
    assert.ok((value('headland_fleet_round', KEY) ?? 0) >= 1);
    const mergedAt = value('headland_fleet_last_merge_timestamp_seconds', KEY) ?? 0;
    assert.ok(Math.abs(Date.now() / 1_000 - mergedAt) < 3_600, `${mergedAt}`);
    assert.ok((value('headland_fleet_merge_seconds', KEY) ?? 0) > 0);
    const ages = ['0.5', '0.9', '1'].map(
      (quantile) => value('headland_fleet_robots_last_seen_seconds', { quantile }) ?? -1,
    );
    assert.ok(ages[0]! >= 0 && ages[0]! <= ages[1]! && ages[1]! <= ages[2]!, `${ages}`);
    if (PROMTOOL !== null) {
      const { status, stdout, stderr } = spawnSync(PROMTOOL, ['check', 'metrics'], {
        input: text,
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout + stderr);
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
          series('headland_fleet_rollout_stopped', 'h1', labels, '0x50 1x40'),
          series('headland_fleet_rollout_stopped', 'h2', labels, '0x50 1x40'),
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
          at(49, 'HeadlandFleetRolloutStopped'),
          at(55, 'HeadlandFleetRolloutStopped', { severity: 'warning', ...KEY }),
          at(60, 'HeadlandFleetWorse'),
          at(80, 'HeadlandFleetWorse', { instance: 'h1', severity: 'warning', ...KEY }),
        ],
      },
    ];
    assertRaised(RULES, cases, temporaryFolder(t));
  });
});
