import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { gga, utcOf } from '../../host/position/nmea-lines.js';
import { PseudoTerminal } from '../../host/position/pseudo-terminal.js';
import { listen } from '../../ports.js';
import type { CommandScenario } from './command-scenario.js';
import type { Robot } from './field.js';
import type { LogLine, StartScenario } from './start-scenario.js';

const TPV = '{"class":"TPV","mode":3,"lat":48.1,"lon":11.5,"eph":2.5}\n';
const arrives = ({ msg }: LogLine): boolean => msg === 'positions arrive';

/** What scenarios hold between their two halves, by robot. */
const held = new WeakMap<Robot, { stop(): void; speak(): void }>();
const letGo = (robot: Robot): void => held.get(robot)?.stop();

/** A program that speaks as gpsd does, once it has a receiver. @returns its port */
async function gpsdLike(robot: Robot, speaks: boolean): Promise<number> {
  let hasReceiver = speaks;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('{"class":"VERSION","release":"3.22"}\n');
    const report = (): void => {
      if (hasReceiver) socket.write(TPV);
    };
    report();
    const timer = setInterval(report, 200);
    socket.on('close', () => clearInterval(timer));
  });
  const port = await listen(server);
  const speak = (): void => {
    hasReceiver = true;
  };
  held.set(robot, { stop: () => server.close(), speak });
  return port;
}

/** A receiver on a line. @returns its device */
function plugIn(robot: Robot): string {
  const terminal = new PseudoTerminal();
  let second = 0;
  const timer = setInterval(() => {
    terminal.write([gga({ utc: utcOf(second++), latitude: 48.1, longitude: 11.5 })]);
  }, 100);
  const stop = (): void => {
    clearInterval(timer);
    terminal.close();
  };
  held.set(robot, { stop, speak: () => {} });
  return terminal.device;
}

export const positionStarts: readonly StartScenario[] = [
  {
    code: 'HL_GPSD_UNREACHABLE',
    follows: 'correct position.gpsd.host and position.gpsd.port',
    settings: { position: { source: 'gpsd', gpsd: { port: 1 } } },
    follow: async (robot) =>
      robot.configure({ position: { gpsd: { port: await gpsdLike(robot, true) } } }),
    over: arrives,
    after: letGo,
  },
  {
    code: 'HL_POSITION_SILENT',
    follows: 'Check the cable and the power of the receiver',
    given: async (robot) => {
      const gpsd = { port: await gpsdLike(robot, false) };
      robot.configure({ position: { source: 'gpsd', gpsd, maxSilenceMs: 1_000 } });
    },
    follow: (robot) => {
      held.get(robot)?.speak();
      robot.configure({ position: { maxSilenceMs: 5_000 } });
    },
    over: arrives,
    after: letGo,
  },
  {
    code: 'HL_SERIAL_UNREADABLE',
    follows: 'set position.serial.device to its path (ls /dev/serial/by-id)',
    settings: { position: { source: 'serial', serial: { device: '/dev/serial/by-id/none' } } },
    follow: (robot) => robot.configure({ position: { serial: { device: plugIn(robot) } } }),
    over: arrives,
    after: letGo,
  },
];

export const mapCommands: readonly CommandScenario[] = [
  {
    code: 'HL_MAP_UNWRITABLE',
    follows: 'Name a file in a folder that exists',
    command: (robot) => ['map', '--out', robot.path('maps', 'weeds.kml')],
    follow: (robot) => mkdirSync(robot.path('maps')),
  },
];
