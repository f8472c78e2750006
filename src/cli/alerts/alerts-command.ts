import { Command, InvalidArgumentError } from 'commander';
import { localTimeOf } from '../../alerts/schedule.js';
import { withStateOptions } from '../support/state-options.js';
import type { SimulateOptions } from './simulate-recording.js';

/** Tries alert rules on recordings. */
export function alertsCommand(): Command {
  const command = new Command('alerts');
  withStateOptions(
    command
      .command('simulate')
      .description('show which alerts a video or a folder of photos would have raised')
      .argument('<path>', 'video file or folder of photos'),
  )
    .option('--camera <name>', 'camera whose crop, regions, masks and rules are used')
    .option('--speed <m/s>', 'speed of the robot, instead of alerts.metersPerSecond', parseSpeed)
    .option('--fps <number>', 'pictures per second of the recording', parseRate, 10)
    .option(
      '--starts-at <time>',
      'local time of the first picture, for rules with a schedule (2026-05-04T06:00)',
      parseTime,
    )
    .option('--json', 'print one JSON object')
    .action(async (path: string, options: SimulateOptions) => {
      const { simulate } = await import('./simulate-recording.js');
      await simulate(path, options);
    });
  return command;
}

function parseSpeed(text: string): number {
  const speed = Number(text);
  if (speed > 0 && speed <= 50) return speed;
  throw new InvalidArgumentError('must be above 0, at most 50 (meters per second).');
}

/** Without a zone, so that it is a time of this machine. */
function parseTime(text: string): Date {
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?$/.test(text);
  const date = new Date(text);
  if (isTime && localTimeOf(date) !== null) return date;
  throw new InvalidArgumentError('must be a local time such as 2026-05-04T06:00, from 2024 on.');
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (rate >= 0.01 && rate <= 120) return rate;
  throw new InvalidArgumentError('must be 0.01 to 120.');
}
