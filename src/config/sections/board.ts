import { z } from 'zod';
import { milliseconds, section } from '../fields.js';

const celsius = z.number().min(-40).max(150);

export const board = section(
  {
    checkIntervalMs: milliseconds(500, 600_000)
      .default(10_000)
      .describe('Between two looks at temperature, supply and battery'),
    slowAboveC: celsius
      .default(78)
      .describe('From here on, or when the board throttles itself, frames get slower step by step'),
    fasterBelowC: celsius.default(72).describe('Down from here they get faster again'),
    minFramesPerSecond: z
      .number()
      .min(0.01)
      .max(1_000)
      .default(1)
      .describe('Heat and a weak supply never slow it down below this'),
    trainBelowC: celsius
      .default(70)
      .describe('No training starts at or above this; it starts when the board has cooled'),
    batteryLowPercent: z
      .number()
      .min(0)
      .max(100)
      .default(15)
      .describe('A battery that discharges and holds no more than this is low; 0 = off'),
    batteryMaxFramesPerSecond: z
      .number()
      .min(0.01)
      .max(1_000)
      .default(2)
      .describe('Frames a second while the battery is low'),
  },
  'How the daemon spares a board that is hot, weakly supplied or nearly empty',
);
