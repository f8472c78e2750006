import { duration } from '../../base/words/duration.js';
import type { Interval } from '../../head/intervals/wilson.js';
import type { LabelledMetrics } from '../../head/labelled-metrics.js';
import type { Advice, Disagreement, Evaluation } from '../evaluation-types.js';
import { learningCurveChart, reliabilityChart } from './report-charts.js';
import { figure, html, type Markup, moment, percent } from './report-markup.js';
import { page, tiles } from './report-page.js';

const WEAK_F1 = 0.7;

/** An evaluation as a single HTML file without script or requests, for light, dark and print. */
export function evaluationPage(evaluation: Evaluation): string {
  const { head, pooled, mistakes, suspects } = evaluation;
  return page(
    `Head ${head.version}: evaluation`,
    html`${headline(evaluation)}
${figures(evaluation)}
${advice(evaluation)}
<div class="two">
<section><h2>Learning curve</h2>
<p class="hint">The same recipe, fitted to growing shares of the training groups. The band is the range over repeated draws.</p>
${learningCurveChart(evaluation.learningCurve)}</section>
<section><h2>Reliability</h2>
<p class="hint">On the dashed line, the share of right answers equals the probability. Each dot stands for equally many samples.</p>
${reliabilityChart(evaluation.reliability)}</section>
</div>
<section><h2>Confusion matrix</h2>
<p class="hint">${pooledSentence(evaluation)} Rows are true classes, columns the answers. The stronger the colour, the larger the share of the row.</p>
<div class="wide">${confusion(pooled)}</div></section>
<section class="long"><h2>Classes</h2>
<p class="hint">The weakest first, from the same answers as the matrix, with the training samples and groups that each class was learnt from.</p>
<div class="wide">${classes(evaluation)}</div></section>
${gallery('Worst mistakes', 'Wrong answers, the surest first.', mistakes)}
${suspects.total > 0 ? gallery('Labels that look wrong', `${suspectsSentence(suspects)} Correct one with: headland label ID LABEL.`, suspects.shown, true) : null}
${footer(evaluation)}`,
  );
}

function headline(evaluation: Evaluation): Markup {
  const { head, metrics, evidence, data, createdAt } = evaluation;
  const on = evidence === 'holdout' ? 'holdout images' : 'images by leave-group-out';
  const lede =
    evidence === 'holdout'
      ? `Measured on ${data.holdout} images of ${data.holdoutGroups} groups that no head is ever trained on.`
      : `The holdout is too small (${data.holdout} images), so each training image was answered by a head that never saw its group.`;
  return html`<header><p class="over">headland evaluate · head ${head.version} · ${moment(createdAt)}</p>
<h1>${Math.round(metrics.accuracy * metrics.samples)} of ${metrics.samples} ${on} are right</h1>
<p class="lede">${lede}</p>${warnings(evaluation)}</header>`;
}

/** What makes the headline weaker than it sounds. */
const ABOUT_THE_DATA: ReadonlySet<Advice['kind']> = new Set([
  'labels',
  'left-out',
  'groups',
  'holdout',
]);

function warnings({ advice, interval }: Evaluation): Markup {
  const texts = advice.filter(({ kind }) => ABOUT_THE_DATA.has(kind)).map(({ text }) => text);
  if (interval === null) texts.unshift('Too few groups to say how much of this is luck.');
  return html`${texts.map((text) => html`<p class="warning">${text}</p>`)}`;
}

function pooledSentence({ pooled, data }: Evaluation): string {
  return `All ${pooled.samples} answers of heads that had not learnt the image: ${data.holdout} of the holdout, the others by leave-group-out.`;
}

function figures({ metrics, interval, decisions }: Evaluation): Markup {
  const between = (i: Interval | undefined, as: (value: number) => string) =>
    i ? `95 %: ${as(i.lower)} to ${as(i.upper)}` : 'too few groups for an interval';
  return tiles([
    {
      name: 'Accuracy',
      value: percent(metrics.accuracy),
      note: between(interval?.accuracy, percent),
    },
    { name: 'Macro-F1', value: figure(metrics.macroF1), note: between(interval?.macroF1, figure) },
    {
      name: 'Calibration error',
      value: percent(metrics.ece),
      note: `ECE; log-loss ${figure(metrics.logLoss)}`,
    },
    {
      name: 'Decided',
      value: percent(decisions.decidedShare),
      note:
        decisions.accuracyOfDecided === null
          ? 'no answer is sure enough: all are guesses'
          : `${decisions.decidedRight} of ${decisions.decided} of them right; the rest are guesses`,
    },
  ]);
}

function advice(evaluation: Evaluation): Markup {
  return html`<section><h2>What to do next</h2><ol class="advice">${evaluation.advice.map(
    ({ text, detail }) => html`<li><strong>${text}</strong><span>${detail}</span></li>`,
  )}</ol></section>`;
}

function confusion({ labels, confusion: counts }: LabelledMetrics): Markup {
  return html`<table class="confusion"><thead><tr><td class="none"></td>${labels.map(
    (label) => html`<th scope="col"><span>${label}</span></th>`,
  )}<td class="none"></td></tr></thead><tbody>${counts.map((row, r) => {
    const support = row.reduce((sum, n) => sum + n, 0);
    return html`<tr><th scope="row">${labels[r]}</th>${row.map((n, c) => {
      if (n === 0) return html`<td class="zero">0</td>`;
      // Mistakes are rare, so they are coloured from the first one on.
      const share = n / support;
      const strength = r === c ? 0.12 + 0.5 * share : 0.22 + 0.6 * share;
      const colour = `rgb(var(${r === c ? '--good' : '--bad'}) / ${strength.toFixed(2)})`;
      const tip = `${labels[r]} taken for ${labels[c]}: ${n} of ${support}`;
      return html`<td style="background:${colour}" title="${tip}">${n}</td>`;
    })}<td class="sum">${support}</td></tr>`;
  })}</tbody></table>`;
}

function classes({ pooled, data }: Evaluation): Markup {
  const rows = pooled.labels
    .map((label, i) => ({
      label,
      ...pooled.perClass[i]!,
      known: data.classes.find((c) => c.label === label),
    }))
    .sort((a, b) => a.f1 - b.f1);
  return html`<table class="list"><thead><tr><th scope="col">Class</th><th scope="col">F1</th>
<th scope="col" class="n">Precision</th><th scope="col" class="n">Recall</th><th scope="col" class="n">Judged on</th>
<th scope="col" class="n">Training samples</th><th scope="col" class="n">Groups</th></tr></thead>
<tbody>${rows.map(
    ({ label, f1, precision, recall, support, known }) =>
      html`<tr class="${f1 < WEAK_F1 ? 'weak' : ''}"><th scope="row">${label}</th>
<td><span class="bar"><i style="width:${(100 * f1).toFixed(1)}%"></i></span>${figure(f1, 2)}</td>
<td class="n">${figure(precision, 2)}</td><td class="n">${figure(recall, 2)}</td><td class="n">${support}</td>
<td class="n">${known ? known.training : 0}${known?.leftOut ? ' (not learnt)' : ''}</td><td class="n">${known?.trainingGroups ?? 0}</td></tr>`,
  )}</tbody></table>`;
}

function suspectsSentence({ total, shown }: Evaluation['suspects']): string {
  const all = total > shown.length ? `${total}, of which ${shown.length} are shown` : `${total}`;
  return `Contradicted with more than 90 % certainty by heads that never saw the image: ${all}.`;
}

function gallery(
  title: string,
  hint: string,
  found: readonly Disagreement[],
  withId = false,
): Markup {
  const content =
    found.length === 0
      ? html`<p class="hint">None.</p>`
      : html`<div class="pictures">${found.map((d) => card(d, withId))}</div>`;
  return html`<section class="long"><h2>${title}</h2><p class="hint">${hint}</p>${content}</section>`;
}

function card(d: Disagreement, withId: boolean): Markup {
  const picture = d.jpeg
    ? html`<img src="data:image/jpeg;base64,${d.jpeg}" alt="${d.label}">`
    : html`<div class="blank">image cannot be read</div>`;
  return html`<figure>${picture}<figcaption>labelled <b>${d.label}</b><br>
<span class="said">answered <b>${d.answer}</b></span> ${percent(d.probability, 0)}<small>${d.holdout ? 'holdout, ' : ''}group ${d.group}${
    withId ? html`<br><code>${d.id}</code>` : null
  }</small></figcaption></figure>`;
}

function footer({ head, data, durationMs, learningCurve }: Evaluation): Markup {
  const repeats = learningCurve[0]?.repeats ?? 1;
  return html`<footer><p>Head ${head.version}: ${head.learner}, features ${head.transform}, λ ${head.lambda.toPrecision(2)}, temperature ${figure(head.temperature, 2)}, backbone ${head.backbone}, trained ${moment(head.trainedAt)}. Samples: ${data.training} for training in ${data.trainingGroups} groups, ${data.holdout} for the holdout in ${data.holdoutGroups}.</p>
<p>Macro-F1 is the mean over classes. Intervals count images of one pass as fewer than they are, because they are mostly right or wrong together (Wilson's interval with a design effect). Learning curve: ${repeats} ${repeats === 1 ? 'draw' : 'draws'} of groups for each share, classes spread evenly, λ chosen anew each time. Made in ${duration(durationMs / 1000)}.</p></footer>`;
}
