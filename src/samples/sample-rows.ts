import { DEFECT_REMEDY, HeadlandError } from '../base/errors.js';
import { isPosition, type Position } from '../base/geo/position.js';
import {
  EXCLUSIONS,
  type Exclusion,
  type LabelSource,
  type NewSample,
  type Sample,
} from './sample.js';

/** Facts about a sample that an import restores from an export. */
export interface RestoredFacts {
  /**
   * Whether the group was held out; a group that is already decided in the store keeps its side.
   */
  holdout?: boolean;
  /** Always held out. */
  kept?: boolean;
  labelledAtMs?: number;
  multiplicity?: number;
  /** Only of a sample without a label. */
  excluded?: Exclusion;
}

/** State of a row of `task_samples t`. */
export const STATE_COLUMN =
  "coalesce(t.excluded, CASE WHEN t.label IS NULL THEN 'waiting' ELSE 'labelled' END)";
/** A row of `task_samples t` that waits for a label. */
export const IS_WAITING = 't.label IS NULL AND t.excluded IS NULL';

/** A row of {@link SAMPLE_TABLES_JOINED}, as {@link SAMPLE_COLUMNS} selects it. */
export type SampleRow = Omit<Sample, 'holdout' | 'kept' | 'position'> & {
  holdout: number;
  kept: number;
} & PositionColumns;

/** All null where the position is not known. */
type PositionColumns = { [K in keyof Position]: Position[K] | null };

export const SHARED_COLUMNS = `s.group_name AS "group", s.source, s.captured_at_ms AS capturedAtMs, s.origin, s.dhash, s.picture_sha256 AS pictureSha256,
  s.picture_bytes AS pictureBytes, s.multiplicity,
  s.latitude, s.longitude, s.accuracy_meters AS accuracyMeters,
  s.altitude_meters AS altitudeMeters, s.speed_meters_per_second AS speedMetersPerSecond,
  s.course_degrees AS courseDegrees`;

export const SAMPLE_COLUMNS = `s.id, ${STATE_COLUMN} AS state, t.label,
  t.label_source AS labelSource, t.labelled_at_ms AS labelledAtMs, g.holdout, g.kept,
  ${SHARED_COLUMNS}`;

/** Of a sample (`samples s`) that is none of the task's. */
export const FOREIGN_COLUMNS = `s.id, 'waiting' AS state, NULL AS label, NULL AS labelSource,
  NULL AS labelledAtMs, 0 AS holdout, 0 AS kept, ${SHARED_COLUMNS}`;

/** The samples of all tasks; restrict `t.task`. */
export const SAMPLE_TABLES_JOINED = `task_samples t JOIN samples s ON s.id = t.sample_id
  JOIN task_groups g ON g.task = t.task AND g.name = s.group_name`;

/** The same for samples that wait, or have one label. */
export const LABEL_TABLES_JOINED = SAMPLE_TABLES_JOINED.replace(
  'task_samples t',
  'task_samples t INDEXED BY task_samples_by_label',
);

/** The same for samples of one group. */
export const GROUP_TABLES_JOINED = `samples s CROSS JOIN task_samples t ON t.sample_id = s.id
  CROSS JOIN task_groups g ON g.task = t.task AND g.name = s.group_name`;

const MAX_NAME_CHARACTERS = 256;
export const MAX_ORIGIN_CHARACTERS = 4_096;
const LABEL_SOURCES: readonly LabelSource[] = ['import', 'mqtt', 'cli', 'console', 'button'];

export function toSample(row: SampleRow): Sample {
  const {
    latitude,
    longitude,
    accuracyMeters,
    altitudeMeters,
    speedMetersPerSecond,
    courseDegrees,
    ...rest
  } = row;
  const position =
    latitude === null || longitude === null
      ? null
      : {
          latitude,
          longitude,
          accuracyMeters,
          altitudeMeters,
          speedMetersPerSecond,
          courseDegrees,
        };
  return { ...rest, holdout: row.holdout === 1, kept: row.kept === 1, position };
}

export function isExcluded({ state }: Pick<Sample, 'state'>): boolean {
  return (EXCLUSIONS as readonly string[]).includes(state);
}

export function isLabelSource(value: unknown): value is LabelSource {
  return (LABEL_SOURCES as readonly unknown[]).includes(value);
}

/**
 * Rejects a sample with invalid fields.
 * @throws HeadlandError HL_SAMPLE_INVALID
 */
export function checkNewSample(sample: NewSample): void {
  const { jpeg, label, labelSource, group, source, capturedAtMs, origin, dhash, position } = sample;
  const fault =
    jpeg.length === 0
      ? 'its picture is empty'
      : label !== null && !isLabelSource(labelSource)
        ? `the source of its label is ${JSON.stringify(labelSource)}`
        : (nameFault('group', group, MAX_NAME_CHARACTERS) ??
          nameFault('source', source, MAX_NAME_CHARACTERS) ??
          (origin == null ? null : nameFault('origin', origin, MAX_ORIGIN_CHARACTERS)) ??
          (Number.isSafeInteger(capturedAtMs)
            ? null
            : `its time ${capturedAtMs} is not an integer`) ??
          (/^[0-9a-f]{16}$/.test(dhash) ? null : `its dhash "${dhash}" is not 16 hex digits`) ??
          (position == null || isPosition(position)
            ? null
            : `its position is ${JSON.stringify(position)}`));
  if (fault === null) return;
  throw new HeadlandError('HL_SAMPLE_INVALID', `the sample cannot be stored: ${fault}`, {
    remedy: DEFECT_REMEDY,
    details: { group, source, origin: origin ?? null, capturedAtMs },
  });
}

function nameFault(what: string, value: string, maxCharacters: number): string | null {
  if (value === '') return `its ${what} is empty`;
  if (value.length > maxCharacters) return `its ${what} is longer than ${maxCharacters} characters`;
  if (value.includes('\0')) return `its ${what} has a NUL character`;
  return null;
}
