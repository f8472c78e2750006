import { html, Markup } from './report-markup.js';

/** The colours of the console; nothing is loaded from anywhere. */
const STYLE = `
:root { color-scheme: light dark; --paper: #f1f2ec; --card: #fff; --ink: #10170f; --soft: #4a5548; --line: #d3d8cc;
  --accent: #145c30; --good: 20 110 54; --bad: 190 60 20; --track: #e4e8de; --series-1: #145c30; --series-2: #b3541e;
  --series-3: #2d5fa8; --series-4: #7a3f9d; }
@media (prefers-color-scheme: dark) { :root { --paper: #0b0f0b; --card: #151b15; --ink: #f2f6ef; --soft: #aeb9aa;
  --line: #323c31; --accent: #6fdc93; --good: 80 200 120; --bad: 255 122 70; --track: #2a332a; --series-1: #6fdc93;
  --series-2: #ff9a62; --series-3: #8ab8ff; --series-4: #d0a6ee; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 64px; }
header { margin-bottom: 28px; }
.over { color: var(--soft); font-size: 14px; margin: 0 0 8px; }
h1 { font-size: clamp(28px, 4.4vw, 42px); line-height: 1.12; letter-spacing: -0.02em; margin: 0 0 12px; text-wrap: balance; }
h2 { font-size: 20px; line-height: 1.25; letter-spacing: -0.01em; margin: 0 0 4px; }
.lede { font-size: 18px; color: var(--soft); max-width: 64ch; margin: 0; }
.warning { max-width: 64ch; margin: 10px 0 0; padding-left: 12px; border-left: 3px solid rgb(var(--bad)); }
.hint { color: var(--soft); font-size: 14px; max-width: 72ch; margin: 0 0 16px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 24px; margin-top: 20px; min-width: 0; }
.two { display: grid; grid-template-columns: 1.25fr 1fr; gap: 20px; margin-top: 20px; }
.two > section { margin-top: 0; }
@media screen and (max-width: 820px) { .two { grid-template-columns: 1fr; } main { padding: 24px 14px 40px; } section { padding: 18px 16px; } }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; background: var(--line);
  border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.tile { background: var(--card); padding: 16px 20px 18px; }
.tile dt { color: var(--soft); font-size: 14px; }
.tile dd { margin: 0; font-size: 32px; line-height: 1.2; font-weight: 650; letter-spacing: -0.02em; }
.tile small { display: block; font-size: 13px; line-height: 1.4; font-weight: 400; letter-spacing: 0; color: var(--soft); margin-top: 2px; }
@media screen and (max-width: 820px) { .tiles { grid-template-columns: 1fr 1fr; } }
dl { margin: 0; }
.verdict p { max-width: 78ch; margin: 8px 0 0; }
ol.advice { margin: 12px 0 0; padding: 0; list-style: none; counter-reset: n; }
ol.advice li { counter-increment: n; position: relative; padding: 12px 0 12px 44px; border-top: 1px solid var(--line); }
ol.advice li:first-child { border-top: 0; }
ol.advice li::before { content: counter(n); position: absolute; left: 0; top: 13px; width: 26px; height: 26px; border-radius: 50%;
  border: 1.5px solid var(--accent); color: var(--accent); font-size: 14px; font-weight: 650; line-height: 23px; text-align: center; }
ol.advice strong { display: block; font-size: 17px; font-weight: 620; }
ol.advice span { color: var(--soft); display: block; max-width: 78ch; font-size: 15px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 12px; font-family: inherit; }
svg .value { fill: var(--ink); font-weight: 620; }
svg .value, svg .name { paint-order: stroke; stroke: var(--card); stroke-width: 5px; stroke-linejoin: round; }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--soft); } svg .ideal { stroke: var(--soft); stroke-dasharray: 4 4; fill: none; }
svg .s1 { --c: var(--series-1); } svg .s2 { --c: var(--series-2); } svg .s3 { --c: var(--series-3); } svg .s4 { --c: var(--series-4); }
svg .line { fill: none; stroke: var(--c, var(--accent)); stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round; }
svg .band { fill: var(--c, var(--accent)); opacity: .16; } svg .dot { fill: var(--c, var(--accent)); stroke: var(--card); stroke-width: 2; }
svg .ring { fill: var(--card); stroke: rgb(var(--bad)); stroke-width: 2.5; }
svg .gap { stroke: rgb(var(--bad)); stroke-width: 2; } svg .name { fill: var(--c); font-weight: 620; font-size: 13px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 15px; }
caption { text-align: left; color: var(--soft); font-size: 14px; padding-bottom: 8px; }
th { font-weight: 600; text-align: left; }
table.list { width: 100%; }
table.list th, table.list td { padding: 8px 12px 8px 0; border-top: 1px solid var(--line); vertical-align: middle; }
table.list thead th { border-top: 0; color: var(--soft); font-size: 13px; font-weight: 500; vertical-align: bottom; }
table.list td.n, table.list th.n { text-align: right; white-space: nowrap; }
table.list td.n:last-child, table.list th.n:last-child { padding-right: 0; }
.bar { display: inline-block; width: 120px; height: 8px; border-radius: 4px; background: var(--track); vertical-align: middle; margin-right: 10px; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--accent); border-radius: 4px; }
.weak .bar i { background: rgb(var(--bad)); }
table.confusion { font-size: 13px; border-spacing: 2px; border-collapse: separate; }
table.confusion td { min-width: 40px; height: 34px; text-align: center; border-radius: 4px; background: var(--track); }
table.confusion td.zero { color: transparent; background: color-mix(in srgb, var(--track) 45%, transparent); }
table.confusion thead th { vertical-align: bottom; font-weight: 500; padding: 0 0 6px; }
table.confusion thead th span { writing-mode: vertical-rl; transform: rotate(180deg); display: inline-block; max-height: 130px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; margin: 0 auto; }
table.confusion thead th { text-align: center; }
table.confusion tbody th { text-align: right; padding-right: 8px; font-weight: 500; max-width: 160px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
table.confusion td.none { background: none; }
table.confusion td.sum { background: none; color: var(--soft); text-align: right; padding-left: 8px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 20px 16px; }
figure { margin: 0; min-width: 0; break-inside: avoid; }
figure img, .blank { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: cover; border-radius: 8px; background: var(--track); }
.blank { display: grid; place-items: center; color: var(--soft); font-size: 13px; }
figcaption { font-size: 14px; line-height: 1.4; margin-top: 8px; overflow-wrap: anywhere; }
figcaption b { font-weight: 640; } figcaption .said { color: rgb(var(--bad)); } figcaption small { color: var(--soft); display: block; font-size: 12px; margin-top: 2px; }
footer { color: var(--soft); font-size: 13px; margin-top: 28px; max-width: 84ch; }
footer p { margin: 0 0 8px; }
code { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace; font-size: .92em; overflow-wrap: anywhere; }
@media print { @page { margin: 14mm; } :root { color-scheme: light; } body { background: #fff; font-size: 11pt; }
  main { max-width: none; padding: 0; } section, .tiles, tr, ol.advice li { break-inside: avoid; } section { border-color: #bbb; padding: 12pt; }
  section.long { break-inside: auto; } h2, .hint { break-after: avoid; } .tile { padding: 10pt; } .tile dd { font-size: 20pt; } .tile small { font-size: 8.5pt; }
  .two { gap: 10pt; margin-top: 12pt; } section, .two > section { margin-top: 12pt; } .two > section { margin-top: 0; } .bar { width: 80px; } .wide { overflow: visible; } .pictures { grid-template-columns: repeat(4, 1fr); }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
@media print and (prefers-color-scheme: dark) { :root { --paper: #fff; --card: #fff; --ink: #10170f; --soft: #4a5548; --line: #d3d8cc;
  --accent: #145c30; --good: 20 110 54; --bad: 190 60 20; --track: #e4e8de; --series-1: #145c30; --series-2: #b3541e; --series-3: #2d5fa8; --series-4: #7a3f9d; } }
`;

/** A whole, self-contained HTML document; its policy forbids the browser to load anything. */
export function page(title: string, body: Markup): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body><main>${body}</main></body>
</html>
`.text;
}

/** A row with the most important figures. */
export function tiles(entries: readonly { name: string; value: string; note: string }[]): Markup {
  return html`<dl class="tiles">${entries.map(
    ({ name, value, note }) =>
      html`<div class="tile"><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`,
  )}</dl>`;
}
