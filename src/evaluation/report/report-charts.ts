import type { CurvePoint, ReliabilityBin } from '../evaluation-types.js';
import { figure, html, type Markup, percent } from './report-markup.js';

interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Scale {
  from: number;
  to: number;
  /** Marks at its integer multiples. */
  step: number;
}

const FRAME: Frame = { width: 560, height: 340, left: 46, right: 22, top: 18, bottom: 46 };

/** Macro-F1 by training samples, with the range over repeated draws of groups. */
export function learningCurveChart(points: readonly CurvePoint[]): Markup {
  const most = Math.max(...points.map((p) => p.samples), 1);
  const least = Math.min(...points.map((p) => p.macroF1Least), 1);
  const x = niceScale(0, most, 5);
  const y = shareScale(least);
  const at = axes(FRAME, x, y);
  const line = points.map((p) => at(p.samples, p.macroF1)).join(' ');
  const band = [
    ...points.map((p) => at(p.samples, p.macroF1Most)),
    ...[...points].reverse().map((p) => at(p.samples, p.macroF1Least)),
  ].join(' ');
  return chart(
    FRAME,
    `Learning curve: macro-F1 ${points.map((p) => `${figure(p.macroF1, 2)} with ${p.samples}`).join(', ')} training samples`,
    html`${grid(FRAME, x, y, at, { x: 'training samples', y: 'macro-F1' })}
<polygon class="band" points="${band}"/><polyline class="line" points="${line}"/>
${points.map((p, i) => {
  const [cx, cy] = at(p.samples, p.macroF1).split(',') as [string, string];
  const last = i === points.length - 1;
  const tip = `${percent(p.share, 0)} of the groups, ${p.samples} samples: macro-F1 ${figure(p.macroF1)} (${figure(p.macroF1Least)} to ${figure(p.macroF1Most)} in ${p.repeats}), accuracy ${percent(p.accuracy)}`;
  return html`<circle class="dot" cx="${cx}" cy="${cy}" r="5"><title>${tip}</title></circle>
<text class="value" x="${cx}" y="${Number(cy) + (last ? -12 : 22)}" text-anchor="${last ? 'end' : 'middle'}">${figure(p.macroF1, 2)}</text>`;
})}`,
  );
}

/** Share of right answers by the probability that the head gives. */
export function reliabilityChart(bins: readonly ReliabilityBin[]): Markup {
  const frame: Frame = { ...FRAME, width: 400, height: 340 };
  const least = Math.min(...bins.map((b) => Math.min(b.confidence, b.accuracy)), 1);
  const y = shareScale(least);
  const at = axes(frame, y, y);
  return chart(
    frame,
    `Reliability: ${bins.map((b) => `probability ${percent(b.confidence, 0)}, right ${percent(b.accuracy, 0)}`).join('; ')}`,
    html`${grid(frame, y, y, at, { x: 'mean probability of the answers', y: 'share of right answers' })}
<polyline class="ideal" points="${at(y.from, y.from)} ${at(1, 1)}"/>
${bins.map((b) => {
  const [cx, cy] = at(b.confidence, b.accuracy).split(',') as [string, string];
  const ideal = at(b.confidence, b.confidence).split(',')[1];
  const tip = `${b.samples} samples: mean probability ${percent(b.confidence)}, right ${percent(b.accuracy)}`;
  return html`<line class="gap" x1="${cx}" y1="${ideal}" x2="${cx}" y2="${cy}"/>
<circle class="dot" cx="${cx}" cy="${cy}" r="5.5"><title>${tip}</title></circle>`;
})}`,
  );
}

export interface Series {
  name: string;
  /** Seconds since the start of its training, and the score 0..1 at that time; in order. */
  points: readonly { seconds: number; score: number }[];
}

/** Scores over time: a line for each series, or a single dot, with the name at its end. */
export function raceChart(series: readonly Series[]): Markup {
  const frame: Frame = { ...FRAME, width: 1000, height: 400, right: 190 };
  const all = series.flatMap((s) => s.points);
  const x = niceScale(0, Math.max(...all.map((p) => p.seconds), 1), 6);
  const y: Scale = { from: 0, to: 1, step: 0.2 };
  const at = axes(frame, x, y);
  const ends = apart(
    series.map((s) => {
      const last = s.points.at(-1) ?? { seconds: 0, score: 0 };
      const [cx, cy] = at(last.seconds, last.score).split(',').map(Number) as [number, number];
      return { cx, cy, y: cy };
    }),
  );
  return chart(
    frame,
    series.map((s) => `${s.name}: ${figure(s.points.at(-1)?.score ?? 0, 2)}`).join('; '),
    html`${grid(frame, x, y, at, { x: 'seconds of training', y: 'macro-F1 on held-out photos' })}
${series.map((s, i) => {
  const end = ends[i] as { cx: number; cy: number; y: number };
  return html`<g class="s${(i % 4) + 1}">
<polyline class="line" points="${s.points.map((p) => at(p.seconds, p.score)).join(' ')}"/>
${s.points.map((p) => {
  const [cx, cy] = at(p.seconds, p.score).split(',') as [string, string];
  return html`<circle class="dot" cx="${cx}" cy="${cy}" r="${s.points.length > 1 ? 3.5 : 7}"><title>${s.name}: ${figure(p.score)} after ${p.seconds.toFixed(1)} s</title></circle>`;
})}
<text class="name" x="${end.cx + 12}" y="${end.y + 4}">${s.name}</text></g>`;
})}`,
  );
}

/** Moves labels that would overlap, the upper ones first. */
function apart<Label extends { cx: number; y: number }>(labels: readonly Label[]): Label[] {
  const moved = labels.map((label) => ({ ...label }));
  const order = [...moved].sort((a, b) => a.y - b.y);
  order.forEach((label, i) => {
    for (const above of order.slice(0, i)) {
      if (Math.abs(above.cx - label.cx) < 180 && label.y - above.y < 17) label.y = above.y + 17;
    }
  });
  return moved;
}

export interface Pair {
  name: string;
  /** 0..1. */
  value: number;
  /** Drawn as a bar; null: none. */
  interval: { lower: number; upper: number } | null;
  /** 0..1, drawn as a ring on the same line. */
  other: number;
}

/** One line per name: a dot with its standard error, a ring, and the distance between them. */
export function gapChart(pairs: readonly Pair[], names: { value: string; other: string }): Markup {
  const frame: Frame = {
    width: 1000,
    height: 60 + 34 * pairs.length,
    left: 330,
    right: 60,
    top: 8,
    bottom: 46,
  };
  const x: Scale = { from: 0, to: 1, step: 0.2 };
  const at = axes(frame, x, x);
  const across = (share: number) => at(Math.min(1, Math.max(0, share)), 0).split(',')[0] as string;
  return chart(
    frame,
    pairs
      .map((p) => `${p.name}: ${figure(p.value, 2)}, ${names.other} ${figure(p.other, 2)}`)
      .join('; '),
    html`${marks(x).map((value) => {
      const px = across(value);
      return html`<line class="grid" x1="${px}" x2="${px}" y1="${frame.top}" y2="${frame.height - frame.bottom}"/>
<text x="${px}" y="${frame.height - frame.bottom + 18}" text-anchor="middle">${percent(value, 0)}</text>`;
    })}
<text x="${frame.width - frame.right}" y="${frame.height - 6}" text-anchor="end">dot: ${names.value}, with its 95 % interval; ring: ${names.other}</text>
${pairs.map((pair, i) => {
  const y = frame.top + 22 + 34 * i;
  const { lower, upper } = pair.interval ?? { lower: pair.value, upper: pair.value };
  return html`<text class="value" x="${frame.left - 16}" y="${y + 4}" text-anchor="end">${pair.name}</text>
<line class="grid" x1="${across(pair.value)}" x2="${across(pair.other)}" y1="${y}" y2="${y}"/>
<g class="s1"><line class="line" x1="${across(lower)}" x2="${across(upper)}" y1="${y}" y2="${y}"/>
<circle class="dot" cx="${across(pair.value)}" cy="${y}" r="6"><title>${names.value} ${percent(pair.value)}</title></circle></g>
<circle class="ring" cx="${across(pair.other)}" cy="${y}" r="5.5"><title>${names.other} ${percent(pair.other)}</title></circle>`;
})}`,
  );
}

function chart({ width, height }: Frame, label: string, content: Markup): Markup {
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${content}</svg>`;
}

function axes(frame: Frame, x: Scale, y: Scale): (x: number, y: number) => string {
  const { width, height, left, right, top, bottom } = frame;
  const across = (value: number) =>
    left + ((value - x.from) / (x.to - x.from)) * (width - left - right);
  const up = (value: number) =>
    height - bottom - ((value - y.from) / (y.to - y.from)) * (height - top - bottom);
  return (a, b) => `${across(a).toFixed(1)},${up(b).toFixed(1)}`;
}

function grid(
  frame: Frame,
  x: Scale,
  y: Scale,
  at: (x: number, y: number) => string,
  names: { x: string; y: string },
): Markup {
  const { width, height, left, right, bottom } = frame;
  const base = height - bottom;
  return html`${marks(y).map((value) => {
    const py = Number(at(x.from, value).split(',')[1]);
    return html`<line class="grid" x1="${left}" x2="${width - right}" y1="${py}" y2="${py}"/>
<text x="${left - 8}" y="${py + 4}" text-anchor="end">${short(value, y.step)}</text>`;
  })}
<line class="axis" x1="${left}" x2="${width - right}" y1="${base}" y2="${base}"/>
${marks(x).map((value) => {
  const px = at(value, y.from).split(',')[0] as string;
  return html`<text x="${px}" y="${base + 18}" text-anchor="middle">${short(value, x.step)}</text>`;
})}
<text x="${width - right}" y="${height - 6}" text-anchor="end">${names.x}</text>
<text x="${left}" y="${10}">${names.y}</text>`;
}

function marks({ from, to, step }: Scale): number[] {
  const count = Math.round((to - from) / step);
  return Array.from({ length: count + 1 }, (_, i) => from + i * step);
}

function short(value: number, step: number): string {
  if (step >= 1) return String(Math.round(value));
  return value.toFixed(step >= 0.1 ? 1 : 2);
}

/** From a round value below the least share up to 1. */
function shareScale(least: number): Scale {
  const step = least >= 0.8 ? 0.05 : least >= 0.5 ? 0.1 : 0.2;
  return { from: Math.max(0, Math.floor((least - 0.02) / step) * step), to: 1, step };
}

function niceScale(from: number, most: number, parts: number): Scale {
  const rough = (most - from) / parts;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((n) => n * unit >= rough) ?? 10) * unit;
  return { from, to: from + Math.ceil((most - from) / step) * step, step };
}
