import { z } from 'zod';
import { milliseconds, probability, section } from '../fields.js';

const sightings = section(
  {
    enabled: z.boolean().default(true).describe('Record where each label was seen, for `map`'),
    minProbability: probability
      .default(0.7)
      .describe('Decisions with a less probable label are not recorded; nor are guesses'),
    cellMeters: z
      .number()
      .min(0.05)
      .max(1_000)
      .default(1)
      .describe('Side of the grid cells: one record for each label, cell and pass'),
    maxRows: z
      .int()
      .min(100)
      .max(10_000_000)
      .default(100_000)
      .describe('Maximum number of records; the oldest is removed first'),
    writeIntervalMs: milliseconds(1_000, 3_600_000)
      .default(30_000)
      .describe('Records are written together once in this time, to spare the card'),
  },
  'Where labels were seen',
);

export const position = section(
  {
    source: z
      .enum(['none', 'gpsd', 'serial'])
      .default('none')
      .describe('none: positions are unknown; serial: a receiver that sends NMEA 0183'),
    gpsd: section(
      {
        host: z.string().min(1).max(253).default('127.0.0.1').describe('Name or address of gpsd'),
        port: z.int().min(1).max(65_535).default(2947).describe('TCP port of gpsd'),
      },
      'For source gpsd',
    ),
    serial: section(
      {
        device: z
          .string()
          .min(1)
          .max(4_096)
          .default('/dev/ttyACM0')
          .describe('A terminal, such as /dev/serial/by-id/…, or a named pipe'),
        baud: z
          .union(
            [4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600].map((rate) =>
              z.literal(rate),
            ),
          )
          .default(9_600)
          .describe('Bits per second; receivers on USB ignore it'),
      },
      'For source serial',
    ),
    maxAgeMs: milliseconds(100, 600_000)
      .default(3_000)
      .describe('A position is used for this time after it was received'),
    maxSilenceMs: milliseconds(1_000, 600_000)
      .default(15_000)
      .describe(
        'A receiver that reports nothing for this time raises an alarm; headland reconnects',
      ),
    speedForAlerts: z
      .boolean()
      .default(true)
      .describe('Alerts with delayMeters use this speed while no command `speed` arrives'),
    sightings,
  },
  'Where the robot is',
);
