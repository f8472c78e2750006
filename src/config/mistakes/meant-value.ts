import { nearestName } from './nearest-name.js';

const YES = new Set(['yes', 'y', 'on', 'true', '1', 'ja', 'enabled', 'enable']);
const NO = new Set(['no', 'n', 'off', 'false', '0', 'nein', 'disabled', 'disable', 'none']);

/** Factors to the base unit of a quantity. */
const SECONDS: Record<string, number> = {
  ms: 1e-3,
  msec: 1e-3,
  millisecond: 1e-3,
  s: 1,
  sec: 1,
  second: 1,
  m: 60,
  min: 60,
  minute: 60,
  h: 3_600,
  hour: 3_600,
  d: 86_400,
  day: 86_400,
};
const BYTES: Record<string, number> = {
  b: 1,
  byte: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const METERS: Record<string, number> = { mm: 1e-3, cm: 1e-2, m: 1, meter: 1, metre: 1, km: 1e3 };
const NUMBERS = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
];

/** Ending of a setting's name, the units that people write, and how many of them are one of its own. */
const QUANTITIES: readonly [ending: RegExp, units: Record<string, number>, own: number][] = [
  [/Ms$/, SECONDS, 1e-3],
  [/Seconds$/, SECONDS, 1],
  [/Minutes$/, SECONDS, 60],
  [/Hours$/, SECONDS, 3_600],
  [/Days$/, SECONDS, 86_400],
  [/Microseconds$/, SECONDS, 1e-6],
  [/Bytes$|BytesPerDay$/, BYTES, 1],
  [/Meters$/, METERS, 1],
];
/** A plain number for a duration was probably meant in one of these. */
const PLAIN_FACTORS = [1_000, 60_000];

/**
 * The value that was probably meant instead of a wrong one, undefined if none comes to mind. Only a
 * value that the schema accepts is proposed.
 * @param setting name of the setting, which ends with its unit
 * @param allowed values of an enumeration; empty: it is none
 * @param isAccepted whether the schema takes a value there
 */
export function meantValue(
  setting: string,
  wrong: unknown,
  allowed: readonly unknown[],
  isAccepted: (value: unknown) => boolean,
): unknown {
  return candidates(setting, wrong, allowed).find((value) => value !== wrong && isAccepted(value));
}

function candidates(setting: string, wrong: unknown, allowed: readonly unknown[]): unknown[] {
  if (typeof wrong === 'string') return ofText(setting, wrong.trim(), allowed);
  if (typeof wrong === 'number') return ofNumber(setting, wrong, allowed);
  if (typeof wrong === 'boolean') return [String(wrong), ...(wrong ? [] : ['none', null])];
  if (wrong === null || Array.isArray(wrong)) {
    return Array.isArray(wrong) && wrong.length === 1 ? [wrong[0]] : [];
  }
  return [[wrong]];
}

function ofText(setting: string, text: string, allowed: readonly unknown[]): unknown[] {
  const names = allowed.filter((value) => typeof value === 'string');
  const nearest = nearestName(text, names);
  const lower = text.toLowerCase();
  return [
    ...(nearest === undefined ? [] : [nearest]),
    ...(YES.has(lower) ? [true] : NO.has(lower) ? [false] : []),
    ...quantity(setting, lower),
    ...(NUMBERS.includes(lower) ? [NUMBERS.indexOf(lower)] : []),
    ...(/^(null|none|nil|~)$/.test(lower) ? [null] : []),
    ...(/^[a-z0-9.-]+(:\d+)?$/i.test(text) && /url$/i.test(setting)
      ? [`mqtt://${text}`, `mqtt://${text}:1883`, `http://${text}`]
      : []),
    ...(/^https?:\/\//.test(text) ? [text.replace(/^http(s?)/, 'mqtt$1')] : []),
    [text],
    text.replace(/\s+/g, '-'),
    text.replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^[-_]+|-+$/g, ''),
  ];
}

/** "5s", "1.5 min", "10 GB", "20 %", "1,5", "8090" */
function quantity(setting: string, text: string): number[] {
  const found = /^([+-]?\d[\d_']*(?:[.,]\d+)?)\s*([a-zµ%°]*?)s?$/.exec(text.replace(/\/s$/, ''));
  if (found === null) return [];
  const amount = Number(found[1]?.replace(/[_']/g, '').replace(',', '.'));
  const unit = found[2] ?? '';
  if (Number.isNaN(amount)) return [];
  if (unit === '%') return [amount / 100, amount];
  const values = QUANTITIES.flatMap(([ending, units, own]) => {
    // The "s" of seconds is not that of a plural.
    const factor =
      units[unit] ?? units[`${unit}s`] ?? (unit === '' && /s$/.test(text) ? units.s : undefined);
    return ending.test(setting) && factor !== undefined ? [tidy((amount * factor) / own)] : [];
  });
  return [...values, amount];
}

function ofNumber(setting: string, wrong: number, allowed: readonly unknown[]): unknown[] {
  const text = String(wrong);
  return [
    ...allowed.filter((value) => String(value) === text),
    text,
    ...(wrong === 1 ? [true] : wrong === 0 ? [false] : []),
    ...(wrong > 1 && wrong <= 100 ? [tidy(wrong / 100)] : []),
    ...(/Ms$/.test(setting) ? PLAIN_FACTORS.map((factor) => tidy(wrong * factor)) : []),
    [wrong],
  ];
}

/** Without the tail that binary fractions leave. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}

/** A value as it is written in the file. */
export function asWritten(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  const shown = /^\[".*"\]$|^\[\d.*\]$/.test(text) ? text.replaceAll('"', '') : text;
  return shown.length > 60 ? `${shown.slice(0, 59)}…` : shown;
}
