import { mkdirSync, writeFileSync } from 'node:fs';

export interface GateBenchSettings {
  rounds: number;
  firstLabels: number;
  roundLabels: number;
  features: number;
  shadowLabels: number;
}

/** Writes bench/results/gate.md. */
export function writeMarkdown(f: Record<string, unknown>, settings: GateBenchSettings): void {
  const percent = (x: unknown): string => `${((x as number) * 100).toFixed(1)} %`;
  const row = (policy: string, name: string): string =>
    `| ${name} | ${f[`${policy}_offered`]} | ${f[`${policy}_promotions`]} | ` +
    `${percent(f[`${policy}_promotions_worse_share`])} | ` +
    `${percent(f[`${policy}_better_promoted_share`])} | ` +
    `${percent(f[`${policy}_better_by_3_points_promoted_share`])} | ` +
    `${percent(f[`${policy}_serving_macro_f1`])} | ${percent(f[`${policy}_final_macro_f1`])} |`;
  const text = `# Gate

${f.streams} simulated streams of ${settings.rounds} trainings each (${settings.firstLabels} labels first, then ${settings.roundLabels} a training; ${settings.features}
features, 3 to 6 imbalanced classes, passes of 3 to 8 frames that share light and view, drift in
half of the streams, about one label in five wrong: single ones, whole passes, and in one round of
six two classes confused throughout). Truth: macro-F1 on 500 clean samples a class of the world as
it is at that training. First heads, which nothing serves beside, are not counted.

| gate | offered | promoted | of these truly worse by > 1 point | truly better heads promoted | better by > 3 points promoted | macro-F1 of what served | after the last training |
| --- | --- | --- | --- | --- | --- | --- | --- |
${row('gate', 'headland')}
${row('naive', 'naive: random split, higher accuracy')}
${row('none', 'none: always promote')}

After the last training bad heads are injected, which learnt wrong names, beside the head that the
gate let serve. The alarm needs so many labels:

| injected | heads | mean loss of macro-F1 | median | 95th percentile | within ${settings.shadowLabels} labels |
| --- | --- | --- | --- | --- | --- |
${injectedRow(f, 'bad', 'every class takes the name of another')}
${injectedRow(f, 'half_bad', 'two classes are confused')}

Of promotions that were truly better ${percent(f.good_promotions_rolled_back_share)} were taken back within ${settings.shadowLabels} labels.
`;
  const results = new URL('../../../bench/results/', import.meta.url);
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL('gate.md', results), text);
}

function injectedRow(f: Record<string, unknown>, key: string, name: string): string {
  const within = ((f[`${key}_rolled_back_within_50_share`] as number) * 100).toFixed(1);
  return (
    `| ${name} | ${f[`${key}_heads`]} | ${f[`${key}_heads_mean_loss`]} | ` +
    `${f[`${key}_rollback_labels_median`]} | ${f[`${key}_rollback_labels_p95`]} | ${within} % |`
  );
}
