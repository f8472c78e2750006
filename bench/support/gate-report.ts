import { mkdirSync, writeFileSync } from 'node:fs';

export interface GateBenchSettings {
  rounds: number;
  firstLabels: readonly [number, number];
  roundLabels: number;
  features: number;
  shadowLabels: number;
}

type Figures = Record<string, number>;
/** What a share of wrong labels gave. */
export type ByWrongLabels = Record<string, Figures>;

/** Writes bench/results/gate.md. */
export function writeMarkdown(
  { streams, seed }: { streams: number; seed: number },
  byWrong: ByWrongLabels,
  settings: GateBenchSettings,
): void {
  const [least, most] = settings.firstLabels;
  const text = `# Gate

${streams} simulated streams (seed ${seed}) for each share of wrong labels, of ${settings.rounds} trainings each (${least} to ${most} labels first,
then ${settings.roundLabels} a training; ${settings.features} features, 3 to 6 imbalanced classes, in one stream of three one class comes
late, passes of 3 to 8 frames that share light and view, drift in half of the streams; wrong labels: single ones,
whole passes, rounds with two classes confused throughout). The holdout grows as in the store. Truth: macro-F1
on 500 clean samples a class of the world as it is at that time; while nothing serves it is 0. "Whole life":
mean over the labels after the first training. "None" learns all labels, also what the others hold out, and
always promotes: regret is what a policy is behind it.

${Object.entries(byWrong)
  .map(([wrong, figures]) => section(wrong, figures))
  .join('\n')}
After the last training bad heads are injected, which learnt wrong names, beside the head that the gate let
serve, with nothing said against them beforehand. The alarm needs so many labels:

| wrong labels | injected | heads | mean loss of macro-F1 | median | 95th percentile | within ${settings.shadowLabels} labels |
| --- | --- | --- | --- | --- | --- | --- |
${Object.entries(byWrong)
  .flatMap(([wrong, figures]) => [
    injectedRow(wrong, figures, 'bad', 'every class takes the name of another'),
    injectedRow(wrong, figures, 'half_bad', 'two classes are confused'),
  ])
  .join('\n')}

Why the gate is as it is, and what was tried: docs/explanation/gate.md.
`;
  const results = new URL('../../../bench/results/', import.meta.url);
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL('gate.md', results), text);
}

function section(wrong: string, f: Figures): string {
  return `## ${percent(Number(wrong))} of the labels wrong

| policy | macro-F1 over the whole life | regret, points | after the last training | promoted of offered | of these worse by > 1 point | of the refused truly better | one head > 5 points worse than the best at hand for > 30 labels, streams | whatever serves so |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${row(f, 'gate', 'headland, with the shadow')}
${row(f, 'gate_alone', 'headland, the gate alone')}
${row(f, 'naive', 'naive: random split, higher accuracy')}
${row(f, 'none', 'none: all labels, always promote')}

Labels took back ${f.taken_back} promotions, ${f.taken_back_better} of them truly better, and let ${f.let_in} refused heads serve, ${f.let_in_better} of them
truly better. Without any head came ${percent(f.gate_labels_without_head_share as number)} of the labels.
`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function row(f: Figures, policy: string, name: string): string {
  const of = (figure: string): number => f[`${policy}_${figure}`] as number;
  const cells = [
    name,
    percent(of('serving_macro_f1')),
    (of('regret') * 100).toFixed(2),
    percent(of('final_macro_f1')),
    `${of('promotions')} of ${of('offered')}`,
    percent(of('promotions_worse_share')),
    of('promotions') === of('offered') ? '-' : percent(of('refused_better_share')),
    percent(of('kept_too_long_share')),
    percent(of('behind_too_long_share')),
  ];
  return `| ${cells.join(' | ')} |`;
}

function injectedRow(wrong: string, f: Figures, key: string, name: string): string {
  const figures = ['heads', 'heads_mean_loss', 'rollback_labels_median', 'rollback_labels_p95'];
  const cells = [percent(Number(wrong)), name, ...figures.map((figure) => f[`${key}_${figure}`])];
  return `| ${cells.join(' | ')} | ${percent(f[`${key}_rolled_back_within_50_share`] as number)} |`;
}
