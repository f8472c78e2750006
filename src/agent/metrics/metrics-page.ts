import { agentStatus } from '../status.js';
import type { AgentView } from '../view.js';
import { agentMetrics } from './agent-metrics.js';
import { exposition } from './exposition.js';

const MICROSECONDS = 1e6;

/** Everything that Prometheus can ask of a running daemon, as text. */
export function metricsPage(agent: AgentView): string {
  const { config, options, statistics, telemetry } = agent;
  const { user, system } = process.cpuUsage();
  return exposition(
    agentMetrics({
      status: agentStatus(agent),
      telemetry: telemetry.statistics(),
      durations: statistics.durations.read(),
      decisions: statistics.decisions,
      refusedFrames: statistics.refusedTotal,
      written: options.writtenBytes.observe(performance.now()),
      rules: config.alerts.rules,
      process: {
        cpuSeconds: (user + system) / MICROSECONDS,
        rssBytes: process.memoryUsage.rss(),
      },
    }),
  );
}
