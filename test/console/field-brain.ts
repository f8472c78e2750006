import { HeadlandError } from '../../src/base/errors.js';
import type {
  BRAIN,
  TimelineEntry,
  VerdictPair,
} from '../../src/console/contract/brain-contract.js';
import type { HandlersOf } from '../../src/console/handlers.js';
import type { FieldPicture } from './field-pictures.js';
import type { FieldSource } from './field-source.js';

type Handlers = HandlersOf<
  Exclude<
    keyof typeof BRAIN,
    'GET /api/reports' | 'GET /api/heads' | 'POST /api/retrain' | 'POST /api/rollback'
  >
>;
type VersionAnswer = ReturnType<Handlers['GET /api/brain/versions/{version}']>;

/** What a robot in memory tells about the versions that `source` has. */
export interface FieldBrain {
  pinned: number | null;
  handlers: Handlers;
}

const AT = Date.UTC(2026, 4, 20, 9, 30);
const LEVELS = ['beginner', 'useful', 'proven'] as const;

/** @param pictures the confusion follows from their answers @param level of the newest version */
export function createFieldBrain(
  source: FieldSource,
  pictures: readonly FieldPicture[],
  level: (typeof LEVELS)[number] = 'useful',
): FieldBrain {
  const at = (minutes: number) => new Date(AT + minutes * 60_000).toISOString();
  const interval = (value: number, spread: number) => ({
    value,
    low: Math.max(0, value - spread),
    high: Math.min(1, value + spread),
  });
  const judged = () => pictures.filter(({ label, answer }) => label !== null && answer !== null);
  const switches: TimelineEntry[] = [];
  const shareOf = (version: number) => (level === 'beginner' ? 0.33 : 0.5 + 0.09 * version);
  const spreadOf = (version: number) => (level === 'beginner' ? 0.27 : 0.3 / version);
  const trainings = (): TimelineEntry[] =>
    source.versions.map(({ version, serving }) => ({
      kind: 'training' as const,
      at: at(version * 30),
      trainingId: `training-${version}`,
      trigger: 'labels',
      outcome: version === 2 ? 'refused' : 'promoted',
      version,
      fleetVersion: null,
      verdict: verdictOf(version),
      trust: version === source.versions.length ? level : 'beginner',
      basis: 'holdout' as const,
      macroF1: interval(shareOf(version) - 0.03, spreadOf(version)),
      accuracy: interval(shareOf(version), spreadOf(version)),
      labels: 20 * version,
      durationMs: 8_000,
      served: [],
      serving,
      pinned: version === brain.pinned,
      stored: true,
    }));
  const verdictOf = (version: number) => {
    const values = { samples: 60, gained: 6, lost: 2, version: version - 1, right: 3 };
    const key = version === 1 ? 'first-beginner' : version === 2 ? 'refused-no-gain' : 'better';
    return { key: `verdict.${key}`, values, text: 'The verdict in English.' };
  };
  const pairs = (right: boolean): VerdictPair[] =>
    judged()
      .filter(({ answer, label }) => answer?.label !== label)
      .slice(0, right ? 4 : 2)
      .map(({ id, label, answer }) => {
        const truth = { label: label!, probability: 0.8 };
        return right
          ? { sampleId: id, label: label!, before: answer!, after: truth }
          : { sampleId: id, label: label!, before: truth, after: answer! };
      });
  const of = (version: number) => {
    const head = source.versions.find((each) => each.version === version);
    if (head !== undefined) return head;
    throw new HeadlandError('HL_HEAD_UNKNOWN_VERSION', `head ${version} is not kept`, {
      remedy: 'Choose a version that is listed.',
    });
  };
  const report = (version: number): Awaited<VersionAnswer> => {
    const labels = [...new Set(judged().map(({ label }) => label!))].sort();
    const counts = labels.map(() => labels.map(() => 0));
    for (const { label, answer } of judged()) {
      const row = counts[labels.indexOf(label!)]!;
      const column = labels.indexOf(answer!.label);
      if (column >= 0) row[column]! += 1;
    }
    return {
      version,
      head: of(version),
      verdict: verdictOf(version),
      details: [
        { key: 'check.expected-gain', values: {}, text: '4 points of 60 gained', passed: true },
        { key: 'check.unknowns', values: {}, text: 'AUROC 0.91, before 0.92', passed: false },
      ],
      changes: [],
      trust: { level, steps: [] },
      answersStored: true,
      comparedWith: version > 1 ? version - 1 : null,
      better: version > 1 ? pairs(true) : [],
      worse: version > 1 ? pairs(false) : [],
      basis: 'holdout',
      samples: judged().length,
      holdout: judged().length,
      accuracy: interval(shareOf(version), spreadOf(version)),
      macroF1: interval(shareOf(version) - 0.03, spreadOf(version)),
      labels,
      confusion: counts,
      classes: labels.map((label, index) => {
        const samples = counts[index]!.reduce((sum, count) => sum + count, 0);
        const recall = samples > 0 ? counts[index]![index]! / samples : null;
        const wrong = counts[index]!.map((count, other) => (other === index ? 0 : count));
        const most = Math.max(...wrong);
        const takenFor = most > 0 ? { label: labels[wrong.indexOf(most)]!, samples: most } : null;
        return { label, samples, recall, precision: recall, f1: recall, takenFor };
      }),
      reliability: Array.from({ length: 10 }, (_, bin) => {
        const empty = bin < 3;
        const mean = (bin + 0.5) / 10;
        return {
          from: bin / 10,
          to: (bin + 1) / 10,
          samples: empty ? 0 : 3 + bin * 2,
          meanProbability: empty ? null : mean,
          accuracy: empty ? null : interval(mean * 0.9, 0.12),
        };
      }),
      ece: 0.04,
      suspects: pictures.filter(({ verdicts }) => verdicts.includes('suspect')).length,
    };
  };
  const brain: FieldBrain = {
    pinned: null,
    handlers: {
      'GET /api/brain/timeline': ({ query: { limit = 50, before } }) => {
        const all = [...switches, ...trainings()]
          .sort((a, b) => (a.at < b.at ? 1 : -1))
          .filter((entry) => before === undefined || entry.at < before);
        const serving = source.versions.find((head) => head.serving)?.version ?? null;
        const more = all.length > limit;
        return { entries: all.slice(0, limit), more, serving, pinned: brain.pinned };
      },
      'GET /api/brain/versions/{version}': ({ params }) => report(params.version),
      'GET /api/brain/curve': () => ({
        points: trainings().flatMap((entry) =>
          entry.kind === 'training' && entry.version !== null
            ? [
                {
                  version: entry.version,
                  at: entry.at,
                  labels: entry.labels!,
                  outcome: entry.outcome,
                  basis: 'holdout' as const,
                  macroF1: entry.macroF1!,
                  accuracy: entry.accuracy!,
                },
              ]
            : [],
        ),
      }),
      'GET /api/brain/compare': ({ query: { a, b } }) => ({
        samples: 60,
        bothRight: 44,
        bothWrong: 8,
        onlyARight: { samples: 2, pairs: pairs(false) },
        onlyBRight: { samples: 6, pairs: pairs(true) },
        summary: {
          key: 'compare.summary',
          values: { a, b, samples: 60, onlyA: 2, onlyB: 6 },
          text: 'In English.',
        },
        classes: report(a).labels.map((label, index) => ({
          label,
          samples: 12,
          recallA: 0.6,
          recallB: index % 2 === 0 ? 0.8 : 0.6,
          f1A: 0.6,
          f1B: 0.7,
        })),
      }),
      'GET /api/brain/versions/{version}/onnx': ({ params }) => ({
        mediaType: 'application/octet-stream',
        bytes: Buffer.from(`version ${of(params.version).version}`),
      }),
      'POST /api/promote': ({ body: { version } }) => source.rollback(version),
      'POST /api/pin': ({ body: { version } }) => {
        brain.pinned = version;
        switches.push({
          kind: 'switch',
          at: at(300 + switches.length),
          version,
          how: version === null ? 'unpinned' : 'pinned',
          by: 'console',
        });
        return { pinned: version };
      },
    },
  };
  return brain;
}
