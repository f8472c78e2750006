import { type HeadAnswer, type Scorecard, scoreAnswers } from './scorecard.js';

export interface GateCheck {
  name:
    | 'reproduces'
    | 'knows-every-class'
    | 'expected-gain'
    | 'no-class-lost'
    | 'unknowns'
    | 'not-worse-than-chance';
  passed: boolean;
  /** One clause in words, with the figures. */
  detail: string;
  values: Record<string, number | string[]>;
}

/** A sample with the answers of both heads. */
export interface Answered {
  label: string;
  challenger: HeadAnswer;
  champion: HeadAnswer | null;
}

export function scoresOf(samples: readonly Answered[], head: 'challenger' | 'champion'): Scorecard {
  return scoreAnswers(
    samples.map(({ label }) => label),
    samples.map((sample) => sample[head]?.label as string),
  );
}

export function rightOf(samples: readonly Answered[], head: 'challenger' | 'champion'): number {
  return samples.filter((sample) => sample[head]?.label === sample.label).length;
}

export function figure(value: number): string {
  return value.toFixed(3);
}

/** A share 0..1 in percentage points, with its sign. */
export function points(value: number, sign = true): string {
  const text = Math.abs(value * 100).toFixed(1);
  if (!sign) return text;
  return `${value >= 0 ? '+' : '−'}${text}`;
}

export function quoted(labels: readonly string[]): string {
  return labels.map((label) => `"${label}"`).join(', ');
}
