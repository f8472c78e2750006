import { totalmem } from 'node:os';
import { join } from 'node:path';
import { HeadlandError } from '../../../base/errors.js';
import { readings } from '../../../host/board-readings.js';
import { readText } from '../../../host/read-text.js';
import type { ServiceUnit } from '../../../host/service-unit.js';
import { type DoctorContext, type Finding, ok, skipped, warning } from '../doctor-check.js';
import { inWords } from './in-words.js';

/** With less, the kernel is about to end processes. */
const LOW_BYTES = 100_000_000;
const NEAR_LIMIT = 0.95;
const MEBIBYTE = 1_048_576;
/** Shares of the memory of the board for the service; the rest is for the system and the camera. */
const HIGH_SHARE = 0.55;
const MAX_SHARE = 0.7;
/** `training.maxOldSpaceMegabytes` for a board with less memory than the limits of the unit. */
const SMALL_HEAP_SHARE = 0.25;
const SMALL_HEAP_MAX_MEBIBYTES = 256;

/** Memory of the board, and the limits of the unit. */
export async function checkMemory({ roots, unit }: DoctorContext): Promise<Finding[]> {
  const { memoryAvailableBytes: available } = readings({ procRoot: roots.proc });
  if (available === null) return [skipped('the kernel does not tell the memory')];
  const total = totalmem();
  const service = await unit();
  const limit = service?.memoryMaxBytes ?? null;
  const used = service === null ? null : neededBytes(service, roots.sys);
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
  // The kernel slows the service down at the lower of the two.
  const lower = Math.min(limit ?? Infinity, service?.memoryHighBytes ?? Infinity);
  if (limit !== null && limit > total) {
    const message = `the unit may use ${inWords(limit)}, but the board has ${inWords(total)}`;
    const error = new HeadlandError('HL_DOCTOR_MEMORY_LIMIT', message, {
      remedy: limitsFor(total),
    });
    findings.push(warning(error, { facts }));
  } else if (used !== null && used > lower * NEAR_LIMIT) {
    const message = `the service needs ${inWords(used)} of the ${inWords(lower)} of its unit`;
    const error = new HeadlandError('HL_DOCTOR_MEMORY_LIMIT', message, {
      remedy: 'Raise MemoryHigh= and MemoryMax= of the unit, or lower samples.recentMaxBytes.',
    });
    findings.push(warning(error, { facts }));
  }
  const ofUnit = limit === null ? '' : `, the unit may use ${inWords(limit)}`;
  return findings.length > 0 ? findings : [ok(`${shown}${ofUnit}`, { facts })];
}

function limitsFor(totalBytes: number): string {
  const share = (part: number): number => Math.floor((totalBytes * part) / MEBIBYTE);
  const heap = Math.min(SMALL_HEAP_MAX_MEBIBYTES, share(SMALL_HEAP_SHARE));
  return `Run \`systemctl edit headland\` and write: [Service], MemoryHigh=${share(HIGH_SHARE)}M, MemoryMax=${share(MAX_SHARE)}M. Then set training.maxOldSpaceMegabytes to ${heap}.`;
}

/** Memory of a service without the cache of files, which the kernel takes back; null: not counted. */
function neededBytes(
  { memoryBytes, controlGroup }: Pick<ServiceUnit, 'memoryBytes' | 'controlGroup'>,
  sys: string,
): number | null {
  if (memoryBytes === null || controlGroup === null) return memoryBytes;
  const text = readText(join(sys, 'fs/cgroup', controlGroup, 'memory.stat')) ?? '';
  const cached = [...text.matchAll(/^(?:in)?active_file (\d+)$/gm)];
  return memoryBytes - cached.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}
