import { type HeadAnswer, type Scorecard, scoreAnswers } from './scorecard.js';

export const CHECK_NAMES = [
  'reproduces',
  'knows-every-class',
  'macro-f1',
  'gain',
  'exam-not-worse',
  'no-class-worse',
  'no-class-lost',
  'log-loss',
  'calibration',
  'unknowns',
  'beats-majority',
] as const;

export interface GateCheck {
  name: (typeof CHECK_NAMES)[number];
  passed: boolean;
  /** One clause in words, with the figures. */
  detail: string;
  values: Record<string, number | string[]>;
}

/** A sample and what the contenders say to it. */
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

export function figure(value: number): string {
  return value.toFixed(3);
}

export function signed(value: number): string {
  return `${value >= 0 ? '+' : '−'}${figure(Math.abs(value))}`;
}

export function quoted(labels: readonly string[]): string {
  return labels.map((label) => `"${label}"`).join(', ');
}
