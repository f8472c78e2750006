import { chmodSync } from 'node:fs';
import type { CommandScenario } from './command-scenario.js';
import { type Robot, withoutRoot } from './field.js';

const at = (robot: Robot, ...options: string[]): string[] => [
  'setup',
  '--config',
  robot.path('new.yaml'),
  ...options,
];

export const setupScenarios: CommandScenario[] = [
  {
    code: 'HL_SETUP_NO_TERMINAL',
    follows: '`headland setup --yes --robot ID --camera auto`',
    command: (robot) => at(robot),
    follow: (robot, { remedy }) => {
      const [, options] = /`headland setup ([^`]+)`/.exec(remedy ?? '') ?? [];
      return at(robot, ...options!.replace('ID', 'r7').split(' '));
    },
  },
  {
    code: 'HL_SETUP_FILE_EXISTS',
    follows: 'Give --force',
    given: (robot) => robot.write('new.yaml', 'robot: {id: r1}\n'),
    command: (robot) => at(robot, '--yes'),
    follow: (robot) => at(robot, '--yes', '--force'),
  },
  {
    code: 'HL_SETUP_FILE_EXISTS',
    when: 'another file',
    follows: 'Or name another one: --config FILE',
    given: (robot) => robot.write('new.yaml', 'robot: {id: r1}\n'),
    command: (robot) => at(robot, '--yes'),
    follow: (robot) => ['setup', '--yes', '--config', robot.path('other.yaml')],
  },
  {
    code: 'HL_SETUP_UNWRITABLE',
    follows: 'or name a file that you may write: --config FILE',
    asNobody: true,
    skip: withoutRoot,
    given: (robot) => robot.write('open/file', ''),
    command: (robot) => at(robot, '--yes'),
    follow: (robot) => {
      chmodSync(robot.path('open'), 0o777);
      return ['setup', '--yes', '--config', robot.path('open', 'new.yaml')];
    },
  },
];
