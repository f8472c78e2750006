import { randomUUID } from 'node:crypto';
import sharp from 'sharp';
import { HeadlandError } from '../../src/base/errors.js';
import { normaliseLabel } from '../../src/base/words/label.js';
import type {
  ConsoleEvent,
  ConsoleSource,
  ConsoleSources,
  EncodedPicture,
  LatestFrame,
} from '../../src/console/console-source.js';
import type { HeadVersion, TrainingReport } from '../../src/console/contract/brain-contract.js';
import type { AnswerOf } from '../../src/console/contract/contract.js';
import type {
  ConsoleStatus,
  FrameDecision,
  TaskSummary,
  TrainingState,
} from '../../src/console/contract/live-contract.js';
import type { LookAlikeSample } from '../../src/console/contract/teach-contract.js';
import { notFound } from '../../src/console/server/routes.js';

type WaitingSample = AnswerOf<'GET /api/waiting'>['samples'][number];

/** Metrics of a head on its holdout. */
type HoldoutMetrics = NonNullable<HeadVersion['holdout']>;

interface StoredSample {
  id: string;
  capturedAtMs: number;
  jpeg: Uint8Array;
  label: string | null;
  guess: WaitingSample['guess'];
  holdout: boolean;
}

/** A decision of a head without a novelty model. */
type FieldDecision = Omit<FrameDecision, 'noveltyPValue'>;

/** One task of a robot in memory: what is asked of it changes what it says next. */
export interface FieldSource extends ConsoleSource {
  waiting(limit: number): WaitingSample[];
  picture(sampleId: string): EncodedPicture | null;
  labelFrame(frameId: string, text: string): string;
  labelSample(sampleId: string, text: string): string;
  lookAlikes(sampleId: string): LookAlikeSample[];
  retrain(): { trainingId: string };
  heads(): HeadVersion[];
  rollback(version?: number): { version: number };
  /** Shows the next picture, and says so to the subscribers. */
  advance(decision: FieldDecision | null): Promise<string>;
  /** Keeps a picture that asks for a label. */
  ask(guess: WaitingSample['guess']): Promise<string>;
  emit(event: ConsoleEvent): void;
  samples: Map<string, StoredSample>;
  labelOfFrame: Map<string, string>;
  training: TrainingState;
  versions: HeadVersion[];
  trainings: TrainingReport[];
  /** Samples that all waiting ones look like. */
  readonly alike: Set<string>;
  facts: Partial<ConsoleStatus>;
  /** What the labels before the last training have changed. */
  changes: AnswerOf<'GET /api/teach/changes'>;
  /** Classes that a new label may mean. */
  near: (label: string) => AnswerOf<'GET /api/teach/near'>;
  /** All tasks of the robot, this one among them. */
  tasks: readonly FieldSource[];
  named: boolean;
  summary(): TaskSummary;
  subscribers: number;
}

const PLANTS = ['#3f8f3a', '#6bb04a', '#2f6e3c', '#8fbf4f', '#4f9a6a'];

/** A JPEG of a bed with rows of plants; every number draws another one. */
export function drawField(number: number): Promise<Uint8Array> {
  const plants = Array.from({ length: 26 }, (_, index) => {
    const x = 60 + (index % 6) * 105 + ((index * 37 + number * 13) % 30);
    const y = 50 + Math.floor(index / 6) * 96 + ((index * 53 + number * 7) % 40);
    const fill = PLANTS[(index + number) % PLANTS.length];
    const leaves = [0, 60, 120].map(
      (turn) =>
        `<ellipse cx="${x}" cy="${y}" rx="${20 + ((index + number) % 9)}" ry="7" fill="${fill}" transform="rotate(${turn + number * 9} ${x} ${y})"/>`,
    );
    return leaves.join('');
  });
  const soil = `<rect width="640" height="480" fill="#6b4f36"/><path d="M0 120H640M0 240H640M0 360H640" stroke="#57402b" stroke-width="26"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480">${soil}${plants.join('')}</svg>`;
  return sharp(Buffer.from(svg)).jpeg({ quality: 80 }).toBuffer();
}

/** The named tasks of a robot. */
export function createTasks(...names: string[]): FieldSource[] {
  const tasks = names.map((name) => createFieldSource(name));
  for (const task of tasks) Object.assign(task, { tasks, named: true });
  return tasks;
}

/** What the server is given of a robot with these tasks. */
export function sourcesOf(tasks: readonly FieldSource[]): ConsoleSources {
  const names = tasks.map((task) => task.summary().name);
  return (name = names[0]!) => {
    const found = tasks[names.indexOf(name)];
    if (found !== undefined) return found;
    throw new HeadlandError('HL_TASK_UNKNOWN', `no task is named "${name}"`, {
      remedy: `Name one of the tasks of this robot: ${names.join(', ')}.`,
    });
  };
}

export function createFieldSource(task = 'main'): FieldSource {
  const paused = new Set<'inference' | 'training'>();
  const listeners = new Set<(event: ConsoleEvent) => void>();
  const samples = new Map<string, StoredSample>();
  const frames = new Map<string, LatestFrame>();
  const labelOfFrame = new Map<string, string>();
  let latest: LatestFrame | null = null;
  let sequence = 0;

  const classes = () => {
    const counts = new Map<string, { training: number; holdout: number }>();
    for (const { label, holdout } of samples.values()) {
      if (label === null) continue;
      const count = counts.get(label) ?? { training: 0, holdout: 0 };
      count[holdout ? 'holdout' : 'training'] += 1;
      counts.set(label, count);
    }
    return [...counts]
      .map(([label, count]) => ({ label, ...count }))
      .sort((a, b) => a.label.localeCompare(b.label));
  };
  const waiting = () => [...samples.values()].filter(({ label }) => label === null).reverse();
  const emit = (event: ConsoleEvent) => {
    for (const listener of listeners) listener(event);
  };
  const changed = () => emit({ type: 'status' });

  const summary = (): TaskSummary => {
    const serving = source.versions.find((head) => head.serving);
    const labelled = [...samples.values()].filter(({ label }) => label !== null).length;
    return {
      name: task,
      labelled,
      waiting: samples.size - labelled,
      headVersion: serving?.version ?? null,
      learntLabels: null,
      trust: serving?.trust ?? null,
      training: source.training.running,
    };
  };

  const source: FieldSource = {
    summary,
    samples,
    labelOfFrame,
    training: {
      running: false,
      phase: null,
      done: 0,
      total: 0,
      etaSeconds: null,
      paused: null,
      newLabels: 0,
      everyNewLabels: 20,
      minLabels: 20,
      instantLabelsPerClass: null,
    },
    versions: [],
    trainings: [],
    facts: {},
    changes: { trainingId: null, messages: [] },
    near: () => ({ alike: null, near: [] }),
    alike: new Set(),
    tasks: [],
    named: false,
    get subscribers() {
      return listeners.size;
    },
    emit,

    async advance(fieldDecision) {
      const decision = fieldDecision && { ...fieldDecision, noveltyPValue: null };
      sequence += 1;
      const jpeg = await drawField(sequence);
      const capturedAtMs = Date.now();
      const picture = { mediaType: 'image/jpeg', bytes: jpeg };
      latest = { frameId: `${task}-${sequence}`, camera: 'main', capturedAtMs, decision, picture };
      frames.set(latest.frameId, latest);
      const { picture: _, ...data } = latest;
      emit({ type: 'decision', data });
      return latest.frameId;
    },
    async ask(guess) {
      const id = randomUUID();
      const jpeg = await drawField(1_000 + samples.size);
      samples.set(id, { id, capturedAtMs: Date.now(), jpeg, label: null, guess, holdout: false });
      changed();
      return id;
    },

    status: () => {
      const serving = source.versions.find((head) => head.serving);
      const { labelled, waiting } = summary();
      return {
        robot: 'robot-7',
        version: '0.1.0',
        state: 'online',
        paused: [...paused],
        holds: [],
        uptimeSeconds: 4_210,
        task,
        tasks: source.tasks.map((each) => each.summary()),
        namedTasks: source.named,
        simulated: false,
        alarms: [],
        mqtt: {
          url: 'mqtt://127.0.0.1:1883',
          connected: true,
          protocol: '5',
          problem: null,
          missing: [],
        },
        cameras: [
          {
            name: 'main',
            decided: true,
            simulated: false,
            description: 'ffmpeg /dev/video0',
            phase: 'running',
            condition: 'good',
            framesTotal: sequence,
            stillFrames: 0,
            droppedTotal: 0,
            framesPerSecond: 10,
            lastFrameAtMs: latest?.capturedAtMs ?? null,
            restarts: 0,
            lastRestartReason: null,
          },
        ],
        backbone: {
          name: 'efficientnet-lite0',
          checksum: '9f2c1e7ab0',
          engine: 'onnxruntime 1.27 cpu',
          featureSize: 1_280,
        },
        head: serving ?? null,
        learnt: null,
        trust: serving?.trust ?? null,
        next: null,
        nextSteps: [],
        pinned: false,
        samples: {
          total: samples.size,
          labelled,
          waiting,
          classes: classes(),
        },
        training: source.training,
        frameMsP50: 11.2,
        frameMsP95: 14.9,
        framesPerSecond: 9.8,
        temperatureC: 54.3,
        ...source.facts,
      };
    },
    latest: (camera) => (camera === undefined || latest?.camera === camera ? latest : null),
    waiting: (limit) =>
      waiting()
        .slice(0, limit)
        .map(({ id, capturedAtMs, guess }) => ({ id, capturedAtMs, camera: 'main', guess })),
    picture(sampleId) {
      const sample = samples.get(sampleId);
      return sample ? { mediaType: 'image/jpeg', bytes: sample.jpeg } : null;
    },

    labelFrame(frameId, text) {
      const label = normaliseLabel(text);
      const frame = frames.get(frameId);
      if (frame === undefined) {
        throw new HeadlandError('HL_FRAME_GONE', `frame ${frameId} is no longer remembered`, {
          remedy: 'Label a newer picture.',
        });
      }
      const id = randomUUID();
      const { picture, capturedAtMs } = frame;
      const jpeg = picture.bytes;
      const holdout = samples.size % 5 === 4;
      samples.set(id, { id, capturedAtMs, jpeg, label, guess: null, holdout });
      labelOfFrame.set(frameId, label);
      source.training.newLabels += 1;
      changed();
      return id;
    },
    labelSample(sampleId, text) {
      const label = normaliseLabel(text);
      const sample = samples.get(sampleId);
      if (sample === undefined) {
        throw new HeadlandError('HL_SAMPLE_UNKNOWN', `no sample ${sampleId}`, {
          remedy: 'Reload the page.',
        });
      }
      sample.label = label;
      source.training.newLabels += 1;
      changed();
      return sampleId;
    },
    lookAlikes: (sampleId) =>
      source.alike.has(sampleId)
        ? waiting().map(({ id, capturedAtMs }) => ({ id, capturedAtMs, cosine: 0.95 }))
        : [],
    retrain() {
      if (source.training.running) {
        throw new HeadlandError('HL_TRAINING_RUNNING', 'a training runs already', {
          remedy: 'Wait for its report.',
        });
      }
      source.training = { ...source.training, running: true, phase: 'embedding', total: 40 };
      emit({ type: 'training', data: source.training });
      return { trainingId: randomUUID() };
    },
    heads: () => source.versions,
    rollback(version) {
      const target = version ?? source.versions.find((head) => !head.serving)?.version;
      if (!source.versions.some((head) => head.version === target)) {
        throw new HeadlandError('HL_HEAD_UNKNOWN_VERSION', `head ${target} is not kept`, {
          remedy: 'Choose a version that is listed.',
        });
      }
      source.versions = source.versions.map((head) => ({
        ...head,
        serving: head.version === target,
      }));
      changed();
      return { version: target! };
    },
    scaled: async (picture) => picture,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    handlers: {
      'GET /api/waiting': ({ query: { limit = 24 } }) => ({ samples: source.waiting(limit) }),
      'GET /api/samples/{id}/picture': ({ params }) => {
        const found = source.picture(params.id);
        if (found === null) throw notFound(`there is no picture of sample ${params.id}`);
        return found;
      },
      'POST /api/label': ({ body }) => {
        const ids =
          'frameId' in body
            ? [source.labelFrame(body.frameId, body.label)]
            : ('sampleIds' in body ? body.sampleIds : [body.sampleId]).map((id) =>
                source.labelSample(id, body.label),
              );
        return { sampleIds: ids, undo: null };
      },
      'GET /api/teach/questions': ({ query: { limit = 8, skipped = '' } }) => {
        const last = skipped.split(',');
        const asked = waiting().sort((a, b) => last.indexOf(a.id) - last.indexOf(b.id));
        const labels = source.versions.find((head) => head.serving)?.labels ?? [];
        return {
          questions: asked.slice(0, limit).map(({ id, capturedAtMs, guess }) => ({
            id,
            capturedAtMs,
            camera: 'main',
            guess,
            reason: 'different' as const,
            why: { key: 'ask.different', values: {}, text: 'It differs.' },
            offered: guess !== null,
            others: labels.filter((label) => label !== guess?.label),
          })),
          waiting: asked.length,
          nothingLabel: 'nothing',
        };
      },
      'GET /api/teach/progress': () => {
        const { labelled, waiting } = summary();
        const { newLabels, everyNewLabels } = source.training;
        const labels = Math.max(0, everyNewLabels - newLabels);
        return {
          step: 'training' as const,
          share: Math.min(1, newLabels / everyNewLabels),
          next: { key: 'teach.until-training', values: { labels }, text: `${labels} more` },
          needs: [],
          labelled,
          waiting,
          newLabels,
        };
      },
      'GET /api/teach/changes': () => source.changes,
      'GET /api/teach/near': ({ query }) => source.near(query.label),
      'GET /api/samples/{id}/thumbnail': ({ params }) => {
        const found = source.picture(params.id);
        if (found === null) throw notFound(`there is no picture of sample ${params.id}`);
        return found;
      },
      'GET /api/look-alikes': ({ query }) => ({ samples: source.lookAlikes(query.sample) }),
      'POST /api/retrain': () => source.retrain(),
      'GET /api/reports': ({ query: { limit = 20 } }) => ({
        reports: source.trainings.slice(0, limit),
      }),
      'GET /api/heads': () => ({ heads: source.heads() }),
      'POST /api/rollback': ({ body }) => source.rollback(body.version),
      'POST /api/promote': ({ body }) => source.rollback(body.version),
      'POST /api/pause': ({ body }) => {
        paused.add(body.what);
        return { paused: [...paused] };
      },
      'POST /api/release': ({ body }) => {
        const holds = (source.facts.holds ?? []).filter(({ holder }) => holder !== body.holder);
        source.facts = { ...source.facts, holds };
        changed();
        return { holders: holds.map(({ holder }) => holder) };
      },
      'POST /api/resume': ({ body }) => {
        paused.delete(body.what);
        return { paused: [...paused] };
      },
      'POST /api/snapshot': async () => {
        if (latest === null) throw new Error('no frame');
        const { picture: _, ...frame } = latest;
        return { sampleId: await source.ask(null), frame };
      },
    },
  };
  source.tasks = [source];
  return source;
}

export function createHead(version: number, macroF1: number, labels: string[]): HeadVersion {
  return {
    version,
    learner: version % 2 === 0 ? 'softmax' : 'ridge',
    labels,
    trainedAt: new Date(Date.now() - (6 - version) * 5_400_000).toISOString(),
    holdoutMacroF1: macroF1,
    trust: null,
    holdout: null,
    serving: false,
  };
}

export function createReport(
  outcome: TrainingReport['outcome'],
  reason: string,
  headVersion: number | null,
  holdout: HoldoutMetrics | null,
  ageMs: number,
): TrainingReport {
  return {
    trainingId: randomUUID(),
    outcome,
    reason,
    headVersion,
    learner: 'ridge',
    holdout,
    finishedAt: new Date(Date.now() - ageMs).toISOString(),
    durations: { embed: 21_400, fit: 900, holdout: 210, total: 22_900 },
  };
}

/** Metrics of which only the confusion and macro-F1 matter to the page. */
export function createHoldout(
  labels: string[],
  confusion: number[][],
  macroF1: number,
): HoldoutMetrics {
  const samples = confusion.flat().reduce((sum, count) => sum + count, 0);
  const right = confusion.reduce((sum, row, index) => sum + row[index]!, 0);
  return {
    labels,
    samples,
    accuracy: right / samples,
    macroF1,
    macroPrecision: macroF1 + 0.004,
    macroRecall: macroF1 - 0.003,
    logLoss: 0.31,
    ece: 0.028,
    confusion,
  };
}
