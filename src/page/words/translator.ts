import type { Store } from '../state/state-store.js';
import { type Entry, LANGUAGES, type Language } from './language.js';

const KEY = 'headland-language';

export type Values = Readonly<Record<string, string | number>>;

type Texts<Key extends string> = Readonly<Record<Key, Entry>>;

interface Translated<Key extends string> {
  language: Language;
  catalogue: Texts<Key>;
}

/** Texts in the language of the page. The catalogues of other languages are loaded when they are chosen. */
export class Translator<Key extends string> {
  constructor(
    private readonly store: Store<Translated<Key>>,
    private readonly storage: Storage,
    private readonly catalogueOf: (language: Language) => Promise<Texts<Key>>,
  ) {}

  /** Takes the language chosen earlier, else the first of the browser's that the page speaks. */
  async restore(preferred: readonly string[]): Promise<void> {
    const stored = LANGUAGES.find((each) => each === this.storage.getItem(KEY));
    const codes = preferred.map((tag) => tag.split('-', 1)[0]);
    const first = codes.map((code) => LANGUAGES.find((each) => each === code)).find(Boolean);
    await this.#set(stored ?? first ?? 'en');
  }

  async choose(language: Language): Promise<void> {
    this.storage.setItem(KEY, language);
    await this.#set(language);
  }

  /** The text of a key. The value `count` chooses the plural form. */
  say(key: Key, values: Values = {}): string {
    const { catalogue, language } = this.store.state;
    return filled(catalogue[key], values, language);
  }

  /** @param share 0..1 */
  percent(share: number, digits = 0): string {
    return this.number(share, { style: 'percent', maximumFractionDigits: digits });
  }

  number(value: number, options: Intl.NumberFormatOptions = {}): string {
    return new Intl.NumberFormat(this.store.state.language, options).format(value);
  }

  /** Date and time of day, in the time zone of the browser. */
  date(atMs: number, options: Intl.DateTimeFormatOptions = DATE): string {
    return new Intl.DateTimeFormat(this.store.state.language, options).format(atMs);
  }

  /** A duration in its largest sensible unit. */
  duration(seconds: number): string {
    const [size, unit] = UNITS.find(([unitSeconds]) => seconds >= unitSeconds * 1.5) ?? [
      1,
      'second',
    ];
    const value = Math.max(1, Math.round(seconds / size));
    return this.number(value, { style: 'unit', unit, unitDisplay: 'short' });
  }

  ago(atMs: number, nowMs: number): string {
    const seconds = Math.max(0, (nowMs - atMs) / 1_000);
    const [size, unit] = UNITS.find(([unitSeconds]) => seconds >= unitSeconds * 1.5) ?? [
      1,
      'second',
    ];
    const format = new Intl.RelativeTimeFormat(this.store.state.language, { numeric: 'auto' });
    return format.format(-Math.round(seconds / size), unit);
  }

  async #set(language: Language): Promise<void> {
    const catalogue = await this.catalogueOf(language);
    document.documentElement.lang = language;
    this.store.set({ language, catalogue });
  }
}

const DATE: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' };

const UNITS = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const;

function filled(entry: Entry, values: Values, language: Language): string {
  const number = new Intl.NumberFormat(language);
  const text = typeof entry === 'string' ? entry : pluralForm(entry, values, language);
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? number.format(value) : value;
  });
}

/** By the value `count`, else by the first number. */
function pluralForm(forms: Exclude<Entry, string>, values: Values, language: Language): string {
  const { count = Object.values(values).find((value) => typeof value === 'number') } = values;
  const form = new Intl.PluralRules(language).select(Number(count ?? 0));
  return forms[form] ?? forms.other;
}
