export interface MetricSample {
  labels?: Readonly<Record<string, string>>;
  /** Null: not available; the sample is left out. */
  value: number | null;
}

export interface Histogram {
  /** Upper bounds in the unit of the metric, ascending. */
  bounds: readonly number[];
  /** Values in each bucket, not cumulative; one more than bounds, for what exceeds the last. */
  counts: readonly number[];
  /** Sum of all values. */
  sum: number;
}

/** A metric and its samples of now. */
export interface Metric {
  /** With the prefix and the unit; counters end with `_total`. */
  name: string;
  /** One sentence. */
  help: string;
  values:
    | { type: 'gauge' | 'counter'; samples: readonly MetricSample[] }
    | { type: 'histogram'; histogram: Histogram };
}

/**
 * The text format of Prometheus, version 0.0.4. Every metric has HELP and TYPE, also without samples.
 * Pure.
 */
export function exposition(metrics: readonly Metric[]): string {
  return metrics.map(metricText).join('');
}

function metricText({ name, help, values }: Metric): string {
  const lines = [`# HELP ${name} ${escapedHelp(help)}`, `# TYPE ${name} ${values.type}`];
  if (values.type === 'histogram') lines.push(...histogramLines(name, values.histogram));
  else {
    for (const { labels = {}, value } of values.samples) {
      if (value !== null) lines.push(`${name}${labelText(labels)} ${numberText(value)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function histogramLines(name: string, { bounds, counts, sum }: Histogram): string[] {
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    const bound = bounds[index];
    const le = bound === undefined ? '+Inf' : numberText(bound);
    return `${name}_bucket${labelText({ le })} ${total}`;
  });
  return [...buckets, `${name}_sum ${numberText(sum)}`, `${name}_count ${total}`];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapedLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapedLabel(text: string): string {
  return escapedHelp(text).replaceAll('"', '\\"');
}

function escapedHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
