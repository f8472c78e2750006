import { mkdirSync, writeFileSync } from 'node:fs';
import type { Refusals } from './gate-tally.js';

export interface GateBenchSettings {
  rounds: number;
  firstLabels: number;
  roundLabels: number;
  features: number;
  shadowLabels: number;
}

type Figures = Record<string, unknown>;

/** Writes bench/results/gate.md. */
export function writeMarkdown(f: Figures, settings: GateBenchSettings): void {
  const text = `# Gate

${f.streams} simulated streams (seed ${f.seed}) of ${settings.rounds} trainings each (${settings.firstLabels} labels first, then ${settings.roundLabels} a training;
${settings.features} features, 3 to 6 imbalanced classes, passes of 3 to 8 frames that share light and view, drift in
half of the streams, about one label in five wrong: single ones, whole passes, and in one round of
six two classes confused throughout). Truth: macro-F1 on 500 clean samples a class of the world as
it is at that training; while nothing serves it is 0. First heads, which nothing serves beside, are
not counted as offers.

| gate | offered | promoted | of these truly worse by > 1 point | truly better heads promoted | better by > 3 points promoted | macro-F1 of what served | after the last training |
| --- | --- | --- | --- | --- | --- | --- | --- |
${row(f, 'gate', 'headland, with the shadow after it')}
${row(f, 'gate_alone', 'headland, the gate alone')}
${row(f, 'naive', 'naive: random split, higher accuracy')}
${row(f, 'none', 'none: always promote')}

The labels of the next trainings took back ${f.gate_taken_back} promotions: ${percent(f.gate_worse_taken_back_share)} of those truly worse by
> 1 point (of what was kept, ${percent(f.gate_promotions_kept_worse_share)} are), and ${percent(f.gate_better_taken_back_share)} of those truly better. Without any
head, because the first ones did not beat the most frequent class, were ${percent(f.gate_trainings_without_head_share)} of the trainings.

Which check refused how many offers (of the policy with the shadow); "alone": no other check did:

| check | refused | alone | of these truly better | truly worse by > 1 point |
| --- | --- | --- | --- | --- |
${refusals(f.gate_refusals as Record<string, Refusals>)}

After the last training bad heads are injected, which learnt wrong names, beside the head that the
gate let serve. The alarm needs so many labels:

| injected | heads | mean loss of macro-F1 | median | 95th percentile | within ${settings.shadowLabels} labels |
| --- | --- | --- | --- | --- | --- |
${injectedRow(f, 'bad', 'every class takes the name of another')}
${injectedRow(f, 'half_bad', 'two classes are confused')}

Why the gate is as it is, and what was tried: docs/explanation/gate.md.
`;
  const results = new URL('../../../bench/results/', import.meta.url);
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL('gate.md', results), text);
}

function percent(share: unknown): string {
  return `${((share as number) * 100).toFixed(1)} %`;
}

function row(f: Figures, policy: string, name: string): string {
  const shares = [
    'promotions_worse_share',
    'better_promoted_share',
    'better_by_3_points_promoted_share',
    'serving_macro_f1',
    'final_macro_f1',
  ].map((figure) => percent(f[`${policy}_${figure}`]));
  const cells = [name, f[`${policy}_offered`], f[`${policy}_promotions`], ...shares];
  return `| ${cells.join(' | ')} |`;
}

function refusals(checks: Record<string, Refusals>): string {
  return Object.entries(checks)
    .sort(([, a], [, b]) => b.refused - a.refused)
    .map(
      ([check, { refused, alone, aloneBetter, aloneWorse }]) =>
        `| \`${check}\` | ${refused} | ${alone} | ${aloneBetter} | ${aloneWorse} |`,
    )
    .join('\n');
}

function injectedRow(f: Figures, key: string, name: string): string {
  const figures = ['heads', 'heads_mean_loss', 'rollback_labels_median', 'rollback_labels_p95'];
  const cells = [name, ...figures.map((figure) => f[`${key}_${figure}`])];
  return `| ${cells.join(' | ')} | ${percent(f[`${key}_rolled_back_within_50_share`])} |`;
}
