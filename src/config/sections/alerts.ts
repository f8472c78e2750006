import { z } from 'zod';
import { milliseconds, name, probability, program, section } from '../fields.js';

/** States of the robot that a rule can watch instead of labels. */
export const ALERT_CONDITIONS = [
  'camera_lost',
  'camera_dirty',
  'board_hot',
  'disk_low',
  'training_failed',
  'clock_unset',
] as const;
const condition = z.enum(ALERT_CONDITIONS);

const timeOfDay = (pattern: RegExp, what: string) =>
  z.string().regex(pattern, 'use HH:MM, such as "06:30"').describe(what);

const timeWindow = z.strictObject({
  days: z
    .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
    .min(1)
    .max(7)
    .default(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])
    .describe('Days on which the window begins'),
  from: timeOfDay(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'Begin, HH:MM in the time zone of the board'),
  to: timeOfDay(
    /^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/,
    'End, HH:MM; before `from`: on the next day',
  ),
});

const clip = z.strictObject({
  beforeSeconds: z.number().min(0).max(60).default(5).describe('Length before the alert'),
  afterSeconds: z.number().min(0).max(60).default(5).describe('Length after the alert'),
});

const command = program.extend({
  timeoutMs: milliseconds(100, 600_000)
    .default(10_000)
    .describe('The program and its children are ended after this time'),
  minIntervalMs: milliseconds(0, 86_400_000)
    .default(10_000)
    .describe('Minimum time between two starts; an alert in between starts nothing'),
});

const alertRule = z.lazy(() =>
  z.strictObject({
    name: name('Name of the rule: appears in events'),
    labels: z
      .array(z.string().normalize('NFC').trim().min(1))
      .max(64)
      .default([])
      .describe(
        'Labels that raise the alert; minProbability does not apply to "unknown". A rule has exactly one of labels, noveltyBelow and on',
      ),
    noveltyBelow: probability
      .nullable()
      .default(null)
      .describe(
        'A frame whose novelty p-value is below this raises the alert, whatever its label; null = off',
      ),
    on: z
      .array(condition)
      .max(6)
      .default([])
      .describe(
        'States of the robot that raise the alert, for as long as one of them lasts, instead of labels. clock_unset: the clock shows a year before 2024; the alarm clock is stricter',
      ),
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
    clearBelowProbability: probability
      .nullable()
      .default(null)
      .describe(
        'A raised alert lasts while the label has at least this probability; null = minProbability',
      ),
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
    minOnMs: milliseconds(0, 3_600_000)
      .default(0)
      .describe(
        'Minimum time for which the alert stays raised, and its output on. Rules that share an output: the longest applies to it',
      ),
    minOffMs: milliseconds(0, 3_600_000)
      .default(0)
      .describe(
        'Minimum time for which the alert stays cleared, and its output off. Rules that share an output: the longest applies to it',
      ),
    schedule: z
      .array(timeWindow)
      .max(16)
      .default([])
      .describe('Times at which the rule applies, in the time zone of the board; empty = always'),
    whileClockUnset: z
      .enum(['apply', 'ignore'])
      .default('apply')
      .describe(
        'A rule with a schedule while the clock of the board is not set (before 2024): apply = at all times; ignore = never',
      ),
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
    output: z
      .string()
      .nullable()
      .default(null)
      .describe('Name of a GPIO output; null = event only'),
    snapshot: z
      .boolean()
      .default(false)
      .describe(
        'Keep the frame as a sample that waits for a label, at most one in samples.askIntervalMs, or in samples.askWhenFullIntervalMs while samples.askMaxWaiting samples wait',
      ),
    clip: clip
      .nullable()
      .default(null)
      .describe('Keep a video of the camera around the alert; null = none'),
    command: command
      .nullable()
      .default(null)
      .describe('Start a program; null = none')
      .meta({ onlyByHand: true }),
  }),
);

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
    clips: section(
      {
        maxBytes: z
          .int()
          .min(1_000_000)
          .max(1_000_000_000_000)
          .default(200_000_000)
          .describe('Maximum size of all clips on the disk; the oldest are removed first'),
        ringMaxBytes: z
          .int()
          .min(65_536)
          .max(268_435_456)
          .default(16_777_216)
          .describe(
            'Memory for frames that a clip may need. Too small for beforeSeconds + afterSeconds: clips begin later',
          ),
        minIntervalMs: milliseconds(0, 86_400_000)
          .default(60_000)
          .describe('Minimum time between the alerts of two clips of a camera or region'),
      },
      'Videos of alerts',
    ),
  },
  'When to raise an alert',
);
