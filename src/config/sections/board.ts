import { z } from 'zod';
import { milliseconds, section } from '../fields.js';

const celsius = z.number().min(-40).max(150);

export const board = section(
  {
    checkIntervalMs: milliseconds(500, 600_000)
      .default(10_000)
      .describe('Interval between readings of temperature, supply and battery'),
    slowAboveC: celsius
      .default(78)
      .describe(
        'At or above this temperature, or while the board throttles, the frame rate is reduced step by step',
      ),
    fasterBelowC: celsius
      .default(72)
      .describe('At or below this temperature the frame rate is raised again'),
    minFramesPerSecond: z
      .number()
      .min(0.01)
      .max(1_000)
      .default(1)
      .describe('Heat and a weak supply never reduce the frame rate below this'),
    trainBelowC: celsius
      .default(70)
      .describe(
        'No training starts at or above this temperature; it starts once the board has cooled',
      ),
    batteryLowPercent: z
      .number()
      .min(0)
      .max(100)
      .default(15)
      .describe('A discharging battery at or below this level counts as low; 0 = off'),
    batteryMaxFramesPerSecond: z
      .number()
      .min(0.01)
      .max(1_000)
      .default(2)
      .describe('Maximum frames per second while the battery is low'),
  },
  'How the daemon reduces the load on a board that is hot, weakly supplied or low on battery',
);
