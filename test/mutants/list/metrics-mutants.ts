import type { Mutant } from '../mutant.js';

const METRICS = 'src/agent/metrics/agent-metrics.ts';
const EXPOSITION = 'src/agent/metrics/exposition.ts';
const TESTS = [{ file: 'test/agent/metrics/metrics.test.ts' }];
const DEPLOY_TESTS = [{ file: 'test/deploy/monitoring.test.ts', names: 'ask only for' }];

export const METRICS_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a label in the text of Prometheus is escaped',
    file: EXPOSITION,
    text: `.replaceAll('"', '\\\\"')`,
    replacement: '',
    tests: TESTS,
  },
  {
    promise: 'buckets of a histogram are cumulative',
    file: EXPOSITION,
    text: 'total += count;',
    replacement: 'total = count;',
    tests: TESTS,
  },
  {
    promise: 'a counter ends with _total',
    file: METRICS,
    text: "'headland_frames_refused_total'",
    replacement: "'headland_frames_refused'",
    tests: TESTS,
  },
  {
    promise: 'the dashboard asks for metrics that exist',
    file: METRICS,
    text: "'headland_outbox_oldest_message_age_seconds'",
    replacement: "'headland_outbox_oldest_seconds'",
    tests: DEPLOY_TESTS,
  },
  {
    promise: 'a task has a bounded number of series',
    file: 'src/agent/metrics/decision-counts.ts',
    text: 'labels.has(label) || labels.size < MAX_LABELS ? label : FURTHER_LABELS',
    replacement: 'label',
    tests: TESTS,
  },
  {
    promise: 'metrics need the token',
    file: 'src/console/contract/robot-contract.ts',
    text: "summary: 'Read all metrics in the text format of Prometheus.',",
    replacement: "summary: 'Read all metrics in the text format of Prometheus.', open: true,",
    tests: TESTS,
  },
];
