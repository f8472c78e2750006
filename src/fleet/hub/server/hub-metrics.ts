import type { HubOverview } from '../../contract/hub-api.js';

interface Metric {
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  samples: { labels?: Record<string, string>; value: number }[];
}

export interface HubMetricSources {
  overview: HubOverview;
  leads: boolean;
  counters: { replayed: number; refused: number; accepted: number };
  /** Robots by group and state of their newest head. */
  heads: { task: string; version: number; state: string; robots: number }[];
}

/** Every metric of the hub in the text format of Prometheus, version 0.0.4. */
export function hubMetricsText(sources: HubMetricSources): string {
  return metricsOf(sources).map(textOf).join('');
}

function metricsOf({ overview, leads, counters, heads }: HubMetricSources): Metric[] {
  const { robots, tasks } = overview;
  const ofTasks = (value: (task: HubOverview['tasks'][number]) => number | null) =>
    tasks.flatMap((task) => {
      const found = value(task);
      const labels = { task: task.task, backbone: task.backbone };
      return found === null ? [] : [{ labels, value: found }];
    });
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
      { labels: { state: 'quarantined' }, value: robots.quarantined },
      { labels: { state: 'withdrawn' }, value: robots.withdrawn },
    ]),
    {
      name: 'headland_fleet_objects_total',
      help: 'Objects and reports of robots, by what became of them.',
      type: 'counter',
      samples: Object.entries(counters).map(([outcome, value]) => ({ labels: { outcome }, value })),
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
