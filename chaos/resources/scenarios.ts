import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { libfaketime } from '../../test/host/faketime.js';
import { failingDisk } from './failing-disk.js';
import type { After, Victim } from './victim.js';

/** Why a scenario cannot run on this machine; null: it has run. */
type Skipped = string | null;

export interface Scenario {
  name: string;
  run(victim: Victim, after: After): Promise<Skipped>;
}

const NO_MOUNT = 'needs the right to mount a tmpfs';
const NOBODY = 65_534;

/** The robot goes on while a fault lasts, says so, and is as before when it is over. */
async function survives(
  victim: Victim,
  fault: { alarm: RegExp | null; begin(): unknown; end(): unknown },
): Promise<void> {
  await fault.begin();
  if (fault.alarm) await Promise.all([victim.alarmed(fault.alarm), victim.decides('in the fault')]);
  else await victim.decides('in the fault');
  await fault.end();
  await victim.recovered();
  await victim.takesLabels();
  await victim.decides('after the fault');
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'full disk',
    async run(victim) {
      if (!victim.rig.mountState('16m')) return NO_MOUNT;
      await victim.start();
      const ballast = join(victim.rig.stateDir, 'ballast');
      await survives(victim, {
        alarm: /^HL_STORE_FULL$/,
        begin: () => fill(ballast),
        end: () => rmSync(ballast),
      });
      return null;
    },
  },
  {
    name: 'full disk from the start',
    async run(victim) {
      if (!victim.rig.mountState('16m')) return NO_MOUNT;
      const ballast = join(victim.rig.stateDir, 'ballast');
      fill(ballast);
      await victim.start();
      await survives(victim, {
        alarm: /^HL_STORE_FULL$/,
        begin: () => undefined,
        end: () => rmSync(ballast),
      });
      return null;
    },
  },
  {
    name: 'read-only disk from the start',
    async run(victim) {
      if (!victim.rig.mountState('64m')) return NO_MOUNT;
      await (await victim.start()).stop();
      victim.person.forget();
      remount(victim.rig.stateDir, 'ro');
      await victim.start();
      await survives(victim, {
        alarm: /^HL_STORE_READ_ONLY$/,
        begin: () => undefined,
        end: () => remount(victim.rig.stateDir, 'rw'),
      });
      return null;
    },
  },
  ...(['full', 'read-only'] as const).map(
    (how): Scenario => ({
      name: `${how} root disk from the first start`,
      async run(victim) {
        const { rig } = victim;
        if (!rig.mountState('64m')) return NO_MOUNT;
        // State, cache and temporary files lie on one disk, as on a card; nothing was made before.
        const cacheDir = join(rig.stateDir, 'cache');
        const temporary = join(rig.stateDir, 'tmp');
        cpSync(rig.cacheDir, cacheDir, { recursive: true });
        mkdirSync(temporary);
        rig.configure({
          paths: { stateDir: rig.stateDir, cacheDir },
          console: { host: '0.0.0.0', port: 0 },
          ...victim.settings,
        });
        const ballast = join(rig.stateDir, 'ballast');
        if (how === 'full') fill(ballast);
        else remount(rig.stateDir, 'ro');
        await victim.start({ env: { TMPDIR: temporary } });
        await survives(victim, {
          alarm: how === 'full' ? /^HL_STORE_FULL$/ : /^HL_STORE_READ_ONLY$|^HL_STORE_UNAVAILABLE$/,
          begin: () => undefined,
          end: () => (how === 'full' ? rmSync(ballast) : remount(rig.stateDir, 'rw')),
        });
        return null;
      },
    }),
  ),
  {
    name: 'folder of another user',
    async run(victim) {
      const setpriv = ['setpriv', `--reuid=${NOBODY}`, '--clear-groups'];
      if (spawnSync(setpriv[0]!, [...setpriv.slice(1), 'true']).status !== 0) {
        return 'needs the right to become another user';
      }
      const { dir, stateDir } = victim.rig;
      mkdirSync(stateDir, { mode: 0o700 });
      chmodSync(dir, 0o755);
      await victim.start({ wrapper: setpriv, env: { HOME: dir } });
      await survives(victim, {
        alarm: /^HL_STORE_(READ_ONLY|UNAVAILABLE)$/,
        begin: () => undefined,
        end: () => chownSync(stateDir, NOBODY, NOBODY),
      });
      return null;
    },
  },
  {
    name: 'errors of the disk',
    async run(victim) {
      const { dir, stateDir } = victim.rig;
      const disk = failingDisk(dir, stateDir);
      if (disk === null) return 'needs gcc';
      await victim.start({ env: disk.env });
      await survives(victim, {
        alarm: /^HL_STORE_IO$/,
        begin: async () => {
          disk.begin();
          // A disk that is not written shows no errors.
          await victim.person.command('snapshot');
        },
        end: () => disk.end(),
      });
      return null;
    },
  },
  {
    name: 'a disk that needs two seconds for a flush',
    async run(victim) {
      const { dir, stateDir } = victim.rig;
      const disk = failingDisk(dir, stateDir, { CHAOS_DISK_FLUSH_SECONDS: '2' });
      if (disk === null) return 'needs gcc';
      await victim.start({ env: disk.env });
      await survives(victim, {
        alarm: null,
        begin: async () => {
          disk.begin();
          await victim.takesLabels();
          // Events are stored meanwhile, too.
          void victim.takesLabels();
        },
        end: () => disk.end(),
      });
      return null;
    },
  },
  {
    name: 'database locked by another process',
    async run(victim, after) {
      await victim.start();
      let release = async (): Promise<void> => {};
      await survives(victim, {
        alarm: /^HL_STORE_BUSY$/,
        begin: async () => {
          release = await lockDatabase(join(victim.rig.stateDir, 'headland.db'), after);
        },
        end: () => release(),
      });
      return null;
    },
  },
  {
    name: 'no more open files',
    async run(victim) {
      if (spawnSync('prlimit', ['--version']).error) return 'needs prlimit';
      await victim.start();
      await survives(victim, {
        alarm: /^HL_/,
        begin: () => limitFiles(victim.pid, 12),
        end: () => limitFiles(victim.pid, 1_024),
      });
      return null;
    },
  },
  {
    name: 'no more open files for programs',
    async run(victim) {
      const tools = [
        ['prlimit', '--version'],
        ['ffmpeg', '-version'],
      ] as const;
      if (tools.some(([tool, option]) => spawnSync(tool, [option]).error)) {
        return 'needs prlimit and ffmpeg';
      }
      const { rig, settings } = victim;
      const [camera] = settings.cameras;
      const video = join(rig.dir, 'video.mkv');
      spawnSync('ffmpeg', ['-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=10', '-t', '600', video]);
      rig.configure({
        ...settings,
        cameras: [camera, { driver: 'ffmpeg', name: 'second', input: video, stallMs: 2_000 }],
        alerts: {
          rules: [
            {
              name: 'any',
              labels: ['unknown'],
              matches: 1,
              ofFrames: 1,
              holdMs: 200,
              command: { path: '/bin/true', minIntervalMs: 0 },
            },
          ],
        },
      });
      await victim.start();
      await victim.person.until(
        ({ topic, body }) => topic.endsWith('/prediction') && body.camera === 'second',
      );
      await survives(victim, {
        alarm: /^HL_/,
        begin: async () => {
          limitFiles(victim.pid, 12);
          for (const child of childrenOf(victim.pid)) {
            try {
              process.kill(child, 'SIGKILL');
            } catch {
              // A command that has just ended.
            }
          }
          await victim.person.command('retrain');
          await fetch(victim.daemon.consoleUrl, { signal: AbortSignal.timeout(1_000) }).catch(
            () => undefined,
          );
        },
        end: () => limitFiles(victim.pid, 1_024),
      });
      return null;
    },
  },
  ...[
    {
      name: 'a training that the kernel ends for its memory',
      take: (job: number): boolean => process.kill(job, 'SIGKILL'),
    },
    { name: 'a training out of memory', take: noMoreMemory },
  ].map(({ name, take }) => ({
    name,
    async run(victim: Victim) {
      if (spawnSync('prlimit', ['--version']).error) return 'needs prlimit';
      await victim.start();
      for (let i = 0; i < 12; i++) {
        const { data } = await victim.person.command('snapshot');
        const label = i % 2 === 0 ? 'weed' : 'crop';
        await victim.person.command('label', { sample: data.sample_id, label });
        await sleep(110);
      }
      const answer = await victim.person.command('retrain');
      if (!answer.ok) victim.violated(`no training starts: ${answer.error.code}`);
      const job = await childOf(victim.pid);
      if (job === null) return 'the training ended before it could be stopped';
      take(job);
      const report = await victim.person.until(({ topic }) => topic.endsWith('/training/report'));
      if (report.body.outcome !== 'failed') {
        victim.violated(`the training ended as ${report.body.outcome}`);
      }
      await victim.decides('after the end of the training');
      await victim.takesLabels();
      return null;
    },
  })),
  ...[
    { name: 'clock in 1970', before: '@1970-01-01 00:00:30', after: '+0' },
    { name: 'clock ten years ahead', before: '+3650d', after: '+0' },
    { name: 'clock that jumps ten years', before: '+0', after: '+3650d' },
    { name: 'clock that jumps back to 1970', before: '+0', after: '@1970-01-01 00:00:30' },
  ].map(
    (clock): Scenario => ({
      name: clock.name,
      async run(victim) {
        if (libfaketime === undefined) return 'needs faketime';
        const time = join(victim.rig.dir, 'time');
        const set = (to: string): void => {
          writeFileSync(`${time}.new`, `${to}\n`);
          renameSync(`${time}.new`, time);
        };
        set(clock.before);
        await victim.start({
          env: {
            LD_PRELOAD: libfaketime,
            FAKETIME_TIMESTAMP_FILE: time,
            FAKETIME_NO_CACHE: '1',
            FAKETIME_DONT_FAKE_MONOTONIC: '1',
          },
        });
        await survives(victim, {
          alarm: null,
          begin: () => victim.takesLabels(),
          end: () => set(clock.after),
        });
        return null;
      },
    }),
  ),
  {
    name: 'suspended process',
    async run(victim) {
      await victim.start();
      await survives(victim, {
        alarm: null,
        begin: async () => {
          process.kill(victim.pid, 'SIGSTOP');
          await sleep(5_000);
          process.kill(victim.pid, 'SIGCONT');
        },
        end: () => undefined,
      });
      return null;
    },
  },
  {
    name: 'no /dev/shm',
    async run(victim) {
      const hide = 'mount -t tmpfs -o ro,mode=000 tmpfs /dev/shm && exec "$@"';
      const wrapper = ['unshare', '--mount', 'sh', '-c', hide, 'sh'];
      if (spawnSync(wrapper[0]!, [...wrapper.slice(1), 'true']).status !== 0) return NO_MOUNT;
      await victim.start({ wrapper });
      await survives(victim, { alarm: null, begin: () => undefined, end: () => undefined });
      return null;
    },
  },
];

/** Takes all the room there is. */
function fill(path: string): void {
  writeFileSync(path, '');
  for (;;) {
    const { bavail, bsize } = statfsSync(path);
    if (bavail === 0) return;
    try {
      writeFileSync(path, Buffer.alloc(bavail * bsize), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}

function remount(folder: string, how: 'ro' | 'rw'): void {
  const { status, stderr } = spawnSync('mount', ['-o', `remount,${how}`, folder]);
  if (status !== 0) throw new Error(String(stderr));
}

/** From now on each allocation of memory by a process fails. */
function noMoreMemory(pid: number): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', `${pid}`, '--as=1000000:']);
  if (status !== 0) throw new Error(String(stderr));
}

function limitFiles(pid: number, count: number): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', `${pid}`, `--nofile=${count}:`]);
  if (status !== 0) throw new Error(String(stderr));
}

/** Another process keeps the database locked. @returns how to end that */
export async function lockDatabase(path: string, after: After): Promise<() => Promise<void>> {
  const script = `
    const Database = require('libsql');
    const database = new Database(process.argv[1]);
    database.exec('PRAGMA busy_timeout = 10000');
    database.exec('BEGIN EXCLUSIVE');
    process.stdout.write('locked');
    process.stdin.resume().on('end', () => { database.exec('ROLLBACK'); process.exit(0); });`;
  const child = spawn(process.execPath, ['-e', script, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return async () => {
    const exited = once(child, 'exit');
    child.stdin.end();
    await exited;
  };
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
      return children.split(' ').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
}

/** A process that the daemon has started; null: there is none for 10 s. */
async function childOf(pid: number): Promise<number | null> {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const [child] = childrenOf(pid);
    if (child !== undefined) return child;
    await sleep(10);
  }
  return null;
}
