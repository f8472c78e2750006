import type { HubOverview } from '../../contract/hub-api.js';
import type { MergeTally } from '../hub-tally.js';

interface Metric {
  name: string;
  help: string;
  type: 'gauge' | 'counter' | 'summary';
  samples: { labels?: Record<string, string>; value: number }[];
}

export interface HubMetricSources {
  overview: HubOverview;
  leads: boolean;
  counters: { replayed: number; refused: number; accepted: number };
  /** Robots by group and state of their newest head. */
  heads: { task: string; version: number; state: string; robots: number }[];
  /** Ages of the newest reports of all robots, ascending. */
  lastSeenSeconds: readonly number[];
  /** Objects that this hub refused since its start. */
  refusals: { code: string; count: number }[];
  /** Empty unless this hub leads. */
  merges: MergeTally[];
}

const QUANTILES = [0.5, 0.9, 1];

/** Every metric of the hub in the text format of Prometheus, version 0.0.4. */
export function hubMetricsText(sources: HubMetricSources): string {
  return metricsOf(sources).map(textOf).join('');
}

function metricsOf(sources: HubMetricSources): Metric[] {
  const { overview, leads, counters, heads, lastSeenSeconds, refusals, merges } = sources;
  const { robots, tasks } = overview;
  const ofTasks = (value: (task: HubOverview['tasks'][number]) => number | null) =>
    tasks.flatMap((task) => {
      const found = value(task);
      const labels = { task: task.task, backbone: task.backbone };
      return found === null ? [] : [{ labels, value: found }];
    });
  const ofMerges = (value: (merge: MergeTally) => number) =>
    merges.map((merge) => ({
      labels: { task: merge.task, backbone: merge.backbone },
      value: value(merge),
    }));
  return [
    gauge('headland_fleet_info', 'The hub and its software; always 1.', [
      {
        labels: {
          fleet: overview.fleet,
          replica: overview.replica,
          version: overview.version,
          store: overview.store,
        },
        value: 1,
      },
    ]),
    gauge('headland_fleet_leader', 'Whether this hub leads.', [{ value: leads ? 1 : 0 }]),
    gauge('headland_fleet_broker_connected', 'Whether this hub is connected to the broker.', [
      { value: overview.broker.connected ? 1 : 0 },
    ]),
    gauge('headland_fleet_alarms', 'Raised alarms of this hub.', [
      { value: overview.alarms.length },
    ]),
    gauge('headland_fleet_robots', 'Robots that have reported, by state.', [
      { labels: { state: 'all' }, value: robots.all },
      { labels: { state: 'online' }, value: robots.online },
      { labels: { state: 'flagged' }, value: robots.flagged },
      { labels: { state: 'quarantined' }, value: robots.quarantined },
      { labels: { state: 'withdrawn' }, value: robots.withdrawn },
    ]),
    {
      name: 'headland_fleet_objects_total',
      help: 'Objects and reports of robots, by what became of them.',
      type: 'counter',
      samples: Object.entries(counters).map(([outcome, value]) => ({ labels: { outcome }, value })),
    },
    {
      name: 'headland_fleet_refused_objects_total',
      help: 'Objects of robots that this hub refused since its start, by code.',
      type: 'counter',
      samples: refusals.map(({ code, count }) => ({ labels: { code }, value: count })),
    },
    {
      name: 'headland_fleet_robots_last_seen_seconds',
      help: 'Age of the newest report of a robot; 1: of the robot that was away longest.',
      type: 'summary',
      samples: QUANTILES.flatMap((quantile) => {
        const at = Math.ceil(quantile * lastSeenSeconds.length) - 1;
        const value = lastSeenSeconds[Math.max(0, at)];
        return value === undefined ? [] : [{ labels: { quantile: String(quantile) }, value }];
      }),
    },
    gauge(
      'headland_fleet_task_robots',
      'Robots whose sums are merged.',
      ofTasks((task) => task.robots),
    ),
    gauge(
      'headland_fleet_task_samples',
      'Samples in the merged sums.',
      ofTasks((task) => task.samples),
    ),
    gauge(
      'headland_fleet_last_merge_timestamp_seconds',
      'When the leader last changed the merged sums, Unix time.',
      ofMerges(({ atMs }) => atMs / 1_000),
    ),
    gauge(
      'headland_fleet_merge_seconds',
      'How long the newest change of the merged sums took.',
      ofMerges(({ seconds }) => seconds),
    ),
    gauge(
      'headland_fleet_round',
      'Number of the newest round.',
      ofTasks((task) => task.round?.round ?? null),
    ),
    gauge(
      'headland_fleet_head_version',
      'Version of the newest head of the fleet.',
      ofTasks((task) => task.head?.version ?? null),
    ),
    gauge(
      'headland_fleet_left_out_accuracy_ratio',
      'Share of right answers on robots that the head was made without.',
      ofTasks((task) => task.head?.leftOut?.accuracy ?? null),
    ),
    gauge(
      'headland_fleet_left_out_log_loss',
      'Mean log-loss over classes on robots that the head was made without, nats.',
      ofTasks((task) => task.head?.leftOut?.logLoss ?? null),
    ),
    gauge(
      'headland_fleet_rollout_stage',
      'Stage of the newest rollout, from 0.',
      ofTasks((task) => task.rollout?.stage ?? null),
    ),
    gauge(
      'headland_fleet_rollout_stopped',
      'Whether the newest rollout is stopped.',
      ofTasks((task) => (task.rollout === null ? null : Number(task.rollout.state === 'stopped'))),
    ),
    gauge(
      'headland_fleet_head_robots',
      'Robots by head and what became of it there.',
      heads.map(({ task, version, state, robots: value }) => {
        return { labels: { task, version: String(version), state }, value };
      }),
    ),
  ];
}

function gauge(name: string, help: string, samples: Metric['samples']): Metric {
  return { name, help, type: 'gauge', samples };
}

function textOf({ name, help, type, samples }: Metric): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
  for (const { labels = {}, value } of samples) {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    lines.push(`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`);
  }
  return `${lines.join('\n')}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
