import { once } from 'node:events';
import { Agent } from '../../agent/agent.js';
import type { AgentOptions } from '../../agent/view.js';
import type { Config } from '../../config/schema.js';
import type { TaskAnswer } from '../../perception/perception-protocol.js';
import type { TrainingReport } from '../../training/report.js';
import { EXIT, printJson } from '../support/output.js';
import { SIMULATED_FRAME_KEY } from './keys.js';
import { Labeller } from './labeller.js';
import { Screen } from './screen.js';

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
  #labeller: Labeller | null = null;

  constructor(
    private readonly config: Config,
    private readonly options: DemonstrationOptions,
  ) {
    this.#agent = new Agent(config, options);
    this.#screen = new Screen(process.stdout, () => ({
      frames: this.#agent.statistics.framesTotal,
      rolling: this.#labeller?.rollingAccuracy(ROLLING_FRAMES) ?? null,
      labelsGiven: this.#labeller?.tally.given ?? 0,
      newLabels: this.#agent.tasks[0].training.newLabels,
      everyNewLabels: config.training.everyNewLabels,
      headVersion: this.#agent.perception.serving(this.#agent.tasks[0].name)?.version ?? null,
      learntLabels: this.#agent.tasks[0].instant.learnt?.labels ?? 0,
    }));
  }

  /** Runs until the end of the training or a signal; returns the exit code. */
  async run(): Promise<number> {
    const agent = this.#agent;
    process.on('exit', () => agent.outputsOff());
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => this.#interrupted.abort());
    }
    let lastReport: TrainingReport | null = null;
    agent.on('decision', ({ frameId, frame, perceived }) => {
      const [{ decision }] = perceived.answers as [TaskAnswer];
      this.#labeller?.see(frameId, frame, decision);
      this.#screen.decision(decision.label, frame.reference, decision);
    });
    agent.on('trainingProgress', (_task, progress) => this.#screen.training(progress));
    agent.on('trainingReport', (report) => {
      lastReport = report;
      this.#screen.trainingEnded(report);
    });
    agent.on('head', (_task, stored) => {
      if (stored) this.#screen.line(`  head ${stored.card.version} decides from the next frame on`);
    });
    try {
      const ended = this.#labelUntilEnd();
      await Promise.race([ended, this.#untilInterrupted()]);
    } finally {
      this.#screen.close();
      await this.#stop();
    }
    if (!this.options.exitAfterTraining) return EXIT.ok;
    if (this.#interrupted.signal.aborted) return EXIT.interrupted;
    return printOutcome(lastReport);
  }

  async #labelUntilEnd(): Promise<void> {
    const agent = this.#agent;
    await agent.start({ beforeFrames: () => this.#connectLabeller() });
    this.#introduce();
    if (!this.options.exitAfterTraining) return new Promise(() => {});
    if (!this.options.photos) {
      await once(agent, 'trainingReport');
      return;
    }
    await this.#until(() =>
      agent.cameras.every(({ supervisor }) => supervisor.state().phase === 'ended'),
    );
    await this.#until(() => (this.#labeller?.unanswered ?? 0) === 0);
    this.#screen.line('  every picture is labelled: starting a training');
    const reported = once(agent, 'trainingReport');
    await this.#labeller?.requestTraining();
    await reported;
  }

  async #connectLabeller(): Promise<void> {
    const { photos } = this.options;
    // Commands sent before the daemon has subscribed are lost.
    await this.#until(() => this.#agent.telemetry.connected);
    this.#labeller = await Labeller.connect({
      brokerUrl: this.#agent.telemetry.url,
      robotId: this.config.robot.id,
      labelsPerClass: 40,
      reactionFrames: photos ? 0 : 2,
      labelsPerGroup: photos ? 0 : 3,
    });
    if (photos) this.#labeller.alreadyLabelled(this.#labelledOrigins());
  }

  *#labelledOrigins(): Generator<string> {
    let afterId: string | undefined;
    for (;;) {
      const page = this.#agent.tasks[0].state.samples.list({
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
    const { telemetry, consoleUrl, tasks } = this.#agent;
    const { labelled } = tasks[0].state.samples.counts();
    this.#screen.line(`  broker     ${telemetry.url} (embedded, loopback only)`);
    this.#screen.line(
      `  messages   mosquitto_sub -h 127.0.0.1 -p ${new URL(telemetry.url).port} -t 'headland/#' -v`,
    );
    if (consoleUrl) this.#screen.line(`  web page   ${consoleUrl}`);
    this.#screen.line(
      `  state      ${this.config.paths.stateDir}${labelled > 0 ? ` (continues with ${labelled} labels)` : ''}`,
    );
    this.#screen.line('  Ctrl-C stops; the next start continues.\n');
  }

  async #stop(): Promise<void> {
    const [camera] = this.config.cameras;
    if (!this.options.photos) {
      const seen = this.#agent.cameras[0]?.supervisor.state().framesTotal ?? 0;
      const start = camera?.driver === 'simulated' ? camera.startFrame : 0;
      this.#agent.state.meta.set(SIMULATED_FRAME_KEY, String(start + seen));
    }
    await this.#labeller?.close();
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

/** Prints the result as the last line, for scripts; returns the exit code. */
function printOutcome(report: TrainingReport | null): number {
  const result = report?.result ?? null;
  printJson({
    samples: result ? result.samples.training + result.samples.holdout : 0,
    classes: result ? result.classes.filter(({ leftOut }) => !leftOut).length : 0,
    holdout_accuracy: result?.holdout?.accuracy ?? null,
    holdout_macro_f1: result?.holdout?.macroF1 ?? null,
    train_seconds: report ? report.durationMs / 1_000 : null,
    head_version: result?.version ?? null,
    promoted: report?.outcome === 'promoted',
  });
  return report?.outcome === 'promoted' || report?.outcome === 'refused' ? EXIT.ok : EXIT.failed;
}
