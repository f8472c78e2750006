import { open, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { writeFileDurably } from '../base/durable-files.js';

/** Beyond the first the journal is rewritten with the second; nobody rolls back that far. */
const COMPACT_ABOVE_RECORDS = 1_000;
const COMPACT_TO_RECORDS = 500;

const recordSchema = z.object({
  /** ISO 8601, UTC. */
  at: z.string(),
  /**
   * `promoted` and `rolled-back` were asked for; `fell-back`: the version pointed at could not serve;
   * `withdrawn`: it was promoted but could not be put to work; `found`: the switch had happened
   * but the power went before it was written here.
   */
  event: z.enum(['promoted', 'rolled-back', 'fell-back', 'withdrawn', 'found']),
  /** The version that serves from here on; null: none. */
  version: z.int().min(1).nullable(),
  /** The version that served before; null: none. */
  previous: z.int().min(1).nullable(),
});

/** One switch of the serving head. */
export type HistoryRecord = z.infer<typeof recordSchema>;

/**
 * Reads every whole record; a line that a power cut tore is passed over, because the pointer file,
 * not this journal, says what serves.
 */
export async function readHistory(path: string): Promise<HistoryRecord[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text.split('\n').flatMap((line) => {
    try {
      const parsed = recordSchema.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}

/** Appends one record and waits until it is on the disk. */
export async function appendHistory(path: string, record: HistoryRecord): Promise<void> {
  const file = await open(path, 'a+', 0o644);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    // A torn last line must not swallow the next record.
    const lead = size > 0 && last.toString() !== '\n' ? '\n' : '';
    await file.write(`${lead}${JSON.stringify(record)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Keeps the journal short; only for the one process that may switch heads. */
export async function compactHistory(path: string): Promise<void> {
  const records = await readHistory(path);
  if (records.length <= COMPACT_ABOVE_RECORDS) return;
  const lines = records.slice(-COMPACT_TO_RECORDS).map((record) => `${JSON.stringify(record)}\n`);
  await writeFileDurably(path, lines.join(''));
}

/**
 * The versions that rollback can go through, oldest first, the serving one last. A promotion puts
 * a version on top; going back takes off everything above the target, so that two rollbacks in a
 * row go two versions back instead of to and fro.
 */
export function servingStack(records: readonly HistoryRecord[]): number[] {
  const stack: number[] = [];
  for (const { event, version } of records) {
    if (version === null) stack.length = 0;
    else if (event === 'promoted' || event === 'found') {
      if (stack.at(-1) !== version) stack.push(version);
    } else if (stack.includes(version)) stack.length = stack.lastIndexOf(version) + 1;
    else stack.push(version);
  }
  return stack;
}

/** Every version that ever served, the one that served last at the end. */
export function everServed(records: readonly HistoryRecord[]): number[] {
  const order = new Set<number>();
  for (const { version } of records) {
    if (version === null) continue;
    order.delete(version);
    order.add(version);
  }
  return [...order];
}
