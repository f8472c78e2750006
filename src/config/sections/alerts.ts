import { z } from 'zod';
import { milliseconds, name, probability, section } from '../fields.js';

const alertRule = z.strictObject({
  name: name('Name of the rule: appears in events'),
  labels: z
    .array(z.string().normalize('NFC').trim().min(1))
    .min(1)
    .max(64)
    .describe('Labels that raise the alert; minProbability does not apply to "unknown"'),
  task: z
    .string()
    .nullable()
    .default(null)
    .describe('Only decisions of this task; null = any task'),
  camera: z
    .string()
    .nullable()
    .default(null)
    .describe('Only frames of this camera; null = any camera'),
  region: z
    .string()
    .nullable()
    .default(null)
    .describe('Only frames of this region of a camera; null = any region'),
  decision: z
    .enum(['scene', 'frame'])
    .default('scene')
    .describe('scene: the joint decision on the frames of a scene; frame: on each frame alone'),
  minProbability: probability.default(0.7).describe('Minimum probability of the label, 0..1'),
  guesses: z.boolean().default(false).describe('Also count answers marked as guesses'),
  matches: z
    .int()
    .min(1)
    .max(1_000)
    .default(3)
    .describe('N: matches needed among the last M frames'),
  ofFrames: z.int().min(1).max(1_000).default(5).describe('M: size of the window, in frames'),
  holdMs: milliseconds(0, 3_600_000)
    .default(1_000)
    .describe('Minimum time that the output stays on after the last match'),
  delayMs: milliseconds(0, 60_000)
    .default(0)
    .describe('Delay of the output, for an actuator behind the camera: distance / speed'),
  delayMeters: z
    .number()
    .min(0)
    .max(100)
    .nullable()
    .default(null)
    .describe(
      'Distance from the camera to the actuator: the output follows when the robot has travelled it; null = delayMs',
    ),
  output: z.string().nullable().default(null).describe('Name of a GPIO output; null = event only'),
});

export const alerts = section(
  {
    rules: z.array(alertRule).max(64).default([]),
    metersPerSecond: z
      .number()
      .min(0)
      .max(50)
      .nullable()
      .default(null)
      .describe('Speed of the robot while no program reports it with the command `speed`'),
    speedMaxAgeMs: milliseconds(100, 60_000)
      .default(2_000)
      .describe('Time for which a reported speed applies'),
  },
  'When to raise an alert',
);
