import { join } from 'node:path';
import { HeadDamage } from '../../src/agent/learning/head-damage.js';
import { HeadService } from '../../src/agent/learning/head-service.js';
import { ShadowService } from '../../src/agent/learning/shadow-service.js';
import { TrainingService } from '../../src/agent/learning/training-service.js';
import { openState, type State } from '../../src/agent/open-state.js';
import { NO_ALARMS } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import { configSchema } from '../../src/config/schema.js';
import type { TrainingProgress } from '../../src/training/job/job-protocol.js';
import type { TrainingReport } from '../../src/training/report.js';
import { quietScheduler } from '../../test/recorder.js';
import type { Robot } from '../../test/training/fixture.js';

/** What is left of a daemon without cameras, page and broker: everything that trains and switches heads. */
export class SwitchRobot {
  readonly state: State;
  readonly heads: HeadService;
  readonly training: TrainingService;
  readonly shadow: ShadowService;
  onProgress: (progress: TrainingProgress) => void = () => {};
  readonly reports: TrainingReport[] = [];
  readonly #waiting: ((report: TrainingReport) => void)[] = [];

  /** @param checksum of the running backbone */
  constructor(stateDir: string, { cacheDir, settings }: Robot, checksum: string) {
    const { models, samples, augmentation, gate, training } = settings;
    const config = configSchema.parse({
      paths: { stateDir, cacheDir },
      models,
      samples,
      augmentation,
      gate,
      training,
    });
    const log = silentLog();
    this.state = openState(config, log);
    const task = this.state.task();
    const damage = new HeadDamage({
      task: task.name,
      meta: task.meta,
      alarms: NO_ALARMS,
      retrain: (revision) => this.training.headLost(revision),
      log,
    });
    this.heads = new HeadService(
      task.heads,
      () => undefined,
      () => checksum,
      {
        onServing: (stored, lost) => damage.serving(stored, lost),
        onPinned: () => undefined,
        onUnusable: () => undefined,
      },
      log,
      quietScheduler(),
    );
    this.training = new TrainingService({
      state: this.state,
      task,
      obstacle: () => null,
      events: {
        onProgress: (progress) => this.onProgress(progress),
        onReport: (report) => {
          damage.trained(report, this.heads.serving?.card.version ?? null);
          this.reports.push(report);
          for (const waits of this.#waiting.splice(0)) waits(report);
        },
        promote: (version) => this.heads.promote(version, 'training'),
      },
      log,
      knownLabels: () => this.heads.serving?.head.labels ?? null,
    });
    this.shadow = new ShadowService({
      registry: task.heads,
      samples: task.samples,
      heads: this.heads,
      settings: config.gate,
      log,
      repeats: quietScheduler(),
      onSwitched: () => undefined,
    });
  }

  /** The training that runs by itself, else one that is asked for. */
  async train(): Promise<TrainingReport> {
    const ended = new Promise<TrainingReport>((resolve) => this.#waiting.push(resolve));
    if (!this.training.isBusy) await this.training.start('cli');
    return ended;
  }

  /** Every label that is stored, as text. */
  labels(): string[] {
    const { samples } = this.state.task();
    return samples.list({ labelled: true }).map(({ id, label }) => `${id} ${label}`);
  }

  get headsDir(): string {
    return join(this.state.task().headsDir);
  }

  async stop(): Promise<void> {
    await this.heads.stop();
    await this.shadow.stop();
    await this.training.stop();
    this.state.close();
  }
}
