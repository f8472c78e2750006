import { isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { type AnswerMarks, markAnswers } from '../../gate/answers/answer-marks.js';
import {
  type PresentAnswer,
  presentAnswers,
  type StoredAnswers,
} from '../../gate/answers/sample-answer.js';
import { answerProbability } from '../../head/unknown/conformal.js';
import type { HeadRegistry } from '../../registry/registry.js';
import type { StoredHead } from '../../registry/version-directory.js';
import type { SampleStore } from '../../samples/store.js';

/** Versions that are kept in memory: two are compared. */
const KEPT = 2;

export interface AnswerBookParts {
  heads: Pick<HeadRegistry, 'list' | 'load' | 'answers'>;
  samples: Pick<SampleStore, 'presentLabels' | 'presentLabelsStamp' | 'namesSince'>;
  /** The setting `inference.maxErrorShare`. */
  maxErrorShare: number;
  log: Log;
}

/** What one head answered to the samples that have a label now. */
export interface VersionAnswers {
  stored: StoredHead;
  /** Version of the head that it was compared with; null: none. */
  champion: number | null;
  answers: PresentAnswer[];
  byId: ReadonlyMap<string, PresentAnswer>;
  /** By sample id, only of samples with a mark. */
  marks: ReadonlyMap<string, AnswerMarks>;
}

/**
 * What the heads of a task answered to its labelled samples, as their trainings stored it, with the
 * labels of now. A label that changed or went since then is respected.
 */
export class AnswerBook {
  readonly #kept = new Map<string, VersionAnswers>();

  constructor(private readonly parts: AnswerBookParts) {}

  /**
   * @param version default: the newest whose answers are stored
   * @returns null when its answers are not stored, or there is no such version by default
   * @throws HeadlandError HL_HEAD_UNKNOWN_VERSION, HL_HEAD_INVALID, HL_STORE_…
   */
  async of(version?: number): Promise<VersionAnswers | null> {
    if (version !== undefined) return this.#read(version);
    const listed = await this.parts.heads.list();
    for (const { version: each, card } of listed.reverse()) {
      if (!card) continue;
      const found = await this.#readOrSkip(each);
      if (found) return found;
    }
    return null;
  }

  async #readOrSkip(version: number): Promise<VersionAnswers | null> {
    try {
      return await this.#read(version);
    } catch (error) {
      if (!isHeadlandError(error, 'HL_HEAD_INVALID')) throw error;
      this.parts.log.warn({ version, code: error.code }, 'cannot read the answers of a head');
      return null;
    }
  }

  async #read(version: number): Promise<VersionAnswers | null> {
    const { heads, samples } = this.parts;
    const key = `${version} ${samples.presentLabelsStamp()}`;
    const known = this.#kept.get(key);
    if (known) return known;
    const found = await heads.answers(version);
    if (!found) return null;
    const read = this.#present(await heads.load(version), found);
    this.#kept.set(key, read);
    for (const oldest of [...this.#kept.keys()].slice(0, -KEPT)) this.#kept.delete(oldest);
    return read;
  }

  #present(stored: StoredHead, { champion, answers: all }: StoredAnswers): VersionAnswers {
    const { samples, maxErrorShare } = this.parts;
    const present = new Map(samples.presentLabels().map((sample) => [sample.id, sample]));
    const names = samples.namesSince(stored.card.labelRevision ?? 0);
    const answers = presentAnswers(all, present, names);
    const sureFrom = answerProbability(stored.head.leftOutConfidences ?? [], maxErrorShare);
    return {
      stored,
      champion,
      answers,
      byId: new Map(answers.map((answer) => [answer.id, answer])),
      marks: markAnswers(answers, sureFrom),
    };
  }
}
