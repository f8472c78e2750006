import { totalmem } from 'node:os';
import { HeadlandError } from '../../../base/errors.js';
import { readings } from '../../../host/board-readings.js';
import { type DoctorContext, type Finding, ok, skipped, warning } from '../doctor-check.js';
import { inWords } from './in-words.js';

/** With less, the kernel is about to end processes. */
const LOW_BYTES = 100_000_000;
const NEAR_LIMIT = 0.95;

/** Memory of the board, and the limit of the unit. */
export async function checkMemory({ roots, unit }: DoctorContext): Promise<Finding[]> {
  const { memoryAvailableBytes: available } = readings({ procRoot: roots.proc });
  if (available === null) return [skipped('the kernel does not tell the memory')];
  const total = totalmem();
  const service = await unit();
  const { memoryMaxBytes: limit, memoryBytes: used } = service ?? {
    memoryMaxBytes: null,
    memoryBytes: null,
  };
  const facts = {
    totalBytes: total,
    availableBytes: available,
    limitBytes: limit,
    usedBytes: used,
  };
  const shown = `${inWords(available)} of ${inWords(total)} available`;
  const findings: Finding[] = [];
  if (available < LOW_BYTES) {
    const error = new HeadlandError('HL_DOCTOR_MEMORY_LOW', `only ${shown}`, {
      remedy: 'End other programs, lower samples.recentMaxBytes, or use a board with more memory.',
    });
    findings.push(warning(error, { facts }));
  }
  if (limit !== null && limit > total) {
    const message = `the unit may use ${inWords(limit)}, but the board has ${inWords(total)}`;
    const error = new HeadlandError('HL_DOCTOR_MEMORY_LIMIT', message, {
      remedy:
        'Run `systemctl edit headland` and write, on a board with 1 GB: [Service], MemoryHigh=500M, MemoryMax=650M. Then set training.maxOldSpaceMegabytes to 256.',
    });
    findings.push(warning(error, { facts }));
  } else if (limit !== null && used !== null && used > limit * NEAR_LIMIT) {
    const message = `the service uses ${inWords(used)} of the ${inWords(limit)} of its unit`;
    const error = new HeadlandError('HL_DOCTOR_MEMORY_LIMIT', message, {
      remedy: 'Raise MemoryHigh= and MemoryMax= of the unit, or lower samples.recentMaxBytes.',
    });
    findings.push(warning(error, { facts }));
  }
  const ofUnit = limit === null ? '' : `, the unit may use ${inWords(limit)}`;
  return findings.length > 0 ? findings : [ok(`${shown}${ofUnit}`, { facts })];
}
