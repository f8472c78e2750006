import { Agent } from '../../agent/agent.js';
import type { RobotTask } from '../../agent/robot-task.js';
import type { AgentOptions } from '../../agent/view.js';
import { referenceLabel } from '../../camera/reference.js';
import type { Config } from '../../config/schema.js';
import type { TrainingReport } from '../../training/report.js';
import { EXIT, printJson } from '../support/output.js';
import { SIMULATED_FRAME_KEY } from './keys.js';
import { Labeller } from './labeller.js';
import { Screen, type TaskFacts } from './screen.js';

const ROLLING_FRAMES = 50;
const POLL_MS = 100;

export interface DemonstrationOptions extends AgentOptions {
  exitAfterTraining: boolean;
  photos: boolean;
}

/** A daemon with an automatic labeller, and the terminal output of both. */
export class Demonstration {
  readonly #agent: Agent;
  readonly #screen: Screen;
  readonly #interrupted = new AbortController();
  /** The last report of each task until the end of the demonstration. */
  readonly #reports = new Map<string, TrainingReport>();
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
    try {
      const ended = this.#labelUntilEnd();
      await Promise.race([ended, this.#untilInterrupted()]);
      outcomes = agent.tasks.map(({ name }) => this.#reports.get(name) ?? null);
    } finally {
      this.#screen.close();
      await this.#stop();
    }
    if (!this.options.exitAfterTraining) return EXIT.ok;
    if (this.#interrupted.signal.aborted) return EXIT.interrupted;
    return printOutcomes(agent.tasks.map(({ name }, i) => ({ task: name, report: outcomes[i]! })));
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
    if (!this.options.exitAfterTraining) return new Promise(() => {});
    const isTrained = (): boolean => agent.tasks.every(({ name }) => this.#reports.has(name));
    if (!this.options.photos) return this.#until(isTrained);
    await this.#until(() =>
      agent.cameras.every(({ supervisor }) => supervisor.state().phase === 'ended'),
    );
    await this.#until(() => (this.#labeller?.unanswered ?? 0) === 0);
    this.#screen.line('  every picture is labelled: starting a training');
    this.#reports.clear();
    for (const { name } of agent.tasks) await this.#labeller?.requestTraining(name);
    await this.#until(isTrained);
  }

  async #connectLabeller(): Promise<void> {
    const { photos } = this.options;
    // Commands sent before the daemon has subscribed are lost.
    await this.#until(() => this.#agent.telemetry.connected);
    this.#labeller = await Labeller.connect({
      brokerUrl: this.#agent.telemetry.url,
      robotId: this.config.robot.id,
      tasks: this.#agent.tasks.map(({ name }) => name),
      choice: {
        labelsPerClass: 40,
        reactionFrames: photos ? 0 : 2,
        labelsPerGroup: photos ? 0 : 3,
      },
    });
    if (!photos) return;
    for (const task of this.#agent.tasks) {
      this.#labeller.alreadyLabelled(task.name, this.#labelledOrigins(task));
    }
  }

  *#labelledOrigins({ state }: RobotTask): Generator<string> {
    let afterId: string | undefined;
    for (;;) {
      const page = state.samples.list({
        labelled: true,
        limit: 1_000,
        ...(afterId === undefined ? {} : { afterId }),
      });
      for (const { origin } of page) if (origin !== null) yield origin;
      const last = page.at(-1);
      if (!last) return;
      afterId = last.id;
    }
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
}

/** Prints the results as the last line, for scripts; returns the exit code. */
function printOutcomes(outcomes: readonly TaskOutcome[]): number {
  const [first] = outcomes;
  printJson({
    ...resultOf(first?.report ?? null),
    tasks: outcomes.map(({ task, report }) => ({ task, ...resultOf(report) })),
  });
  const isDecided = outcomes.every(
    ({ report }) => report?.outcome === 'promoted' || report?.outcome === 'refused',
  );
  return isDecided ? EXIT.ok : EXIT.failed;
}

function resultOf(report: TrainingReport | null): object {
  const result = report?.result ?? null;
  return {
    samples: result ? result.samples.training + result.samples.holdout : 0,
    classes: result ? result.classes.filter(({ leftOut }) => !leftOut).length : 0,
    holdout_accuracy: result?.holdout?.accuracy ?? null,
    holdout_macro_f1: result?.holdout?.macroF1 ?? null,
    train_seconds: report ? report.durationMs / 1_000 : null,
    head_version: result?.version ?? null,
    promoted: report?.outcome === 'promoted',
  };
}
