import { raceChart } from './report-html-charts.js';
import { duration, figure, html, type Markup, moment, percent } from './report-html-markup.js';
import { page } from './report-html-page.js';
import { APPROACH_NAMES, type Study, type StudyRow } from './study-types.js';

/** A study as one HTML file: one table, one plot. */
export function studyPage(study: Study): string {
  const { photos, rows, settings, engine } = study;
  const ran = rows.filter((row) => row.points.length > 0);
  return page(
    'Study: from scratch or frozen backbone',
    html`<header><p class="over">headland study · ${study.folder} · ${moment(study.createdAt)}</p>
<h1>${headline(rows)}</h1>
<p class="lede">Each way learnt from the same ${photos.training} photos of ${study.classes.length} classes and was measured on ${photos.heldOut} others, of groups that none of them saw.${
      study.interrupted ? ' The study was interrupted: this is how far it came.' : ''
    }</p></header>
<section><h2>Results</h2>
<p class="hint">Always answering the most frequent class would be right in ${percent(study.majorityAccuracy)}. Much better on training photos than on held-out ones is overfitting.</p>
<div class="wide">${table(rows)}</div></section>
<section><h2>Macro-F1 by time</h2>
<p class="hint">One dot an epoch, by seconds of training. The frozen backbone has one dot: all its forward passes and the fit of the head.</p>
${ran.length > 0 ? raceChart(ran.map((row) => ({ name: APPROACH_NAMES[row.approach], points: row.points }))) : html`<p>Nothing ran to its first epoch.</p>`}</section>
<section><h2>Photos</h2><div class="wide"><table class="list"><thead><tr><th scope="col">Class</th>
<th scope="col" class="n">Training</th><th scope="col" class="n">Held out</th></tr></thead><tbody>${study.classes.map(
      (c) =>
        html`<tr><th scope="row">${c.label}</th><td class="n">${c.training}</td><td class="n">${c.heldOut}</td></tr>`,
    )}</tbody></table></div></section>
<footer><p>CNN: three times convolution (3 x 3; 16, 32, 64 filters) and pooling, dense 64, softmax; ${settings.sizePixels} pixels, batches of ${settings.batch}, Adam, ${settings.epochs} epochs, L2 0.001 where named. Ran on ${engine.backend} (${engine.reason}). Frozen backbone: ${engine.backbone}, ${settings.views} augmented ${settings.views === 1 ? 'view' : 'views'} of each photo, ridge head chosen by leave-group-out. Nothing was chosen by the held-out photos; the figures are those after the last epoch.</p>
<p>Groups: ${photos.trainingGroups} for training, ${photos.heldOutGroups} held out. Expected to take ${duration(study.estimate.seconds)}, took ${duration(study.seconds)}.</p></footer>`,
  );
}

function headline(rows: readonly StudyRow[]): string {
  const frozen = rows.find((row) => row.approach === 'backbone');
  const best = rows
    .filter((row) => row.approach !== 'backbone' && row.macroF1 !== null)
    .sort((a, b) => (b.macroF1 as number) - (a.macroF1 as number))[0];
  if (!best || frozen?.macroF1 == null) return 'From scratch or with a frozen backbone?';
  const [own, other] = [figure(frozen.macroF1, 2), figure(best.macroF1 as number, 2)];
  return frozen.macroF1 >= (best.macroF1 as number)
    ? `The frozen backbone reaches macro-F1 ${own}, the best network from scratch ${other}`
    : `The best network from scratch reaches macro-F1 ${other}, the frozen backbone ${own}`;
}

function table(rows: readonly StudyRow[]): Markup {
  const share = (value: number | null) => (value === null ? '–' : percent(value));
  return html`<table class="list"><thead><tr><th scope="col">Way</th><th scope="col">Macro-F1</th>
<th scope="col" class="n">Accuracy</th><th scope="col" class="n">On training photos</th>
<th scope="col" class="n">Epochs</th><th scope="col" class="n">Time</th></tr></thead><tbody>${rows.map(
    (
      row,
    ) => html`<tr><th scope="row">${APPROACH_NAMES[row.approach]}${row.state === 'done' ? null : ` (${row.state})`}</th>
<td><span class="bar"><i style="width:${(100 * (row.macroF1 ?? 0)).toFixed(1)}%"></i></span>${row.macroF1 === null ? '–' : figure(row.macroF1)}</td>
<td class="n">${share(row.accuracy)}</td><td class="n">${share(row.trainingAccuracy)}</td>
<td class="n">${row.approach === 'backbone' || row.epochs === 0 ? '–' : row.epochs}</td>
<td class="n">${row.epochs === 0 ? '–' : duration(row.seconds)}</td></tr>`,
  )}</tbody></table>`;
}
