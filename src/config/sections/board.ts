import { z } from 'zod';
import { milliseconds, section } from '../fields.js';

const celsius = z.number().min(-40).max(150);

/** Share of the last ten seconds, of the kernel's pressure stall information. */
const pressurePercent = z.number().min(1).max(100).nullable();

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
    pauseTrainingAboveC: celsius
      .nullable()
      .default(null)
      .describe(
        'At or above this temperature a running training pauses; null = 5 °C above trainBelowC',
      ),
    resumeTrainingBelowC: celsius
      .nullable()
      .default(null)
      .describe(
        'Below this temperature a training that paused because of heat goes on; null = trainBelowC',
      ),
    pauseTrainingAboveMemoryPressurePercent: pressurePercent
      .default(20)
      .describe(
        'A running training pauses while processes wait for memory for this share of the time; it goes on below half of it; null = never',
      ),
    pauseTrainingAboveCpuPressurePercent: pressurePercent
      .default(null)
      .describe(
        'The same for the processor; null = never, because a training yields to other programs anyway (training.nice)',
      ),
    maxWrittenBytesPerDay: z
      .int()
      .min(1_000_000)
      .default(1_000_000_000)
      .describe('An alarm is raised when more is written to storage within 24 hours'),
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
