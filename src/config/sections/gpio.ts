import { z } from 'zod';
import { milliseconds, name, section } from '../fields.js';

/** Shortest part of a signal: a relay takes about 10 ms. */
const partMs = () => milliseconds(20, 3_600_000);

const lineFields = {
  line: z
    .int()
    .min(0)
    .max(1_023)
    .nullable()
    .default(null)
    .describe('Number of the line on its chip: the BCM number on the header of a Raspberry Pi'),
  lineName: z
    .string()
    .min(1)
    .max(31)
    .nullable()
    .default(null)
    .describe('Name of the line instead of its number: GPIO17, PQ.05 on a Jetson'),
  chipLabel: z
    .string()
    .min(1)
    .max(31)
    .nullable()
    .default(null)
    .describe('Label of the GPIO chip; null = the header of a Raspberry Pi, or the only chip'),
};
const bias = z.enum(['as-is', 'disabled', 'pull-up', 'pull-down']);

type ChosenLine = { line: number | null; lineName: string | null };
const isChosen = ({ line, lineName }: ChosenLine): boolean =>
  (line === null) !== (lineName === null);
const CHOICE = { error: 'set either line or lineName', path: ['line'] };

const signal = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('steady') }),
    z.strictObject({
      kind: z.literal('pulse'),
      pulseMs: partMs().describe('Length of the only pulse of an alert'),
    }),
    z.strictObject({
      kind: z.literal('blink'),
      onMs: partMs().default(500),
      offMs: partMs().default(500),
    }),
    z.strictObject({
      kind: z.literal('pattern'),
      partsMs: z.array(partMs()).min(1).max(32).describe('Durations: on, off, on, …'),
      repeat: z.boolean().default(true).describe('false: once, then off'),
    }),
  ])
  .default({ kind: 'steady' })
  .describe('What the output does while an alert is raised');

const output = z.lazy(() =>
  z
    .strictObject({
      name: name('Name that alert rules use'),
      ...lineFields,
      activeLow: z.boolean().default(false).describe('On is the low level'),
      bias: bias
        .nullable()
        .default(null)
        .describe('Pull resistor of the chip; null = the pull towards off'),
      drive: z.enum(['push-pull', 'open-drain', 'open-source']).default('push-pull'),
      signal,
    })
    .refine(isChosen, CHOICE),
);

const task = z.string().nullable().default(null).describe('null = the only task');

const action = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('label'),
      label: z.string().min(1).describe('Label for the last image'),
      camera: z.string().describe('Camera whose last image gets the label'),
      region: z.string().nullable().default(null).describe('Region of the camera'),
      task,
    }),
    z.strictObject({ kind: z.literal('retrain'), task }),
    z.strictObject({
      kind: z.literal('capture'),
      camera: z
        .string()
        .describe('Camera whose next image is classified, whatever onlyWhenMoving and rates say'),
    }),
    z.strictObject({
      kind: z.literal('acknowledge'),
      rule: z.string().nullable().default(null).describe('Alert rule; null = all raised alerts'),
    }),
    z.strictObject({ kind: z.literal('pause'), what: z.enum(['inference', 'training']) }),
    z.strictObject({ kind: z.literal('resume'), what: z.enum(['inference', 'training']) }),
  ])
  .describe('What a press does');

const input = z.lazy(() =>
  z
    .strictObject({
      name: name('Name in the log and in the audit'),
      ...lineFields,
      activeLow: z
        .boolean()
        .default(true)
        .describe('Pressed is the low level: a button between the line and ground'),
      bias: bias.default('pull-up'),
      debounceMs: milliseconds(0, 5_000)
        .default(30)
        .describe('A change counts when the line has been still for this long'),
      action,
    })
    .refine(isChosen, CHOICE),
);

export const GPIO_DRIVERS = ['gpiochip', 'onoff', 'none'] as const;

export const gpio = section(
  {
    driver: z
      .enum(GPIO_DRIVERS)
      .default('gpiochip')
      .describe('gpiochip: Linux 5.10 and later; onoff: older kernels, through sysfs'),
    outputs: z.array(output).max(64).default([]).describe('Outputs switched by alerts'),
    inputs: z.array(input).max(32).default([]).describe('Buttons'),
  },
  'Outputs switched by alerts, and buttons',
);
