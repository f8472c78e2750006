import { Cron } from 'croner';
import { HeadlandError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { TrainingTrigger } from './report.js';

/** New labels that start a training while no trained head serves. */
export const FIRST_LABELS = 10;
/** A class that the head does not know starts a training at these numbers of labels. */
const NEW_CLASS_LABELS = [2, 5, 10];

export interface TriggerSituation {
  /** Labels given or changed since the last training began. */
  newLabels: number;
  /** A trained head serves. */
  headServes: boolean;
  /** A class that the head does not know has enough new labels to be learnt. */
  newClass: boolean;
  /** The head that had learnt the labels is lost. */
  headLost: boolean;
  /** With fewer labelled samples in the store a training would be refused. */
  enoughLabels: boolean;
  /** Number of new labels that starts a training; 0 = off. */
  everyNewLabels: number;
  paused: boolean;
  training: boolean;
}

/** `too-few`: a training is due, but there are not enough labels for one. */
export type TriggerDecision = 'train' | 'wait' | 'too-few';

/** Whether new labels alone start a training. Pure. */
export function decideOnLabels(situation: TriggerSituation): TriggerDecision {
  const { newLabels, headLost, enoughLabels, everyNewLabels, paused, training } = situation;
  if (everyNewLabels === 0 || paused || training) return 'wait';
  const enough = situation.headServes ? everyNewLabels : Math.min(everyNewLabels, FIRST_LABELS);
  const isDue = newLabels >= enough || (newLabels > 0 && situation.newClass) || headLost;
  if (!isDue) return 'wait';
  return enoughLabels ? 'train' : 'too-few';
}

/**
 * How many steps of {@link NEW_CLASS_LABELS} the classes that the head does not know have reached.
 */
export function newClassSteps(
  labels: readonly string[],
  known: readonly string[],
  trainingCount: (label: string) => number,
): number {
  return labels
    .filter((label) => !known.includes(label))
    .reduce((sum, label) => {
      const training = trainingCount(label);
      return sum + NEW_CLASS_LABELS.filter((least) => training >= least).length;
    }, 0);
}

export interface TrainingTriggersOptions {
  settings: { everyNewLabels: number; cron: string | null; minLabels: number };
  /** Stores the label revision of the last training across restarts. */
  memory: { get(): number | null; set(revision: number): void };
  /** Increases with every label given or changed. */
  labelRevision(): number;
  /** Labels given or changed after a revision; the revisions between may be those of other tasks. */
  labelCountSince(revision: number): number;
  /** The store's labels. */
  labels(): readonly string[];
  /** Training samples of a label, without the holdout. */
  trainingCount(label: string): number;
  /** Labelled samples of the store. */
  labelledCount(): number;
  /** Labels that the serving trained head knows; null: none serves. */
  knownLabels(): readonly string[] | null;
  isPaused(): boolean;
  isTraining(): boolean;
  /** Another task trains; one training runs at a time. */
  othersTrain(): boolean;
  /** Starts a training; errors are logged. */
  start(trigger: TrainingTrigger): void;
  log: Log;
}

/** Decides when a training starts by itself. It only collects the facts; the decision is pure. */
export class TrainingTriggers {
  readonly #options: TrainingTriggersOptions;
  #cron: Cron | null = null;
  #revisionAtStart = 0;
  /** Steps of new classes that the last training has seen, whatever its outcome. */
  #metSteps = 0;
  #reportedTooFew = false;
  #headLost = false;
  /** The clock wanted a training while another one ran. */
  #dueByClock = false;

  constructor(options: TrainingTriggersOptions) {
    this.#options = options;
  }

  /**
   * Starts the clock and checks the existing labels once.
   *
   * @throws HeadlandError HL_TRAINING_CRON_INVALID
   */
  start(): void {
    const { settings, memory, labelRevision } = this.#options;
    const { cron } = settings;
    // A store that was restored from a backup has a lower revision than the stored one.
    if ((memory.get() ?? 0) > labelRevision()) memory.set(labelRevision());
    if (cron !== null) this.#cron = this.#schedule(cron);
    // Without a new label, nothing has changed since the last training began.
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

  /** Must be called after every label, after `resume` and after every training. */
  labelsChanged(): void {
    const { settings, labelledCount, knownLabels, isPaused, log } = this.#options;
    if (this.#dueByClock && !isPaused() && !this.#isOccupied()) {
      this.#start('cron');
      return;
    }
    // Counting the labels costs more the more there are, and nothing would follow from it.
    if (settings.everyNewLabels === 0) return;
    const steps = this.#steps();
    // When a head has learnt a class, its steps no longer count.
    this.#metSteps = Math.min(this.#metSteps, steps);
    const decision = decideOnLabels({
      newLabels: this.newLabels(),
      headServes: knownLabels() !== null,
      newClass: steps > this.#metSteps,
      headLost: this.#headLost,
      enoughLabels: labelledCount() >= settings.minLabels,
      everyNewLabels: settings.everyNewLabels,
      paused: isPaused(),
      training: this.#isOccupied(),
    });
    if (decision === 'train') {
      this.#start('labels');
    } else if (decision === 'too-few' && !this.#reportedTooFew) {
      this.#reportedTooFew = true;
      log.info(
        { minLabels: settings.minLabels },
        'no training yet: too few labels; it starts when there are enough',
      );
    }
  }

  /**
   * The head that had learnt the labels is lost: a training is due, and labels after `learntRevision`,
   * which the head that serves instead has learnt, count as new. Starts no training:
   * {@link labelsChanged} does.
   * @throws HeadlandError HL_STORE_…
   */
  headLost(learntRevision: number): void {
    const { memory } = this.#options;
    this.#headLost = true;
    if ((memory.get() ?? 0) > learntRevision) memory.set(learntRevision);
  }

  /** Label revision up to which the last training has learnt; 0 before the first. */
  get learntRevision(): number {
    return this.#options.memory.get() ?? 0;
  }

  /** Labels given or changed since the last training began. */
  newLabels(): number {
    return this.#options.labelCountSince(this.learntRevision);
  }

  /** Must be called when any training starts, whoever asked for it. */
  trainingStarted(): void {
    this.#revisionAtStart = this.#options.labelRevision();
    this.#metSteps = this.#steps();
    this.#reportedTooFew = false;
    this.#headLost = false;
    this.#dueByClock = false;
  }

  /**
   * Must be called at the end of a training, whatever its outcome. A training that fails must not
   * start again with the next label, but one that a power cut ended is due again. Starts no training:
   * {@link labelsChanged} does, once those that have waited for this one have started.
   */
  trainingEnded(): void {
    this.#options.memory.set(this.#revisionAtStart);
  }

  #steps(): number {
    const { knownLabels, labels, trainingCount } = this.#options;
    const known = knownLabels();
    return known ? newClassSteps(labels(), known, trainingCount) : 0;
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
    const { isPaused, isTraining, othersTrain, log } = this.#options;
    if (isPaused() || isTraining()) {
      log.info({ paused: isPaused() }, 'a scheduled training cannot start now');
      return;
    }
    // Tasks often share a time: each trains after the one before it.
    if (othersTrain()) this.#dueByClock = true;
    else this.#start('cron');
  }

  #isOccupied(): boolean {
    return this.#options.isTraining() || this.#options.othersTrain();
  }

  #start(trigger: TrainingTrigger): void {
    try {
      this.#options.start(trigger);
    } catch (error) {
      this.#options.log.warn({ trigger, err: messageOf(error) }, 'the training did not start');
    }
  }
}
