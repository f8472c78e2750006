import { readings } from '../../../host/board-readings.js';
import { storageWorn } from '../../care/board-faults.js';
import { type DoctorContext, type Finding, failed, ok, skipped, warning } from '../doctor-check.js';

/** How much of its life the storage has used, and whether the kernel has counted errors on it. */
export async function checkWear({ roots }: DoctorContext): Promise<Finding[]> {
  const { wear } = readings({ procRoot: roots.proc, sysRoot: roots.sys });
  const { lifeUsedPercent: life, reserve, fileSystemErrors: errors } = wear;
  if (life === null && reserve === null && errors === null) {
    return [skipped('the storage of this board reports no wear')];
  }
  const facts = { ...wear };
  const worn = storageWorn(wear);
  if (worn !== null) {
    const isSpent = reserve === 'urgent' || (life !== null && life > 100);
    return [isSpent ? failed(worn, { facts }) : warning(worn, { facts })];
  }
  const age =
    life === null
      ? 'the storage does not report its age, as most SD cards'
      : `${life} % of its life used`;
  return [ok(errors === null ? age : `${age}, no errors of the file system`, { facts })];
}
