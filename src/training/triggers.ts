import { Cron } from 'croner';
import { HeadlandError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { TrainingTrigger } from './report.js';

/** While no trained head serves, so many new labels are reason enough. */
const FIRST_LABELS = 10;
/** At so many labels a class that the head does not know is reason to train. */
const NEW_CLASS_LABELS = [2, 5, 10];

export interface TriggerSituation {
  /** Labels given or changed since the last training began. */
  newLabels: number;
  /** A trained head serves. */
  headServes: boolean;
  /** A class that it does not know has come to so many labels that it should be learnt. */
  newClass: boolean;
  /** Labelled samples in the store. */
  labels: number;
  /** Train after so many new labels; 0 = off. */
  everyNewLabels: number;
  /** Below this a training would be refused. */
  minLabels: number;
  paused: boolean;
  training: boolean;
}

/** `too-few`: it is time, but there are not enough labels for any training. */
export type TriggerDecision = 'train' | 'wait' | 'too-few';

/** Whether new labels alone are reason to train. Pure. */
export function decideOnLabels(situation: TriggerSituation): TriggerDecision {
  const { newLabels, labels, everyNewLabels, minLabels, paused, training } = situation;
  if (everyNewLabels === 0 || paused || training) return 'wait';
  const enough = situation.headServes ? everyNewLabels : Math.min(everyNewLabels, FIRST_LABELS);
  if (newLabels < enough && !(newLabels > 0 && situation.newClass)) return 'wait';
  return labels < minLabels ? 'too-few' : 'train';
}

/** How many steps towards being learnt the classes that the head does not know have come. */
export function newClassSteps(
  classes: readonly { label: string; training: number }[],
  known: readonly string[],
): number {
  return classes
    .filter(({ label }) => !known.includes(label))
    .reduce(
      (sum, { training }) => sum + NEW_CLASS_LABELS.filter((least) => training >= least).length,
      0,
    );
}

export interface TrainingTriggersOptions {
  settings: { everyNewLabels: number; cron: string | null; minLabels: number };
  /** Where the label revision of the last training is remembered across restarts. */
  memory: { get(): number | null; set(revision: number): void };
  /** Counts up with every label given or changed. */
  labelRevision(): number;
  /** The store's labels, samples of the holdout not counted. */
  classes(): readonly { label: string; training: number }[];
  /** Labelled samples in the store. */
  labels(): number;
  /** What the trained head that serves can answer; null: none does. */
  knownLabels(): readonly string[] | null;
  isPaused(): boolean;
  isTraining(): boolean;
  /** Starts a training; what it throws is logged. */
  start(trigger: TrainingTrigger): void;
  log: Log;
}

/** Decides when a training starts by itself. Thin: it asks, the decision is pure. */
export class TrainingTriggers {
  readonly #options: TrainingTriggersOptions;
  #cron: Cron | null = null;
  #revisionAtStart = 0;
  /** The steps of new classes that the last training has met, whatever came of it. */
  #metSteps = 0;
  #reportedTooFew = false;

  constructor(options: TrainingTriggersOptions) {
    this.#options = options;
  }

  /**
   * Begins to listen to the clock and looks once at the labels that are there already.
   *
   * @throws HeadlandError HL_TRAINING_CRON_INVALID
   */
  start(): void {
    const { settings, memory, labelRevision } = this.#options;
    const { cron } = settings;
    // A store that was restored from a backup counts lower than what was remembered.
    if ((memory.get() ?? 0) > labelRevision()) memory.set(labelRevision());
    if (cron !== null) this.#cron = this.#schedule(cron);
    // Without a new label nothing has come since the last training began.
    if (this.newLabels() === 0) this.#metSteps = this.#steps();
    this.labelsChanged();
  }

  stop(): void {
    this.#cron?.stop();
    this.#cron = null;
  }

  /** When the clock starts the next training; null: never. */
  nextByClock(): Date | null {
    return this.#cron?.nextRun() ?? null;
  }

  /** To be called after every label, after `resume` and after every training. */
  labelsChanged(): void {
    const { settings, labels, knownLabels, isPaused, isTraining, log } = this.#options;
    const steps = this.#steps();
    // A head that has learnt a class takes its steps away.
    this.#metSteps = Math.min(this.#metSteps, steps);
    const decision = decideOnLabels({
      newLabels: this.newLabels(),
      headServes: knownLabels() !== null,
      newClass: steps > this.#metSteps,
      labels: labels(),
      everyNewLabels: settings.everyNewLabels,
      minLabels: settings.minLabels,
      paused: isPaused(),
      training: isTraining(),
    });
    if (decision === 'train') {
      this.#start('labels');
    } else if (decision === 'too-few' && !this.#reportedTooFew) {
      this.#reportedTooFew = true;
      log.info(
        { labels: labels(), minLabels: settings.minLabels },
        'no training yet: too few labels; it starts when there are enough',
      );
    }
  }

  /** Labels given or changed since the last training began. */
  newLabels(): number {
    const { memory, labelRevision } = this.#options;
    return labelRevision() - (memory.get() ?? 0);
  }

  /** To be called when any training starts, whoever asked for it. */
  trainingStarted(): void {
    this.#revisionAtStart = this.#options.labelRevision();
    this.#metSteps = this.#steps();
    this.#reportedTooFew = false;
  }

  /**
   * To be called at its end, however it ended: a training that fails must not start again with
   * the next label, but one that a power cut ended is due again.
   */
  trainingEnded(): void {
    this.#options.memory.set(this.#revisionAtStart);
    this.labelsChanged();
  }

  #steps(): number {
    const known = this.#options.knownLabels();
    return known ? newClassSteps(this.#options.classes(), known) : 0;
  }

  #schedule(pattern: string): Cron {
    try {
      return new Cron(pattern, { timezone: 'UTC', unref: true }, () => this.#byClock());
    } catch (cause) {
      throw new HeadlandError(
        'HL_TRAINING_CRON_INVALID',
        `training.cron "${pattern}" is not a cron expression: ${messageOf(cause)}`,
        {
          remedy:
            'Write five fields: minute, hour, day, month, weekday, in UTC. "0 3 * * *" is every night at 3:00.',
          cause,
        },
      );
    }
  }

  #byClock(): void {
    const { isPaused, isTraining, log } = this.#options;
    if (isPaused() || isTraining()) {
      log.info({ paused: isPaused() }, 'the clock asks for a training, but not now');
      return;
    }
    this.#start('cron');
  }

  #start(trigger: TrainingTrigger): void {
    try {
      this.#options.start(trigger);
    } catch (error) {
      this.#options.log.warn({ trigger, err: messageOf(error) }, 'the training did not start');
    }
  }
}
