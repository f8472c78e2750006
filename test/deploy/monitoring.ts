import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { Family } from '../agent/metrics/prometheus-text.js';
import { PROMTOOL } from '../agent/metrics/promtool.js';

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

export type Dashboard = z.infer<typeof dashboardFile>;

/** A query, and which rule, panel or annotation asks it. */
export interface Query {
  where: string;
  expr: string;
}

/** The queries of a file of alert rules and of a dashboard. */
export function readMonitoring(rules: URL, board: URL) {
  const alerts: Query[] = rulesFile
    .parse(parse(readFileSync(rules, 'utf8')))
    .groups.flatMap((group) => group.rules.map(({ alert, expr }) => ({ where: alert, expr })));
  const dashboard = dashboardFile.parse(JSON.parse(readFileSync(board, 'utf8')));
  const panels: Query[] = dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({ where: title, expr })),
  );
  const annotations: Query[] = dashboard.annotations.list.map(({ name, expr }) => ({
    where: name,
    expr,
  }));
  return { panels, annotations, dashboard, queries: [...alerts, ...panels, ...annotations] };
}

/** Labels that the server adds, or that functions make. */
const SERVER_LABELS = ['instance', 'job', 'le'];

/** Metrics in a query, with the labels that it asks of them. */
export function metricsIn(expr: string): { name: string; labels: string[] }[] {
  return [...expr.matchAll(/\b((?:headland|process)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, name = '', matchers = '']) => ({
      name,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }),
  );
}

export function familyOf(families: ReadonlyMap<string, Family>, name: string): Family | undefined {
  return families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
}

/** Fails the test when a query asks for a metric or a label that there is not. */
export function checkQuery({ where, expr }: Query, families: ReadonlyMap<string, Family>): void {
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

export function assertPanelsApart(dashboard: Dashboard): void {
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
}

/** Fails the test when Prometheus cannot read a query of a dashboard. @param dir a folder of the test */
export function assertReadable(queries: readonly Query[], dir: string): void {
  // What Grafana fills in before it asks.
  const expressions = queries.map(({ expr }) =>
    expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
  );
  const record = expressions.map((expr, index) => ({ record: `query_${index}`, expr }));
  const file = join(dir, 'queries.yaml');
  writeFileSync(file, stringify({ groups: [{ name: 'queries', rules: record }] }));
  promtool('check', 'rules', file);
}

/** Fails the test unless alerts are raised as `cases` say. @param dir a folder of the test */
export function assertRaised(rules: URL, cases: readonly object[], dir: string): void {
  // Annotations are prose; only that an alert is raised, and with which labels, is promised.
  const bare = parse(readFileSync(rules, 'utf8'), (key, value) =>
    key === 'annotations' ? undefined : value,
  );
  writeFileSync(join(dir, 'rules.yaml'), stringify(bare));
  const file = join(dir, 'test.yaml');
  writeFileSync(file, stringify({ rule_files: ['rules.yaml'], tests: cases }));
  promtool('test', 'rules', file);
}

export function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(PROMTOOL!, args, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
}
