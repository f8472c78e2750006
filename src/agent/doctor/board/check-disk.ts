import { HeadlandError } from '../../../base/errors.js';
import { fileProblem } from '../../../base/files/file-problem.js';
import { type MountedDisk, mountedDisk } from '../../../host/mounted-disk.js';
import { type Finding, failed, ok, type RobotContext, warning } from '../doctor-check.js';
import { foreignFiles } from './foreign-files.js';
import { inWords } from './in-words.js';

/** Below these, the database cannot grow, or soon will not. */
const FULL_BYTES = 20_000_000;
const LOW_BYTES = 500_000_000;
const LOW_INODES = 1_000;

const FREE_SPACE =
  'Free space on this disk, or set the path to a folder on a larger one: paths.stateDir, paths.cacheDir.';

/** Space, file entries and access on the disks of the state and the cache. */
export async function checkDisk(context: RobotContext): Promise<Finding[]> {
  const { stateDir, cacheDir } = context.config.paths;
  const findings = [
    { setting: 'paths.stateDir', path: stateDir },
    { setting: 'paths.cacheDir', path: cacheDir },
  ].map(({ setting, path }) => judge(setting, path, context));
  const { root, files } = foreignFiles(stateDir);
  if (files.length > 0) {
    const error = new HeadlandError(
      'HL_DOCTOR_FOREIGN_FILES',
      `${files[0]} belongs to another user than ${root}: the daemon may not be able to use it`,
      { remedy: `Run: chown -R --reference=${root} ${root}`, details: { files } },
    );
    findings.push(warning(error, { subject: 'paths.stateDir' }));
  }
  return findings;
}

function judge(subject: string, path: string, { config, roots }: RobotContext): Finding {
  const disk = readDisk(path, roots.proc);
  const facts = { ...disk };
  const free = `${inWords(disk.freeBytes)} of ${inWords(disk.totalBytes)} free on the disk of ${path}`;
  if (disk.readOnly) {
    const error = new HeadlandError(
      'HL_DOCTOR_DISK_READ_ONLY',
      `the disk of ${path} is mounted read-only`,
      {
        remedy:
          'Look for errors of the disk in the kernel log (`dmesg`), then mount it read-write: `mount -o remount,rw` and its mount point. Or set the path to a folder on another disk.',
      },
    );
    return failed(error, { subject, facts });
  }
  const inodesLow = disk.freeInodes !== null && disk.freeInodes < LOW_INODES;
  const what = inodesLow ? `${disk.freeInodes} file entries left (inodes); ${free}` : free;
  const error = new HeadlandError('HL_DOCTOR_DISK_LOW', what, { remedy: FREE_SPACE });
  if (disk.freeBytes < FULL_BYTES || disk.freeInodes === 0) {
    return failed(error, { subject, facts });
  }
  if (disk.freeBytes < LOW_BYTES || inodesLow) return warning(error, { subject, facts });
  const quota = config.samples.maxPictureStoreBytes;
  if (subject === 'paths.stateDir' && quota > disk.totalBytes) {
    const tooMuch = `images may take ${inWords(quota)}, but the disk of ${path} has ${inWords(disk.totalBytes)}`;
    const limit = new HeadlandError('HL_DOCTOR_QUOTA_TOO_LARGE', tooMuch, {
      remedy: 'Lower samples.maxPictureStoreBytes.',
    });
    return warning(limit, { subject, facts });
  }
  return ok(free, { subject, facts });
}

/** @throws HeadlandError HL_STATE_UNWRITABLE */
function readDisk(path: string, procRoot: string): MountedDisk {
  try {
    return mountedDisk(path, procRoot);
  } catch (cause) {
    throw new HeadlandError(
      'HL_STATE_UNWRITABLE',
      `the disk of ${path} does not answer: ${fileProblem(cause)}`,
      {
        remedy: 'Set paths.stateDir, or --state, to a folder that this user may create or write.',
        cause,
      },
    );
  }
}
