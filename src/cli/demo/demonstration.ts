import { Agent } from '../../agent/agent.js';
import type { RobotTask } from '../../agent/robot-task.js';
import type { AgentOptions } from '../../agent/view.js';
import { duration } from '../../base/words/duration.js';
import { referenceLabel } from '../../camera/reference.js';
import type { Config } from '../../config/schema.js';
import type { TrainingReport } from '../../training/report.js';
import { EXIT, printJson } from '../support/output.js';
import { MIN_LABELS } from './demo-settings.js';
import { SIMULATED_FRAME_KEY } from './keys.js';
import { LabelChoice } from './label-choice.js';
import { labelledOrigins } from './labelled-origins.js';
import { type Choice, Labeller } from './labeller.js';
import { PhotoChoice } from './photos/photo-choice.js';
import { type CoursePoint, runCourse } from './photos/photo-course.js';
import { PHOTO_CAMERAS } from './photos/photo-links.js';
import type { PhotoPlan } from './photos/planned-photo.js';
import { linkName } from './photos/planned-photo.js';
import { Screen, type TaskFacts } from './screen.js';

const ROLLING_FRAMES = 50;
const POLL_MS = 100;

export interface DemonstrationOptions extends AgentOptions {
  exitAfterTraining: boolean;
  /** Null: no photos are shown. */
  photos: PhotoPlan | null;
}

/** A daemon with an automatic labeller, and the terminal output of both. */
export class Demonstration {
  readonly #agent: Agent;
  readonly #screen: Screen;
  readonly #interrupted = new AbortController();
  /** The last report of each task until the end of the demonstration. */
  readonly #reports = new Map<string, TrainingReport>();
  readonly #startMs = performance.now();
  /** Seconds until the first label was stored and the first head decided, by task. */
  readonly #firsts = new Map<string, { labelSeconds?: number; headSeconds?: number }>();
  readonly #course: CoursePoint[] = [];
  #choices: ReadonlyMap<string, Choice> = new Map();
  #labeller: Labeller | null = null;

  constructor(
    private readonly config: Config,
    private readonly options: DemonstrationOptions,
  ) {
    this.#agent = new Agent(config, options);
    this.#screen = new Screen(process.stdout, config.tasks.length > 0, () =>
      this.#agent.tasks.map((task) => this.#factsOf(task)),
    );
  }

  get agent(): Agent {
    return this.#agent;
  }

  /** Runs until the end of the training or a signal; returns the exit code. */
  async run(): Promise<number> {
    const agent = this.#agent;
    process.on('exit', () => agent.outputsOff());
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => this.#interrupted.abort());
    }
    agent.on('decision', ({ frameId, frame, perceived }) => {
      for (const answer of perceived.answers) {
        const { task, decision } = answer;
        this.#labeller?.see(frameId, frame, answer);
        this.#noteFirsts(task);
        // Of photos only the untaught ones are news.
        if (frame.camera === PHOTO_CAMERAS.taught) continue;
        this.#screen.decision(frame.sequence, task, decision, referenceLabel(frame, task));
      }
    });
    agent.on('trainingProgress', (task, progress) => this.#screen.training(task, progress));
    agent.on('trainingReport', (report) => {
      this.#reports.set(report.task, report);
      this.#screen.trainingEnded(report);
    });
    agent.on('head', (task, stored) => {
      if (stored) this.#screen.serving(task, stored.card.version);
    });
    // The end cancels a training that has begun meanwhile; its report is no outcome.
    let outcomes: (TrainingReport | null)[] = [];
    let heldBack: (HeldBack | null)[] = [];
    try {
      const ended = this.#labelUntilEnd();
      await Promise.race([ended, this.#untilInterrupted()]);
      outcomes = agent.tasks.map(({ name }) => this.#reports.get(name) ?? null);
      heldBack = agent.tasks.map(({ name }) => this.#heldBack(name));
    } finally {
      this.#screen.close();
      await this.#stop();
    }
    if (!this.options.exitAfterTraining) return EXIT.ok;
    if (this.#interrupted.signal.aborted) return EXIT.interrupted;
    return printOutcomes(
      agent.tasks.map(({ name }, i) => ({
        task: name,
        report: outcomes[i] ?? null,
        ...this.#firsts.get(name),
        heldBack: heldBack[i] ?? null,
        course: this.#course,
      })),
    );
  }

  #factsOf({ name, training, instant }: RobotTask): TaskFacts {
    const { everyNewLabels } = this.config.training;
    return {
      name,
      accuracy: this.#labeller?.rollingAccuracy(name, ROLLING_FRAMES) ?? null,
      labelsGiven: this.#labeller?.labelsGiven(name) ?? 0,
      labelsToTraining:
        everyNewLabels > 0 ? Math.max(0, everyNewLabels - training.newLabels) : null,
      headVersion: this.#agent.perception.serving(name)?.version ?? null,
      learntLabels: instant.learnt?.labels ?? 0,
    };
  }

  async #labelUntilEnd(): Promise<void> {
    const agent = this.#agent;
    await agent.start({ beforeFrames: () => this.#connectLabeller() });
    this.#introduce();
    if (this.options.photos) await this.#teachPhotos(this.options.photos);
    if (!this.options.exitAfterTraining) return new Promise(() => {});
    const isTrained = (): boolean => agent.tasks.every(({ name }) => this.#reports.has(name));
    if (!this.options.photos) await this.#until(isTrained);
  }

  /** Labels photos step by step, and shows what each step has brought. */
  async #teachPhotos({ taught, untaught }: PhotoPlan): Promise<void> {
    const [task] = this.#agent.tasks;
    const { name } = task;
    const choice = this.#choices.get(name);
    if (!(choice instanceof PhotoChoice)) return;
    await runCourse({
      choice,
      mostPerClass: Math.max(...countByClass(taught).values()),
      untaught: untaught.length,
      growth: this.options.exitAfterTraining ? 4 : 2,
      labels: () => this.#agent.tasks[0].state.samples.counts().labelled,
      unanswered: () => this.#labeller?.unanswered ?? 0,
      beginTraining: () => {
        if (!task.training.isBusy) void this.#labeller?.requestTraining(name);
      },
      train: () => this.#train(task),
      minLabels: MIN_LABELS,
      seconds: () => this.#seconds,
      until: (condition) => this.#until(condition),
      hasEnded: () => this.#interrupted.signal.aborted,
      onPoint: (point) => {
        this.#course.push(point);
        this.#screen.line(`  ${pointText(point)}`);
      },
    });
    if (!this.#interrupted.signal.aborted) {
      this.#screen.line('  every photo that is not held back is labelled');
    }
  }

  async #train({ name, training }: RobotTask): Promise<void> {
    await this.#until(() => !training.isBusy);
    this.#reports.delete(name);
    await this.#labeller?.requestTraining(name);
    await this.#until(() => this.#reports.has(name));
  }

  get #seconds(): number {
    return Math.round((performance.now() - this.#startMs) / 100) / 10;
  }

  #noteFirsts(task: string): void {
    const firsts = this.#firsts.get(task) ?? {};
    if (firsts.headSeconds !== undefined) return;
    const prefix = this.config.tasks.length > 0 ? `${task} ` : '';
    if (firsts.labelSeconds === undefined && (this.#labeller?.labelsGiven(task) ?? 0) > 0) {
      firsts.labelSeconds = this.#seconds;
      this.#screen.line(`  ${prefix}first label after ${this.#seconds.toFixed(1)} s`);
    }
    const { headVersion, learntLabels } = this.#factsOf(
      this.#agent.tasks.find(({ name }) => name === task) ?? this.#agent.tasks[0],
    );
    if (headVersion !== null || learntLabels > 0) {
      firsts.headSeconds = this.#seconds;
      this.#screen.line(`  ${prefix}first head decides after ${this.#seconds.toFixed(1)} s`);
    }
    this.#firsts.set(task, firsts);
  }

  #heldBack(task: string): HeldBack | null {
    const last = this.#course.at(-1);
    if (last) return { ...last, accuracy: last.right / last.answers };
    const accuracy = this.#labeller?.rollingAccuracy(task, ROLLING_FRAMES) ?? null;
    return accuracy === null ? null : { accuracy };
  }

  async #connectLabeller(): Promise<void> {
    this.#choices = new Map(this.#agent.tasks.map((task) => [task.name, this.#choiceOf(task)]));
    // Commands sent before the daemon has subscribed are lost.
    await this.#until(() => this.#agent.telemetry.connected);
    this.#labeller = await Labeller.connect({
      brokerUrl: this.#agent.telemetry.url,
      robotId: this.config.robot.id,
      tasks: this.#choices,
    });
  }

  #choiceOf({ state }: RobotTask): Choice {
    const { photos } = this.options;
    if (!photos) return new LabelChoice(AS_A_PERSON);
    const groups = photos.untaught.map((photo) => [linkName(photo), photo.group] as const);
    const choice = new PhotoChoice(countByClass(photos.taught), new Map(groups));
    choice.alreadyLabelled(labelledOrigins(state.samples));
    return choice;
  }

  #introduce(): void {
    const { telemetry, consoleUrl, tasks, state } = this.#agent;
    const labelled = tasks.reduce((sum, task) => sum + task.state.samples.counts().labelled, 0);
    this.#screen.line(`  broker     ${telemetry.url} (embedded, loopback only)`);
    this.#screen.line(
      `  messages   mosquitto_sub -h 127.0.0.1 -p ${new URL(telemetry.url).port} -t 'headland/#' -v`,
    );
    if (consoleUrl) this.#screen.line(`  web page   ${consoleUrl}`);
    this.#screen.line(
      `  state      ${this.config.paths.stateDir}${labelled > 0 ? ` (continues with ${labelled} labels)` : ''}`,
    );
    for (const task of state.strayTasks()) {
      this.#screen.line(
        `  note       it also has labels of the task "${task}", which are kept unused`,
      );
    }
    const { photos } = this.options;
    if (photos) {
      const { taught, untaught } = photos;
      this.#screen.line(
        untaught.length === 0
          ? '  note       earlier runs were taught every photo, so none can be held back: --fresh begins anew'
          : `  photos     ${taught.length} to be labelled; ${untaught.length} are held back and never labelled: "right" is measured on them`,
      );
    } else {
      this.#screen.line(
        '  right      share of right answers to the last 50 frames that nobody has labelled',
      );
    }
    this.#screen.line('  Ctrl-C stops; the next start continues.\n');
  }

  async #stop(): Promise<void> {
    const [camera] = this.config.cameras;
    if (camera?.driver === 'simulated') {
      const seen = this.#agent.cameras[0]?.supervisor.state().framesTotal ?? 0;
      this.#agent.state.meta.set(SIMULATED_FRAME_KEY, String(camera.startFrame + seen));
    }
    const labeller = this.#labeller;
    this.#labeller = null;
    await labeller?.close();
    await this.#agent.stop();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#interrupted.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  #untilInterrupted(): Promise<void> {
    return new Promise((resolve) => {
      this.#interrupted.signal.addEventListener('abort', () => resolve());
    });
  }
}

interface TaskOutcome {
  task: string;
  report: TrainingReport | null;
  labelSeconds?: number;
  headSeconds?: number;
  heldBack: HeldBack | null;
  course: readonly CoursePoint[];
}

/** Answers to what was never labelled: photos that are held back, or the last frames of a camera. */
interface HeldBack {
  accuracy: number;
  answers?: number;
  interval?: CoursePoint['interval'];
}

/** Labels as a person would who watches a camera. */
const AS_A_PERSON = { labelsPerClass: 40, reactionFrames: 2, labelsPerGroup: 3 };

function countByClass(photos: PhotoPlan['taught']): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { label } of photos) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

function pointText({
  labels,
  labelsPerClass,
  answers,
  right,
  interval,
  seconds,
}: CoursePoint): string {
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
  return (
    `${duration(seconds)}: after ${labels} labels (up to ${labelsPerClass} a class), ` +
    `${percent(right / answers)} of ${answers} held-back photos are right ` +
    `(95 %: ${percent(interval.lower)} to ${percent(interval.upper)})`
  );
}

/** Prints the results as the last line, for scripts; returns the exit code. */
function printOutcomes(outcomes: readonly TaskOutcome[]): number {
  const [first] = outcomes;
  printJson({
    ...(first ? resultOf(first) : {}),
    tasks: outcomes.map((outcome) => ({ task: outcome.task, ...resultOf(outcome) })),
  });
  const isDecided = outcomes.every(
    ({ report }) => report?.outcome === 'promoted' || report?.outcome === 'refused',
  );
  return isDecided ? EXIT.ok : EXIT.failed;
}

function resultOf({ report, labelSeconds, headSeconds, heldBack, course }: TaskOutcome): object {
  const result = report?.result ?? null;
  return {
    samples: result ? result.samples.training + result.samples.holdout : 0,
    classes: result ? result.classes.filter(({ leftOut }) => !leftOut).length : 0,
    holdout_accuracy: result?.holdout?.accuracy ?? null,
    holdout_macro_f1: result?.holdout?.macroF1 ?? null,
    train_seconds: report ? report.durationMs / 1_000 : null,
    head_version: result?.version ?? null,
    promoted: report?.outcome === 'promoted',
    first_label_seconds: labelSeconds ?? null,
    first_head_seconds: headSeconds ?? null,
    held_back_accuracy: heldBack?.accuracy ?? null,
    held_back_photos: heldBack?.answers ?? null,
    held_back_interval: heldBack?.interval ?? null,
    course: course.map(({ labels, answers, right, seconds }) => {
      return { labels, seconds, photos: answers, accuracy: right / answers };
    }),
  };
}
