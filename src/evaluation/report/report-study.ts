import { duration } from '../../base/words/duration.js';
import type { Estimate } from '../study/study-statistics.js';
import { points, type Study, type StudyRow } from '../study/study-types.js';
import { gapChart, raceChart } from './report-charts.js';
import { html, type Markup, moment } from './report-markup.js';
import { page } from './report-page.js';

/** Most lines in the plot over time; more would overlap. */
const RACERS = 4;

/** A study as a single HTML file: verdict, a plot of every variant, tables, scores over time. */
export function studyPage(study: Study): string {
  const { photos, folds, rows, settings, engine, verdict, plan } = study;
  const ran = rows.filter((row) => row.accuracy !== null);
  return page(
    'Study: from scratch or frozen backbone',
    html`<header><p class="over">headland study · ${study.folder} · ${moment(study.createdAt)}</p>
<h1>${verdict.headline}</h1>
<p class="lede">${photos.count} photos of ${study.classes.length} classes in ${photos.groups} groups, ${folds.count} folds: each group is in one fold as a whole and is held out with it. Every variant learnt from the same photos and was measured on the same held-out photos.${
      study.interrupted ? ' The study was interrupted; these are the results so far.' : ''
    }</p></header>
<section class="verdict"><h2>Result</h2>${verdict.statements.map((text) => html`<p>${text}</p>`)}</section>
<section><h2>Held-out and training photos</h2>
<p class="hint">Always answering “${study.majority.label}” would be right in ${(100 * study.majority.accuracy).toFixed(1)} %. A ring far to the right of its dot is overfitting.</p>
${
  ran.length > 0
    ? gapChart(
        ran.map((row) => ({
          name: row.name.replace('Network from scratch, ', ''),
          value: row.accuracy!.mean,
          interval: row.accuracy!.interval ?? null,
          other: row.trainingAccuracy!.mean,
        })),
        { value: 'held-out groups', other: 'training photos' },
      )
    : html`<p>No variant finished its first epoch.</p>`
}
<div class="wide">${table(rows)}</div></section>
${foldTable(study, ran)}
${ran.length > 0 ? race(ran) : null}
<section><h2>Photos</h2><div class="wide"><table class="list"><thead><tr><th scope="col">Class</th>
<th scope="col" class="n">Photos</th><th scope="col" class="n">Groups</th></tr></thead><tbody>${study.classes.map(
      (c) =>
        html`<tr><th scope="row">${c.label}</th><td class="n">${c.photos}</td><td class="n">${c.groups}</td></tr>`,
    )}</tbody></table></div></section>
<footer><p>Network: three times convolution (3 x 3; 16, 32, 64 filters) and pooling, dense 64, dropout as named, softmax; ${settings.sizePixels} pixels, batches of ${settings.batch}, Adam (0.001 unless a learning rate is named), ${settings.epochs} epochs. Ran on ${engine.backend} (${engine.reason}). Frozen backbone: ${engine.backbone}, ${settings.views} augmented ${settings.views === 1 ? 'view' : 'views'} of each photo, ridge head chosen by leave-group-out. Nothing was chosen by the held-out photos; the figures are those after the last epoch.</p>
<p>The brackets hold a 95 % interval over all held-out photos, which counts photos of one group as fewer than they are (Wilson's interval with a design effect). ± is the standard error of the mean over folds; that of a difference is paired, and counts both chance in the photos (by group) and in the training (by fold, corrected for training photos that folds share: Nadeau and Bengio 2003); p has Holm's correction where several are tested. The best of several networks is picked by the same folds that it is shown on: its figure is a little too high.</p>
<p>Expected to take ${duration(plan.seconds)}, took ${duration(study.seconds)}.</p></footer>`,
  );
}

function table(rows: readonly StudyRow[]): Markup {
  return html`<table class="list"><thead><tr><th scope="col">Variant</th><th scope="col" class="n">Accuracy, %</th>
<th scope="col" class="n">Macro-F1, %</th><th scope="col" class="n">On training photos, %</th><th scope="col" class="n">Gap, points</th>
<th scope="col" class="n">Epochs</th><th scope="col" class="n">Time</th></tr></thead><tbody>${rows.map(
    (
      row,
    ) => html`<tr><th scope="row">${row.name}${row.state === 'done' ? null : ` (${row.state})`}</th>
${[row.accuracy, row.macroF1, row.trainingAccuracy, row.gap].map((value) => html`<td class="n">${cell(value)}</td>`)}
<td class="n">${row.epochs === 0 ? '–' : row.epochs}</td>
<td class="n">${row.state === 'not run' ? '–' : duration(row.seconds)}</td></tr>`,
  )}</tbody></table>`;
}

function foldTable({ folds }: Study, ran: readonly StudyRow[]): Markup | null {
  if (folds.run.length < 2) return null;
  return html`<section><h2>Accuracy by fold, %</h2><div class="wide"><table class="list"><thead><tr><th scope="col">Held out</th>${folds.run.map(
    (fold) => {
      const { photos, groups } = folds.parts[fold]!;
      return html`<th scope="col" class="n">fold ${fold + 1}: ${photos} photos, ${groups} groups</th>`;
    },
  )}</tr></thead><tbody>${ran.map(
    (row) =>
      html`<tr><th scope="row">${row.name}</th>${row.folds.map(
        ({ accuracy }) => html`<td class="n">${(100 * accuracy).toFixed(1)}</td>`,
      )}</tr>`,
  )}</tbody></table></div></section>`;
}

function race(ran: readonly StudyRow[]): Markup {
  const frozen = ran.filter((row) => row.variant.kind === 'backbone');
  const networks = ran
    .filter((row) => row.variant.kind === 'network')
    .sort((a, b) => b.accuracy!.mean - a.accuracy!.mean);
  const plain = networks.filter((row) => row.variant.id === 'plain');
  const shown = [...new Set([...frozen, ...plain, ...networks])].slice(0, RACERS);
  return html`<section><h2>Macro-F1 over time</h2>
<p class="hint">One dot per epoch, at the seconds of training, mean over folds. The frozen backbone has one dot: after its forward passes and the fit of a head.${
    shown.length < ran.length
      ? ` The plain network and the best others; ${ran.length - shown.length} are left out.`
      : ''
  }</p>
${raceChart(shown.map((row) => ({ name: row.name.replace('Network from scratch, ', ''), points: row.points })))}</section>`;
}

function cell(value: Estimate | null): string {
  return value === null ? '–' : points(value);
}
