import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import type { CommandScenario } from './command-scenario.js';

const check = (path: string): string[] => ['config', 'check', path];

export const configScenarios: CommandScenario[] = [
  {
    code: 'HL_CONFIG_NOT_FOUND',
    follows: 'An empty file is valid',
    command: (robot) => check(robot.path('none.yaml')),
    follow: (robot) => robot.write('none.yaml', ''),
  },
  {
    code: 'HL_CONFIG_NOT_FOUND',
    when: 'of a command',
    follows: 'name another one: --config FILE',
    command: (robot) => ['label', '--config', robot.path('none.yaml')],
    follow: (robot) => ['label', '--config', robot.configFile],
  },
  {
    code: 'HL_CONFIG_UNREADABLE',
    follows: 'Name a YAML file that this user may read',
    command: (robot) => check(robot.dir),
    follow: (robot) => check(robot.configFile),
  },
  {
    code: 'HL_CONFIG_SYNTAX',
    when: 'tabs',
    follows: 'Indent with two spaces, not with tabs',
    given: (robot) => robot.write('tabs.yaml', 'robot:\n\tid: r1\n'),
    command: (robot) => check(robot.path('tabs.yaml')),
    follow: (robot) => robot.write('tabs.yaml', 'robot:\n  id: r1\n'),
  },
  {
    code: 'HL_CONFIG_SYNTAX',
    when: 'a line',
    follows: 'Correct the line that the message shows',
    given: (robot) =>
      robot.write('twice.yaml', 'robot: {id: r1}\nlog: {level: info}\nrobot: {id: r2}\n'),
    command: (robot) => check(robot.path('twice.yaml')),
    follow: (robot, { message }) => {
      const line = Number(/line (\d+)/.exec(message)?.[1]);
      const lines = readFileSync(robot.path('twice.yaml'), 'utf8').split('\n');
      lines.splice(line - 1, 1);
      robot.write('twice.yaml', lines.join('\n'));
    },
  },
  {
    code: 'HL_CONFIG_SYNTAX',
    when: 'aliases',
    follows: 'Write the values out instead of using aliases',
    given: (robot) => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f'];
      const lines = names.map((name, i) => {
        const before = i === 0 ? 'x' : `*${names[i - 1]}`;
        return `${name}: &${name} [${Array.from({ length: 9 }, () => before).join(', ')}]`;
      });
      robot.write('aliases.yaml', `${lines.join('\n')}\n`);
    },
    command: (robot) => check(robot.path('aliases.yaml')),
    follow: (robot) => robot.write('aliases.yaml', 'robot: {id: r1}\n'),
  },
  {
    code: 'HL_CONFIG_SYNTAX',
    when: 'another file',
    follows: 'Name the right file',
    given: (robot) => robot.write('big.yaml', `# ${'x'.repeat(1_100_000)}\n`),
    command: (robot) => check(robot.path('big.yaml')),
    follow: (robot) => check(robot.configFile),
  },
  {
    code: 'HL_CONFIG_INVALID',
    follows: 'Correct the settings named',
    given: (robot) => robot.write('typo.yaml', 'training: {minLabel: 6}\nrobot: {id: 7}\n'),
    command: (robot) => check(robot.path('typo.yaml')),
    follow: (robot, { message }) => {
      const meant = /training\.minLabel: .*did you mean "(\w+)"/.exec(message)?.[1];
      const kind = /robot\.id: must be a (\w+)/.exec(message)?.[1];
      const id = kind === 'string' ? '"7"' : '7';
      robot.write('typo.yaml', `training: {${meant}: 6}\nrobot: {id: ${id}}\n`);
    },
  },
  {
    code: 'HL_CONFIG_ENCODING',
    follows: 'iconv -f UTF-16 -t UTF-8',
    given: (robot) => robot.write('wide.yaml', Buffer.from('\ufeffrobot: {id: r1}\n', 'utf16le')),
    command: (robot) => check(robot.path('wide.yaml')),
    follow: (robot) =>
      robot.write(
        'wide.yaml',
        execFileSync('iconv', ['-f', 'UTF-16', '-t', 'UTF-8', robot.path('wide.yaml')]),
      ),
  },
  {
    code: 'HL_SECRET_ENCODING',
    follows: 'Save the file of the secret as UTF-8',
    given: (robot) => {
      const file = robot.write('password', Buffer.from('pa\xdfwort', 'latin1'), 0o600);
      robot.configure({ mqtt: { url: 'mqtt://127.0.0.1:1', password: { file } } });
    },
    command: () => ['status'],
    follow: (robot) => robot.write('password', 'paßwort', 0o600),
    leaves: 1,
  },
  {
    code: 'HL_SECRET_TOO_OPEN',
    follows: 'chmod 600',
    given: (robot) => {
      const file = robot.write('password', 'swordfish\n', 0o644);
      robot.configure({ mqtt: { url: 'mqtt://127.0.0.1:1', password: { file } } });
    },
    command: () => ['status'],
    follow: (_, { remedy }) => chmodSync(/chmod 600 (.*)$/.exec(remedy ?? '')![1]!, 0o600),
    // No broker is there: that is another trouble.
    leaves: 1,
  },
  {
    code: 'HL_SECRET_UNREADABLE',
    when: 'a file',
    follows: 'Create the file, owned by the user of the daemon and with mode 0600',
    given: (robot) => {
      const file = robot.path('password');
      robot.configure({ mqtt: { url: 'mqtt://127.0.0.1:1', password: { file } } });
    },
    command: () => ['status'],
    follow: (robot) => robot.write('password', 'swordfish\n', 0o600),
    leaves: 1,
  },
  {
    code: 'HL_SECRET_UNREADABLE',
    when: 'a credential',
    follows: 'or name a file instead: {file: FILE}',
    settings: { mqtt: { url: 'mqtt://127.0.0.1:1', password: { credential: 'mqtt' } } },
    command: () => ['status'],
    follow: (robot) => {
      const file = robot.write('password', 'swordfish\n', 0o600);
      const yaml = readFileSync(robot.configFile, 'utf8');
      writeFileSync(robot.configFile, yaml.replace(/credential: mqtt/, `file: ${file}`));
    },
    leaves: 1,
  },
  {
    code: 'HL_GPIO_NAME_UNKNOWN',
    follows: 'Use one of',
    settings: { gpio: { driver: 'none', outputs: [{ name: 'horn', line: 17 }] } },
    command: (robot) => ['gpio', 'test', 'siren', '--config', robot.configFile],
    follow: (robot, { remedy }) => {
      const [, name] = /one of: (\w+)/.exec(remedy ?? '')!;
      return ['gpio', 'test', name!, '--config', robot.configFile];
    },
  },
  {
    code: 'HL_GPIO_NAME_UNKNOWN',
    when: 'none at all',
    follows: 'and name the configuration: --config FILE',
    command: (robot) => ['gpio', 'watch', 'bell', '--config', robot.configFile],
    follow: (robot) => {
      const inputs = [{ name: 'bell', line: 22, action: { kind: 'retrain' } }];
      robot.configure({ gpio: { driver: 'none', inputs } });
      return ['gpio', 'watch', 'bell', '--config', robot.configFile];
    },
  },
];
