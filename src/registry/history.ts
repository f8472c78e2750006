import { z } from 'zod';
import { appendLineDurably, writeFileDurably } from '../base/files/durable-files.js';
import { clearPlace, isMissing, moveAside, readRegular } from './whole-files.js';

/** A longer journal is cut to the second number; nobody rolls back further than that. */
const COMPACT_ABOVE_RECORDS = 1_000;
const COMPACT_TO_RECORDS = 500;

/** Who or what can switch the serving head, or pin it. */
export const SWITCHERS = [
  'training',
  'shadow',
  'mqtt',
  'cli',
  'console',
  'button',
  'fleet',
] as const;
export type Switcher = (typeof SWITCHERS)[number];

const recordSchema = z.object({
  /** ISO 8601, UTC. */
  at: z.string(),
  /**
   * `promoted` and `rolled-back`: on request; `fell-back`: the version of the pointer could not
   * serve; `withdrawn`: promoted, but perception did not take it; `found`: the head was switched,
   * but a power cut prevented the record.
   */
  event: z.enum(['promoted', 'rolled-back', 'fell-back', 'withdrawn', 'found']),
  /** The version that serves after the switch; null: none. */
  version: z.int().min(1).nullable(),
  /** The version that served before; null: none. */
  previous: z.int().min(1).nullable(),
  /** Who or what switched; absent: an earlier headland did not note it. */
  by: z.enum(SWITCHERS).optional(),
});

const pinSchema = z.object({
  /** ISO 8601, UTC. */
  at: z.string(),
  event: z.enum(['pinned', 'unpinned']),
  /** The version that stays, or stayed. */
  version: z.int().min(1),
  by: z.enum(SWITCHERS).optional(),
});

/** One switch of the serving head. */
export type HistoryRecord = z.infer<typeof recordSchema>;
/** The serving head was pinned, or it was set free. */
export type PinRecord = z.infer<typeof pinSchema>;

/**
 * Reads every whole record of a switch. A line that a power cut left torn is skipped, and so is a journal
 * that cannot be read: the pointer file, not this journal, decides which version serves.
 */
export async function readHistory(path: string): Promise<HistoryRecord[]> {
  return readRecords(path, recordSchema);
}

/** The records of pins, oldest first. */
export function readPins(path: string): Promise<PinRecord[]> {
  return readRecords(path, pinSchema);
}

async function readRecords<T>(path: string, schema: z.ZodType<T>): Promise<T[]> {
  const text = await readRegular(path).then(String, () => '');
  return text.split('\n').flatMap((line) => {
    try {
      const parsed = schema.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}

/** Appends one record; durable when it resolves. */
export function appendHistory(path: string, record: HistoryRecord | PinRecord): Promise<void> {
  return appendLineDurably(path, JSON.stringify(record), 0o644);
}

/**
 * Moves a journal aside that has no readable record, or that is no file. Only at start.
 * @throws the error of the file system when it cannot be read or renamed
 */
export async function setAsideUnreadable(path: string): Promise<void> {
  await clearPlace(path);
  const text = await readRegular(path).then(String, (error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
  if (text.length === 0) return;
  const records = await readRecords(path, z.union([recordSchema, pinSchema]));
  if (records.length === 0) await moveAside(path);
}

/** Shortens the journal; only for the one process that may switch heads. */
export async function compactHistory(path: string): Promise<void> {
  const records = await readRecords(path, z.union([recordSchema, pinSchema]));
  if (records.length <= COMPACT_ABOVE_RECORDS) return;
  const lines = records.slice(-COMPACT_TO_RECORDS).map((record) => `${JSON.stringify(record)}\n`);
  await writeFileDurably(path, lines.join(''));
}

/**
 * The versions that rollback goes through, oldest first, the serving one last. A promotion pushes a
 * version; a rollback pops everything above its target. Two rollbacks in a row therefore go two
 * versions back instead of alternating.
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

/** Every version that ever served, ordered by its last switch. */
export function everServed(records: readonly HistoryRecord[]): number[] {
  const order = new Set<number>();
  for (const { version } of records) {
    if (version === null) continue;
    order.delete(version);
    order.add(version);
  }
  return [...order];
}
