import { HeadlandError } from '../../base/errors.js';
import { firstSentence, type Message } from '../../base/words/message.js';
import type { BRAIN } from '../../console/contract/brain-contract.js';
import type { AnswerOf } from '../../console/contract/contract.js';
import { verdictOf } from '../../gate/verdict.js';
import type { HeadCard } from '../../registry/head-card.js';
import type { HeadRegistry } from '../../registry/registry.js';
import type { StoredReport } from '../../training/stored-report.js';
import type { AnswerBook } from './answer-book.js';
import type { ExportSettings } from './export-head.js';
import type { OnnxExport } from './onnx-export.js';
import { type TimelineFacts, timelineOf } from './timeline.js';
import { versionComparison, versionReport } from './version-report.js';

/** As many as the log of reports keeps. */
const MOST_REPORTS = 200;

export interface TaskBrainParts {
  robot: string;
  task: string;
  heads: HeadRegistry;
  answers: AnswerBook;
  /** Newest first. */
  reports: (limit: number) => StoredReport[];
  /** Id of the newest report: it tells whether there are new ones. */
  newestReport: () => string | null;
  /** Version of the head that serves; null: none. */
  serving: () => number | null;
  exporter: OnnxExport;
  exportSettings: () => ExportSettings;
}

type Answer<Key extends keyof typeof BRAIN> = AnswerOf<Key>;
type Curve = Answer<'GET /api/brain/curve'>;

/** What the page shows of the versions and trainings of one task. */
export class TaskBrain {
  #reports: { newest: string | null; all: StoredReport[] } = { newest: null, all: [] };

  constructor(private readonly parts: TaskBrainParts) {}

  /** @param before ISO 8601: only older entries; default: all */
  async timeline(limit: number, before?: string): Promise<Answer<'GET /api/brain/timeline'>> {
    const facts = await this.#facts();
    const older = timelineOf(facts).filter(({ at }) => before === undefined || at < before);
    const { serving, pinned } = facts;
    return { entries: older.slice(0, limit), more: older.length > limit, serving, pinned };
  }

  /** @throws HeadlandError HL_HEAD_UNKNOWN_VERSION, HL_HEAD_INVALID */
  async version(
    version: number,
  ): Promise<Omit<Answer<'GET /api/brain/versions/{version}'>, 'head'> & { card: HeadCard }> {
    const { heads, answers } = this.parts;
    const { card } = await heads.load(version);
    const report = this.#allReports().find(({ result }) => result?.version === version) ?? null;
    const found = await answers.of(version);
    const verdict = report?.verdict ?? (await this.#verdict(card));
    return { card, ...versionReport(card, found, report, verdict) };
  }

  async curve(): Promise<Curve> {
    const points: Curve['points'] = [];
    for (const entry of timelineOf(await this.#facts())) {
      if (entry.kind !== 'training' || entry.version === null || entry.labels === null) continue;
      const { version, at, labels, outcome, basis, macroF1, accuracy } = entry;
      if (!basis || !macroF1 || !accuracy) continue;
      points.push({ version, at, labels, outcome, basis, macroF1, accuracy });
    }
    return { points: points.reverse() };
  }

  /** @throws HeadlandError HL_HEAD_UNKNOWN_VERSION, HL_HEAD_INVALID, HL_HEAD_NO_ANSWERS */
  async compare(a: number, b: number): Promise<Answer<'GET /api/brain/compare'>> {
    const [before, now] = [await this.#answersOf(a), await this.#answersOf(b)];
    return versionComparison(before, now);
  }

  /** @throws HeadlandError HL_HEAD_UNKNOWN_VERSION, HL_HEAD_INVALID, HL_EXPORT_…, HL_MODEL_… */
  async onnx(version: number): Promise<{ fileName: string; bytes: Uint8Array }> {
    const { robot, task, heads, exporter, exportSettings } = this.parts;
    const bytes = await exporter.make({
      headsDir: heads.dir,
      version,
      settings: exportSettings(),
    });
    return { fileName: `headland-${robot}-${task}-v${version}.onnx`, bytes };
  }

  async #answersOf(version: number) {
    const found = await this.parts.answers.of(version);
    if (found) return found;
    throw new HeadlandError(
      'HL_HEAD_NO_ANSWERS',
      `the answers of head ${version} to the samples are not stored`,
      {
        remedy:
          'Compare versions that this headland has trained: an earlier one stored no answers.',
        details: { version },
      },
    );
  }

  async #facts(): Promise<TimelineFacts> {
    const { heads, serving } = this.parts;
    const [listed, { switches, pins }, pinned] = await Promise.all([
      heads.list(),
      heads.history(),
      heads.pinned(),
    ]);
    const cards = listed.flatMap(({ card }) => card ?? []);
    return { reports: this.#allReports(), cards, switches, pins, serving: serving(), pinned };
  }

  #allReports(): StoredReport[] {
    const { reports, newestReport } = this.parts;
    const newest = newestReport();
    if (newest === null || newest !== this.#reports.newest) {
      this.#reports = { newest, all: reports(MOST_REPORTS) };
    }
    return this.#reports.all;
  }

  /** The verdict on a version without a report, from the record of the gate. */
  async #verdict({ version, gate, trust }: HeadCard): Promise<Message> {
    const record = await this.parts.heads.gateRecord(version);
    if (record) return verdictOf(record.input, record.decision, trust?.level ?? null);
    const text = firstSentence(gate.reason);
    return { key: 'verdict.earlier', values: { text }, text };
  }
}
