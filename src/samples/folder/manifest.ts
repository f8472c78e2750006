import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fileProblem, isFileError } from '../../base/files/file-problem.js';
import { isPosition, type Position, positionFields } from '../../base/geo/position.js';
import { decodeText } from '../../base/words/text.js';
import { EXCLUSIONS, type Sample } from '../sample.js';

/** Manifest of an export, beside its class folders: one JSON object per line. */
export const MANIFEST_FILE = 'samples.jsonl';
/** Manifest of an export whose labels are in the files of an annotation tool. */
export const ANNOTATED_MANIFEST_FILE = 'headland-samples.jsonl';

const lineSchema = z.object({
  schema: z.literal(1),
  /** Relative to the exported folder, with "/". */
  file: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  id: z.string().min(1),
  label: z.string().nullable(),
  label_source: z.enum(['import', 'mqtt', 'cli', 'console', 'button']).nullable(),
  labelled_at_ms: z.int().nullable(),
  /** Why the task neither learns from it nor asks about it; absent: it does. */
  excluded: z.enum(EXCLUSIONS).optional().catch(undefined),
  group: z.string().min(1).max(256),
  holdout: z.boolean(),
  /** Held out at the user's request. */
  kept: z.boolean().optional(),
  source: z.string().min(1).max(256),
  captured_at_ms: z.int(),
  origin: z.string().min(1).max(4_096).nullable(),
  multiplicity: z.int().min(1),
  /** Where it was captured; absent: not known. */
  position: z
    .object({
      latitude: z.number(),
      longitude: z.number(),
      accuracy_meters: z.number().nullable(),
      altitude_meters: z.number().nullable(),
      speed_meters_per_second: z.number().nullable(),
      course_degrees: z.number().nullable(),
    })
    .optional()
    .catch(undefined),
});

export type ManifestEntry = z.infer<typeof lineSchema>;

/**
 * Ending of a sidecar: the manifest entry of one picture as a file beside it. `headland sync`
 * writes them, because a store of objects cannot append to a manifest.
 */
export const SIDECAR_ENDING = '.sample.json';

export function manifestLine(sample: Sample, file: string): string {
  return `${JSON.stringify(manifestEntry(sample, file))}\n`;
}

/** @param file name of the picture, relative to the folder of the manifest or sidecar */
export function manifestEntry(sample: Sample, file: string): ManifestEntry {
  const exclusion = EXCLUSIONS.find((reason) => reason === sample.state);
  return {
    schema: 1,
    file,
    sha256: sample.pictureSha256,
    id: sample.id,
    label: sample.label,
    label_source: sample.labelSource,
    labelled_at_ms: sample.labelledAtMs,
    ...(exclusion ? { excluded: exclusion } : {}),
    group: sample.group,
    holdout: sample.holdout,
    ...(sample.kept ? { kept: true } : {}),
    source: sample.source,
    captured_at_ms: sample.capturedAtMs,
    origin: sample.origin,
    multiplicity: sample.multiplicity,
    ...(sample.position ? { position: positionFields(sample.position) } : {}),
  };
}

/** A position that an export recorded; null: none, or none that is possible. */
export function restoredPosition(entry: ManifestEntry | null): Position | null {
  if (!entry?.position) return null;
  const { latitude, longitude, ...rest } = entry.position;
  const position: Position = {
    latitude,
    longitude,
    accuracyMeters: rest.accuracy_meters,
    altitudeMeters: rest.altitude_meters,
    speedMetersPerSecond: rest.speed_meters_per_second,
    courseDegrees: rest.course_degrees,
  };
  return isPosition(position) ? position : null;
}

/** Reads one line of a manifest, or a sidecar; null: it is none. */
export function readManifestEntry(text: string): ManifestEntry | null {
  return lineSchema.safeParse(parseLine(text)).data ?? null;
}

export interface Manifest {
  /** Its name, for messages. */
  file: string;
  /** By SHA-256 of the picture, so that a file moved to another class is still recognised. */
  entries: Map<string, ManifestEntry>;
  /** Numbers (from 1) of invalid lines. */
  badLines: number[];
  /** Why the manifest cannot be read, in words that follow its name; null: it can. */
  fault: string | null;
}

/** Reads the manifest of an exported folder; a folder without one has no entries. */
export async function readManifest(dir: string): Promise<Manifest> {
  const ofFolders = await readOne(dir, MANIFEST_FILE);
  return ofFolders ?? (await readOne(dir, ANNOTATED_MANIFEST_FILE)) ?? emptyManifest(MANIFEST_FILE);
}

/** Names of the folders at the top of an export. */
export function classFoldersOf({ entries }: Manifest): Set<string> {
  return new Set([...entries.values()].map(({ file }) => file.split('/', 1)[0] ?? ''));
}

function emptyManifest(file: string): Manifest {
  return { file, entries: new Map(), badLines: [], fault: null };
}

/** Null: there is no such file. */
async function readOne(dir: string, file: string): Promise<Manifest | null> {
  const manifest = emptyManifest(file);
  const bytes = await readFile(join(dir, file)).catch((error: unknown) => {
    if (isFileError(error) && error.code === 'ENOENT') return null;
    if (!isFileError(error)) throw error;
    manifest.fault = `cannot be read: ${fileProblem(error)}`;
    return Buffer.alloc(0);
  });
  if (bytes === null) return null;
  const decoded = decodeText(bytes);
  if (decoded.encoding === 'unknown') manifest.fault = decoded.fault;
  (decoded.text ?? '').split('\n').forEach((line, index) => {
    if (line.trim() === '') return;
    const entry = readManifestEntry(line);
    if (entry !== null) manifest.entries.set(entry.sha256, entry);
    else manifest.badLines.push(index + 1);
  });
  return manifest;
}

function parseLine(line: string): unknown {
  try {
    const entry = JSON.parse(line);
    // An export of a headland that called the holdout the exam.
    return { ...entry, holdout: entry.holdout ?? entry.exam };
  } catch {
    return undefined;
  }
}
