import { writeFileSync } from 'node:fs';
import type { LifeRecord, StageRecord } from './life-cell.js';
import { type DecisionScores, type Estimate, estimate, mean, regretOf } from './life-metrics.js';
import type { LifeOptions } from './life-options.js';
import { PEERS } from './life-peers.js';
import { LATE_SIZES } from './life-plan.js';

/** Lives of one set and scenario at one stage, asked one kind of photo. */
interface Column {
  set: string;
  scenario: string;
  stage: string;
  kind: string;
  records: StageRecord[];
}

/** Figures of a column: shares in percent, log-loss in nats. */
interface Figures {
  set: string;
  scenario: string;
  stage: string;
  kind: string;
  lives: number;
  labels: number;
  serving: Record<string, Estimate>;
  always: Record<string, Estimate>;
  peers: Record<string, { top1: Estimate; macroF1: Estimate; logLoss: Estimate | null }>;
  /** In points; positive = the serving head is behind. */
  bestPeer: string;
  regretBestPeer: Estimate;
  regretBestPeerMacroF1: Estimate;
  regretAlways: Estimate;
  leadOverFrigate: Estimate;
  leastPeerLogLoss: number | null;
  refused: number;
}

const SHARES = [
  'top1',
  'macroF1',
  'ece',
  'answered',
  'rightAndAnswered',
  'falseUnknown',
  'falseNovel',
] as const;

/** What goes into bench/results/life.json. */
export function lifeFigures(
  lives: readonly LifeRecord[],
  { part, orders }: LifeOptions,
): Record<string, unknown> {
  const cells = columnsOf(lives).map(figuresOf);
  return {
    part,
    orders,
    ...goals(cells),
    special_classes: specialClasses(lives),
    seconds_per_life: round(mean(lives.map(({ seconds }) => seconds)), 1),
    cells,
  };
}

/** Writes bench/results/life.md, or life-train.md for the training part. */
export function writeLifeReport(lives: readonly LifeRecord[], options: LifeOptions): void {
  const file = options.part === 'test' ? 'life.md' : 'life-train.md';
  const cells = columnsOf(lives).map(figuresOf);
  const text = markdown(cells, lives, options);
  writeFileSync(new URL(`../../../bench/results/${file}`, import.meta.url), text);
  process.stderr.write(`\n${text}\n`);
}

function columnsOf(lives: readonly LifeRecord[]): Column[] {
  const columns = new Map<string, Column>();
  for (const { set, scenario, stages } of lives) {
    for (const stage of stages) {
      for (const kind of Object.keys(stage.serving)) {
        const key = JSON.stringify([set, scenario, kind, stage.name]);
        const column = columns.get(key) ?? { set, scenario, kind, stage: stage.name, records: [] };
        column.records.push(stage);
        columns.set(key, column);
      }
    }
  }
  return [...columns.values()];
}

function figuresOf({ set, scenario, stage, kind, records }: Column): Figures {
  const serving = records.map((record) => record.serving[kind]!);
  const always = records.map((record) => record.always[kind]!);
  const peerValues = (peer: (typeof PEERS)[number], of: 'top1' | 'macroF1') =>
    records.map((record) => 100 * record.peers[peer][kind]![of]);
  const byTop1 = new Map(PEERS.map((peer) => [peer, peerValues(peer, 'top1')]));
  const byF1 = new Map(PEERS.map((peer) => [peer, peerValues(peer, 'macroF1')]));
  const top1 = serving.map((one) => 100 * one.top1);
  const best = regretOf(top1, byTop1)!;
  const peers = Object.fromEntries(
    PEERS.map((peer) => [
      peer,
      {
        top1: estimate(byTop1.get(peer)!),
        macroF1: estimate(byF1.get(peer)!),
        logLoss: ofAll(records.map((record) => record.peers[peer][kind]!.logLoss)),
      },
    ]),
  );
  const losses = Object.values(peers).flatMap(({ logLoss }) => logLoss?.mean ?? []);
  return {
    set,
    scenario,
    stage,
    kind,
    lives: records.length,
    labels: mean(records.map(({ labels }) => labels)),
    serving: summary(serving),
    always: summary(always),
    peers,
    bestPeer: best.best,
    regretBestPeer: best.regret,
    regretBestPeerMacroF1: regretOf(
      serving.map((one) => 100 * one.macroF1),
      byF1,
    )!.regret,
    regretAlways: estimate(always.map((one, i) => 100 * one.top1 - top1[i]!)),
    leadOverFrigate: estimate(top1.map((value, i) => value - byTop1.get('frigate')![i]!)),
    leastPeerLogLoss: losses.length > 0 ? Math.min(...losses) : null,
    refused: records.filter(({ outcome }) => outcome !== 'promoted').length,
  };
}

function summary(scores: readonly DecisionScores[]): Record<string, Estimate> {
  const entries: [string, Estimate][] = [];
  for (const share of SHARES) {
    const values = scores.flatMap((one) => one[share] ?? []);
    if (values.length > 0) entries.push([share, estimate(values.map((value) => 100 * value))]);
  }
  entries.push(['logLoss', estimate(scores.map((one) => one.logLoss!))]);
  return Object.fromEntries(entries);
}

function ofAll(values: readonly (number | null)[]): Estimate | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length ? estimate(known) : null;
}

/** Means over the cells of untouched lives, which the goals speak of. */
function goals(cells: readonly Figures[]): Record<string, unknown> {
  const clean = cells.filter(({ scenario, kind }) => scenario === 'clean' && kind === 'original');
  if (clean.length === 0) return {};
  const of = (value: (cell: Figures) => number | undefined) =>
    round(mean(clean.flatMap((cell) => value(cell) ?? [])), 2);
  const worst = clean.reduce((a, b) => (b.regretBestPeer.mean > a.regretBestPeer.mean ? b : a));
  return {
    top1: of(({ serving }) => serving.top1?.mean),
    macro_f1: of(({ serving }) => serving.macroF1?.mean),
    regret_best_peer: of(({ regretBestPeer }) => regretBestPeer.mean),
    regret_best_peer_most: round(worst.regretBestPeer.mean, 2),
    regret_best_peer_most_in: `${worst.set} ${worst.stage} (${worst.bestPeer})`,
    regret_always: of(({ regretAlways }) => regretAlways.mean),
    lead_over_frigate: of(({ leadOverFrigate }) => leadOverFrigate.mean),
    log_loss: of(({ serving }) => serving.logLoss?.mean),
    log_loss_least_peer: of(({ leastPeerLogLoss }) => leastPeerLogLoss ?? undefined),
    ece: of(({ serving }) => serving.ece?.mean),
    answered: of(({ serving }) => serving.answered?.mean),
    right_and_answered_of_top1: of(({ serving }) => rightOfTop(serving)),
    false_unknown: of(({ serving }) => serving.falseUnknown?.mean),
    false_novel: of(({ serving }) => serving.falseNovel?.mean),
  };
}

function rightOfTop({ rightAndAnswered, top1 }: Figures['serving']): number | undefined {
  if (!rightAndAnswered || !top1 || top1.mean === 0) return undefined;
  return (100 * rightAndAnswered.mean) / top1.mean;
}

/** What became of the class that came late or was removed, by set. */
interface SpecialClass {
  set: string;
  /** With how many labels the serving head first knew the late class; null: never in that life. */
  knownWithLabels: (number | null)[];
  /** Recall of the late class in percent by its labels, mean over lives. */
  recall: Record<string, { serving: number; always: number }>;
  /** In how many lives the serving head still knows the removed class after a training. */
  stillKnown: number;
  removals: number;
}

function specialClasses(lives: readonly LifeRecord[]): SpecialClass[] {
  const sets = [...new Set(lives.map(({ set }) => set))];
  return sets.flatMap((set) => {
    const of = (scenario: string) =>
      lives.filter((life) => life.set === set && life.scenario === scenario);
    const late = of('late-class');
    const removed = of('removed-class');
    if (late.length + removed.length === 0) return [];
    const recall: SpecialClass['recall'] = {};
    for (const labels of LATE_SIZES) {
      const found = late.flatMap(({ special, stages }) => {
        const stage = stages.find(({ name }) => name === `late ${labels}`);
        const ours = stage?.serving.original?.recall[special!];
        const ideal = stage?.always.original?.recall[special!];
        return ours === undefined || ideal === undefined ? [] : [{ ours, ideal }];
      });
      if (found.length === 0) continue;
      recall[labels] = {
        serving: round(100 * mean(found.map(({ ours }) => ours)), 1),
        always: round(100 * mean(found.map(({ ideal }) => ideal)), 1),
      };
    }
    const knownWithLabels = late.map(({ special, stages }) => {
      const stage = stages.find(({ knows }) => knows.includes(special!));
      return stage ? Number(stage.name.split(' ')[1]) : null;
    });
    const stillKnown = removed.filter(({ special, stages }) =>
      stages.at(-1)!.knows.includes(special!),
    ).length;
    return [{ set, knownWithLabels, recall, stillKnown, removals: removed.length }];
  });
}

function specialLines({
  set,
  knownWithLabels,
  recall,
  stillKnown,
  removals,
}: SpecialClass): string[] {
  const lines: string[] = [];
  if (knownWithLabels.length > 0) {
    const found = knownWithLabels.map((count) => count ?? `> ${LATE_SIZES.at(-1)}`).join(', ');
    const recalls = Object.entries(recall).map(
      ([labels, { serving, always }]) => `${labels}: ${serving} (${always})`,
    );
    lines.push(`Late class, ${set}: the serving head knows it with ${found} labels.`);
    lines.push(`Its recall by labels, serving (always): ${recalls.join(', ')}.`, '');
  }
  if (removals > 0) {
    lines.push(
      `Removed class, ${set}: still known to the serving head in ${stillKnown} of ${removals} lives.`,
      '',
    );
  }
  return lines;
}

function markdown(
  cells: readonly Figures[],
  lives: readonly LifeRecord[],
  { part, orders, sizes }: LifeOptions,
): string {
  const lines = [
    `# Life${part === 'train' ? ', training part' : ''}`,
    '',
    'A robot lives through the product: photos are imported as they are labelled, a training follows',
    'each step, and the head that serves answers the test photos at default settings.',
    part === 'test'
      ? 'Test: the official split of a set; where it has none, whole near-duplicate groups drawn once.'
      : 'Only training photos: half of their groups are the test, drawn anew for each label order.',
    `${orders} label order${orders > 1 ? 's' : ''}, ${sizes.join(', ')} labels a class; mean ± two standard errors over orders.`,
    'Shares in percent, differences in points of top-1, log-loss in nats. *Always*: our recipe on all',
    'labels, always promoted. *Best peer*: the peer with the highest mean top-1 in the cell. Regret is',
    'what the serving head is behind. Without a head top-1 is 0 and log-loss that of even chances.',
    '*False unknown*: photos of known classes that are called `unknown`; *strange*: by novelty alone.',
    '',
  ];
  const kinds = [...new Set(cells.map(({ kind }) => kind))];
  const scenarios = [...new Set(cells.map(({ scenario }) => scenario))];
  for (const scenario of scenarios) {
    for (const kind of kinds) {
      const own = cells.filter((cell) => cell.scenario === scenario && cell.kind === kind);
      if (own.length === 0) continue;
      lines.push(`## ${scenario}${kind === 'original' ? '' : `, test photos ${kind}`}`, '');
      lines.push(...mainTable(own), '', ...decisionTable(own), '', ...peerTable(own), '');
    }
  }
  const summary = Object.entries(goals(cells));
  if (summary.length > 0) {
    lines.push('## Means over the cells of untouched lives', '', '| | |', '| --- | --- |');
    lines.push(
      ...summary.map(([name, value]) => `| ${name.replaceAll('_', ' ')} | ${value} |`),
      '',
    );
  }
  lines.push(...specialClasses(lives).flatMap(specialLines));
  return lines.join('\n');
}

function mainTable(cells: readonly Figures[]): string[] {
  return [
    '| set | labels a class | labels | not promoted | serving top-1 | always | best peer | regret, best peer | regret, always | over Frigate | macro-F1 | regret macro-F1 |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...cells.map((cell) => {
      const best = cell.peers[cell.bestPeer]!;
      return row([
        cell.set,
        cell.stage,
        cell.labels.toFixed(0),
        `${cell.refused}/${cell.lives}`,
        show(cell.serving.top1),
        show(cell.always.top1),
        `${best.top1.mean.toFixed(1)} ${cell.bestPeer}`,
        show(cell.regretBestPeer),
        show(cell.regretAlways),
        show(cell.leadOverFrigate),
        show(cell.serving.macroF1),
        show(cell.regretBestPeerMacroF1),
      ]);
    }),
  ];
}

function decisionTable(cells: readonly Figures[]): string[] {
  return [
    '| set | labels a class | log-loss | always | least of peers | ECE | answered | right and answered | of top-1 | false unknown | strange |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...cells.map(({ set, stage, serving, always, leastPeerLogLoss }) =>
      row([
        set,
        stage,
        show(serving.logLoss, 2),
        show(always.logLoss, 2),
        leastPeerLogLoss?.toFixed(2) ?? '–',
        show(serving.ece),
        show(serving.answered),
        show(serving.rightAndAnswered),
        rightOfTop(serving)?.toFixed(0) ?? '–',
        show(serving.falseUnknown),
        show(serving.falseNovel),
      ]),
    ),
  ];
}

function peerTable(cells: readonly Figures[]): string[] {
  return [
    `| top-1 (log-loss) | labels a class | ${PEERS.join(' | ')} |`,
    `| --- | --- | ${PEERS.map(() => '---').join(' | ')} |`,
    ...cells.map(({ set, stage, peers }) =>
      row([
        set,
        stage,
        ...PEERS.map((peer) => {
          const { top1, logLoss } = peers[peer]!;
          return `${top1.mean.toFixed(1)}${logLoss ? ` (${logLoss.mean.toFixed(2)})` : ''}`;
        }),
      ]),
    ),
  ];
}

function row(values: readonly string[]): string {
  return `| ${values.join(' | ')} |`;
}

function show(value: Estimate | undefined, digits = 1): string {
  if (!value) return '–';
  const error = value.error === null ? '' : ` ± ${value.error.toFixed(digits)}`;
  return `${value.mean.toFixed(digits)}${error}`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
