import { readdirSync, readFileSync } from 'node:fs';
import { silentLog } from '../../src/base/log.js';
import { RpicamDriver } from '../../src/camera/drivers/rpicam.js';
import { CameraSupervisor } from '../../src/camera/supervisor.js';
import { cameraConfig, pictureSettings, until } from './support.js';

/** What a process holds at a moment when no camera is open. */
export interface Held {
  restarts: number;
  frames: number;
  fileDescriptors: number;
  rssMebibytes: number;
  children: number;
}

/** Lets two cameras fail and be opened again so many times together, then says what is left. */
async function restart(times: number): Promise<Held> {
  const supervisors = ['left', 'right'].map(supervise);
  for (const supervisor of supervisors) supervisor.start(() => {});
  const sum = (of: 'restarts' | 'framesTotal') =>
    supervisors.reduce((total, supervisor) => total + supervisor.state()[of], 0);
  await until(() => sum('restarts') >= times, `${times} restarts`);
  await Promise.all(supervisors.map((supervisor) => supervisor.stop()));
  for (let i = 0; i < 3; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    globalThis.gc?.();
  }
  return {
    restarts: sum('restarts'),
    frames: sum('framesTotal'),
    fileDescriptors: readdirSync('/proc/self/fd').length,
    rssMebibytes: process.memoryUsage.rss() / 2 ** 20,
    children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').length - 1,
  };
}

function supervise(name: string): CameraSupervisor {
  const driver = new RpicamDriver(cameraConfig({ driver: 'rpicam', framesPerSecond: 120 }));
  return new CameraSupervisor(driver, {
    name,
    stallMs: 20_000,
    backoff: { initialMs: 1, maxMs: 1 },
    groupWindowMs: 1_000,
    pictureLimits: { maxBytes: 8_388_608, maxPixels: 1_000_000 },
    log: silentLog(),
    pictures: pictureSettings({
      crop: { left: 0, top: 0, width: 0.5, height: 1 },
      onlyWhenMoving: {},
      quality: { intervalMs: 1 },
    }),
  });
}

const held: Held[] = [];
for (const times of process.argv.slice(2).map(Number)) held.push(await restart(times));
process.send?.(held);
