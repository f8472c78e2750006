import { HeadlandError } from '../../../base/errors.js';
import { mountedDisk } from '../../../host/mounted-disk.js';
import { wearReadings } from '../../../host/wear-readings.js';
import { type Finding, failed, ok, type RobotContext, skipped, warning } from '../doctor-check.js';
import { inWords } from './in-words.js';

const WORN_SHARE = 0.9;

/** How much of its life the disk of the state has used, and whether the kernel counts errors on it. */
export async function checkWear({ config, roots }: RobotContext): Promise<Finding[]> {
  const { device } = mountedDisk(config.paths.stateDir, roots.proc);
  const wear = device?.startsWith('/dev/') ? wearReadings(device, roots.sys) : null;
  if (wear === null) {
    return [skipped(`${device ?? 'the file system of the state'} reports no wear`)];
  }
  const { disk, usedLife, spare, fileSystemErrors, lifetimeWrittenBytes } = wear;
  const facts = { ...wear };
  const findings: Finding[] = [];
  if (fileSystemErrors !== null && fileSystemErrors > 0) {
    const message = `the kernel has counted ${fileSystemErrors} errors of the file system on ${device}`;
    const error = new HeadlandError('HL_DOCTOR_DISK_ERRORS', message, {
      remedy:
        'Back up the state, have the disk checked at the next start (`touch /forcefsck`; `fsck -f` from another system), and replace it if the errors come back.',
    });
    findings.push(warning(error, { facts }));
  }
  const isSpent = spare === 'urgent' || (usedLife !== null && usedLife > 1);
  if (isSpent || spare === 'low' || (usedLife !== null && usedLife >= WORN_SHARE)) {
    const life = usedLife === null ? 'unknown' : `${Math.round(usedLife * 100)} %`;
    const message = `${disk} is worn: used life ${life}, spare blocks ${spare ?? 'unknown'}`;
    const error = new HeadlandError('HL_DOCTOR_DISK_WORN', message, {
      remedy: 'Back up the state and replace the card or module.',
    });
    findings.push(isSpent ? failed(error, { facts }) : warning(error, { facts }));
  }
  if (findings.length > 0) return findings;
  const said = [
    usedLife === null
      ? `${disk} does not report its age, as most SD cards`
      : `${disk} has used ${Math.round(usedLife * 100)} % of its life`,
    ...(lifetimeWrittenBytes === null ? [] : [`${inWords(lifetimeWrittenBytes)} written in all`]),
    ...(fileSystemErrors === null ? [] : ['no errors of the file system']),
  ];
  return [ok(said.join(', '), { facts })];
}
