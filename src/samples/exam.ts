import { createHash } from 'node:crypto';

/**
 * True when the group belongs to the exam: the first 6 bytes of the SHA-256 of its id (UTF-8),
 * read as a fraction of 2^48, lie below the share. It depends on the group alone: neither the
 * order of arrival nor the other groups move it, and a greater share only ever adds groups.
 * @param examShare 0..1
 */
export function isExamGroup(group: string, examShare: number): boolean {
  const fraction = createHash('sha256').update(group, 'utf8').digest().readUIntBE(0, 6) / 2 ** 48;
  return fraction < examShare;
}
