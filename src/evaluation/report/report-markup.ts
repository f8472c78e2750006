/** Text that is already HTML. */
export class Markup {
  constructor(readonly text: string) {}
}

type Content = Markup | string | number | null | undefined | readonly Content[];

/** A template for HTML that escapes all contents except markup. */
export function html(parts: TemplateStringsArray, ...contents: Content[]): Markup {
  return new Markup(parts.reduce((all, part, i) => all + render(contents[i - 1]) + part));
}

function render(content: Content): string {
  if (content === null || content === undefined) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(render).join('');
  return String(content)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** "97.3 %"; only what is exactly 0 or 1 reads "0 %" or "100 %". */
export function percent(share: number, digits = 1): string {
  if (share === 0 || share === 1) return `${100 * share}\u00a0%`;
  const step = 10 ** -digits;
  const shown = Math.min(100 - step, Math.max(step, 100 * share));
  return `${shown.toFixed(digits)}\u00a0%`;
}

export function figure(value: number, digits = 3): string {
  return value.toFixed(digits);
}

/** "2026-05-01 14:03 UTC" */
export function moment(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}
