import { z } from 'zod';
import type { AlarmName, AlarmSwitch } from '../../base/alarms.js';
import { HeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { DEFAULT_TASK } from '../../base/words/task.js';
import type { StoredHead } from '../../registry/version-directory.js';
import type { TaskMeta } from '../../storage/meta-table.js';
import type { TrainingReport } from '../../training/report.js';
import type { LostHead } from './head-service.js';

const MEMORY_KEY = 'head.serving';

const memorySchema = z.object({
  /** The head that serves; null: none. */
  version: z.int().nullable(),
  /** The damage that it stands in for; null: it is the head that should serve. */
  lost: z.object({ version: z.int().nullable(), why: z.string(), isEmpty: z.boolean() }).nullable(),
});
type Memory = z.infer<typeof memorySchema>;

export interface HeadDamageParts {
  task: string;
  meta: TaskMeta;
  alarms: AlarmSwitch;
  /** Makes a training due, for all labels after the revision. */
  retrain(learntRevision: number): void;
  log: Log;
}

/**
 * Raises the alarm `head` while a damaged head is replaced by an older one or by none, and makes a
 * training due that learns its labels again. The alarm ends when another head is chosen, or a training has
 * judged the labels and left the head that serves. It outlives a restart.
 */
export class HeadDamage {
  readonly #alarm: AlarmName;
  #isRaised = false;

  constructor(private readonly parts: HeadDamageParts) {
    // A robot without named tasks needs no word for its only one.
    this.#alarm = parts.task === DEFAULT_TASK ? 'head' : `head-${parts.task}`;
  }

  /**
   * Call it with each head that begins to serve.
   * @param lost the head that should serve instead; null: this one should
   */
  serving(stored: StoredHead | null, lost: LostHead | null): void {
    const before = this.#read();
    const version = stored?.card.version ?? null;
    const loss = newlyLost(lost, before) ?? stillLost(before, version);
    this.#keep({ version, lost: loss });
    if (loss === null) this.#mended();
    else this.#raise(loss, stored);
  }

  /** Call it at the end of each training. @param serves a head serves now */
  trained({ outcome }: Pick<TrainingReport, 'outcome'>, serves: number | null): void {
    if (!this.#isRaised || serves === null) return;
    if (outcome !== 'promoted' && outcome !== 'refused') return;
    this.#keep({ version: serves, lost: null });
    this.#mended();
  }

  #raise({ version, why }: LostHead, stored: StoredHead | null): void {
    const { alarms, retrain, log } = this.parts;
    const instead =
      stored === null ? 'no head serves' : `head ${stored.card.version} serves instead`;
    const which = version === null ? 'the serving head' : `head ${version}`;
    const error = headLost(`${which} is lost (${why}); ${instead}`, version);
    alarms.raise(this.#alarm, error, stored === null ? 'critical' : 'warning');
    this.#isRaised = true;
    try {
      retrain(stored?.card.labelRevision ?? 0);
    } catch (error) {
      log.warn({ err: messageOf(error) }, 'cannot store that the labels have to be learnt again');
    }
  }

  #mended(): void {
    this.#isRaised = false;
    this.parts.alarms.clear(this.#alarm);
  }

  #read(): Memory | null {
    try {
      const text = this.parts.meta.get(MEMORY_KEY);
      return text === null ? null : (memorySchema.safeParse(JSON.parse(text)).data ?? null);
    } catch {
      // A disk that cannot be read has its own alarm.
      return null;
    }
  }

  #keep(memory: Memory): void {
    try {
      const text = JSON.stringify(memory);
      if (text !== this.parts.meta.get(MEMORY_KEY)) this.parts.meta.set(MEMORY_KEY, text);
    } catch (error) {
      this.parts.log.debug({ err: messageOf(error) }, 'cannot store which head serves');
    }
  }
}

/** A folder without heads has lost one only if one has served. */
function newlyLost(lost: LostHead | null, before: Memory | null): LostHead | null {
  if (!lost?.isEmpty) return lost;
  const served = before?.version ?? null;
  return served === null ? null : { ...lost, version: served };
}

/** The loss that a head still stands in for after a restart; null: the head was chosen. */
function stillLost(before: Memory | null, version: number | null): LostHead | null {
  return before?.lost && before.version === version ? before.lost : null;
}

function headLost(message: string, version: number | null): HeadlandError {
  return new HeadlandError('HL_HEAD_LOST', message, {
    remedy:
      'Wait for the training that starts by itself, or train: `headland train`. The damaged files end with .corrupt, in the folder of the heads. Check the disk if this repeats: `headland doctor`.',
    details: { version },
  });
}
