import type { AlertEvent } from '../alerts/rules.js';
import { HeadlandError } from '../base/errors.js';
import type { NonEmpty } from '../base/non-empty.js';
import { eyeOf } from '../base/words/eye.js';
import type { SettingChange } from '../config/settings/setting-change.js';
import type { TaskAnswer } from '../perception/perception-protocol.js';
import type { Switcher } from '../registry/history.js';
import type { StoredHead } from '../registry/version-directory.js';
import type { ClassChange } from '../samples/editing/class-changes.js';
import type { LookAlike } from '../samples/look-alikes.js';
import type { FormerState, Sample, SampleChange } from '../samples/sample.js';
import type { SampleStore } from '../samples/store.js';
import { StorePatience } from '../storage/store-patience.js';
import type { AuditTrail, Requester } from './audit-trail.js';
import type { DoNotDisturb, Hold } from './do-not-disturb.js';
import type { Labelling } from './learning/labelling.js';
import type { TrainingService } from './learning/training-service.js';
import { chosenTask } from './open-state.js';
import type { Pausable, Pausing } from './pausing.js';
import type { RecentFrame, RecentFrames } from './seeing/recent-frames.js';
import type { RobotSettings } from './settings/robot-settings.js';

/** A frame that is still in memory, or a stored sample to label or relabel. */
export type LabelTarget = { frame: string; group?: string | undefined } | { sample: string };

/** The heads of a task, as far as a person changes which one serves. */
export interface SwitchableHeads {
  current(): Promise<number | null>;
  promote(version: number, by: Switcher): Promise<StoredHead>;
  rollback(version: number | undefined, by: Switcher): Promise<StoredHead>;
  pin(version: number | null, by: Switcher): Promise<void>;
  /** Makes the serving head speak the names that classes have now. */
  follow(): Promise<void>;
}

/** What operations need of a task. */
export interface OperationTask {
  name: string;
  labelling: Labelling;
  samples: SampleStore;
  heads: SwitchableHeads;
  training: Pick<TrainingService, 'start'>;
  /** Called after every label of the task: notifies everything that learns from labels. */
  onLabel(): void;
  /** Called when a person wants to label this sample: it is asked about before all others. */
  onRequest(sampleId: string): void;
}

/** A label that is stored. */
export interface LabelOutcome {
  sample: Sample;
  /** A decision with this label revision or a later one includes the label. */
  labelRevision: number;
  /** Names the change, for {@link Operations.undo}; null: it was not made on the page, or changed nothing. */
  undo: string | null;
}

/** A change of stored samples. */
export interface ChangeOutcome {
  /** Number of samples that are different now. */
  changed: number;
  labelRevision: number;
  /** As in {@link LabelOutcome}. */
  undo: string | null;
}

/** A change of a whole class. */
export interface ClassOutcome {
  change: ClassChange;
  labelRevision: number;
  /** Names of the alert rules that still name the old class. */
  rules: string[];
}

/** What operations need of alerts. */
export interface AlertOutputs {
  reportSpeed(metersPerSecond: number): void;
  /** @throws HeadlandError HL_ALERT_RULE_UNKNOWN */
  acknowledge(rule: string | null): AcknowledgedAlert[];
  /** @throws HeadlandError HL_OUTPUT_UNKNOWN, HL_OUTPUT_UNAVAILABLE, HL_OUTPUT_BUSY */
  test(output: string, durationMs: number): number;
  /** @throws HeadlandError HL_ALERT_RULE_UNKNOWN, HL_ALERT_COMMAND_FAILED, HL_OUTPUT_BUSY */
  tryCommand(rule: string): Promise<void>;
}

/** An alert whose output a person has switched off. */
export type AcknowledgedAlert = Pick<AlertEvent, 'rule' | 'task' | 'camera' | 'region' | 'output'>;

export interface OperationParts {
  tasks: NonEmpty<OperationTask>;
  recent: Pick<RecentFrames, 'get' | 'latest' | 'remembered'>;
  pausing: Pausing;
  disturbance: Pick<DoNotDisturb, 'holds' | 'obstacle' | 'hold' | 'release'>;
  /** Called after a hold has begun or ended. */
  onHold?: () => void;
  audit: AuditTrail;
  /** The outputs of alerts; null: no outputs in this process. */
  outputs: AlertOutputs | null;
  /** The alert rules of the settings. */
  rules: readonly { name: string; task: string | null; labels: readonly string[] }[];
  /** The cameras of this process, by name. */
  cameras: ReadonlyMap<string, { requestPicture(): void }>;
  /** The settings of this process; null: they cannot be changed here. */
  settings: Pick<RobotSettings, 'apply' | 'restart'> | null;
  /** Called after settings were written. */
  onSettings?: (paths: readonly string[]) => void;
}

/**
 * Every operation that a person can carry out on this robot, shared by MQTT, the web page, buttons and
 * the command line. This class holds the rules, the audit and the effects of an operation; the interfaces
 * only parse requests and format answers. Every operation may throw HeadlandErrors. A task may be left
 * out (undefined) when the robot has one; else HL_TASK_MISSING, HL_TASK_UNKNOWN.
 */
export class Operations {
  /** Another process that writes for a moment neither refuses a person nor stops the robot. */
  readonly #patience = new StorePatience();

  constructor(private readonly parts: OperationParts) {}

  /**
   * Labels a frame or a sample, or corrects the label of a sample. The label is durable when it resolves.
   * @throws HeadlandError HL_FRAME_GONE, HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID, HL_LABEL_ALIKE, HL_STORE_…
   */
  label(
    target: LabelTarget,
    label: string,
    by: Requester,
    taskName?: string,
  ): Promise<LabelOutcome> {
    const frame = 'frame' in target ? this.parts.recent.get(target.frame) : undefined;
    const meant = taskName ?? onlyTaskOf(frame);
    return this.#audited('label', { ...target, label }, by, meant, (task) => {
      const { labelling, samples, onLabel } = task;
      const { sample, undo } = samples.batch(() => {
        const done =
          'sample' in target
            ? labelling.labelSample(target.sample, label, by.source)
            : labelling.labelFrame(target.frame, label, by.source, target.group);
        return { sample: done.sample, undo: remembered(task, [done.before], by) };
      });
      onLabel();
      return { sample, labelRevision: samples.labelRevision(), undo };
    });
  }

  /**
   * Labels the newest frame of a camera or region. The label is durable when it resolves.
   * @throws HeadlandError HL_FRAME_NONE, and as {@link label}
   */
  async labelLatest(
    eye: string,
    label: string,
    by: Requester,
    taskName?: string,
  ): Promise<LabelOutcome> {
    const { recent, audit } = this.parts;
    const latest =
      recent.latest(eye, taskName) ??
      // A press that labels nothing is audited, too.
      (await audit.around('label', { task: taskName ?? null, eye, label }, by, () =>
        this.#latest(eye, taskName),
      ));
    return this.label({ frame: latest.frameId }, label, by, taskName);
  }

  /**
   * Classifies the next picture of a camera, even if nothing moves in it and whatever the rate limit.
   * Not audited, because a light barrier asks several times a second and changes neither labels nor heads.
   * @throws HeadlandError HL_CAMERA_UNKNOWN, HL_INFERENCE_PAUSED
   */
  capture(camera: string): void {
    const { cameras, pausing } = this.parts;
    const found = cameras.get(camera);
    if (!found) {
      throw new HeadlandError('HL_CAMERA_UNKNOWN', `there is no camera "${camera}"`, {
        remedy: `Use one of: ${[...cameras.keys()].join(', ')}.`,
      });
    }
    if (pausing.has('inference')) {
      throw new HeadlandError('HL_INFERENCE_PAUSED', 'inference is paused', {
        remedy: 'Resume it: send the command `resume` with `{"what": "inference"}`.',
      });
    }
    found.requestPicture();
  }

  /**
   * Labels stored samples, or corrects their labels: all or none. Durable when it resolves.
   * Near-duplicates come into one group before: see `LookAlikes.label`.
   * @param sampleIds 1..64
   * @returns the samples, and the label revision at which a decision includes these labels
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID, HL_LABEL_ALIKE, HL_STORE_…
   */
  labelMany(
    sampleIds: readonly string[],
    label: string,
    by: Requester,
    taskName?: string,
  ): Promise<{ samples: Sample[]; labelRevision: number; undo: string | null }> {
    return this.#audited('label', { samples: sampleIds, label }, by, taskName, (task) => {
      const { labelling, samples, onLabel } = task;
      const { labelled, undo } = samples.batch(() => {
        const done = labelling.labelSamples(sampleIds, label, by.source);
        return { labelled: done.samples, undo: remembered(task, done.before, by) };
      });
      onLabel();
      return { samples: labelled, labelRevision: samples.labelRevision(), undo };
    });
  }

  /**
   * Labels stored samples, takes their labels off, excludes, removes or brings them back: all or none.
   * Durable when it resolves.
   * @param sampleIds 1..1,000
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID, HL_LABEL_ALIKE, HL_STORE_…
   */
  changeSamples(
    sampleIds: readonly string[],
    to: SampleChange,
    by: Requester,
    taskName?: string,
  ): Promise<ChangeOutcome> {
    const details = { samples: sampleIds.slice(0, AUDITED_IDS), count: sampleIds.length, ...to };
    return this.#audited('change_samples', details, by, taskName, (task) => {
      const { labelling, samples, onLabel } = task;
      const { changed, undo } = samples.batch(() => {
        const before = labelling.changeSamples(sampleIds, to, by.source);
        const different = before.filter((each) => {
          const now = samples.stateOf(each.id);
          return now.state !== each.state || now.mark.label !== each.mark.label;
        });
        return { changed: different.length, undo: remembered(task, before, by) };
      });
      onLabel();
      return { changed, labelRevision: samples.labelRevision(), undo };
    });
  }

  /**
   * Takes a change of samples or of a class back. Samples that were changed again since keep their state.
   * @param change `undo` of an earlier outcome
   * @throws HeadlandError HL_UNDO_UNKNOWN, HL_CLASS_CHANGE_UNKNOWN, HL_CLASS_UNDO_LATE, HL_STORE_…
   */
  undo(
    change: string,
    by: Requester,
    taskName?: string,
  ): Promise<{ changed: number; kept: number; undo: string | null }> {
    return this.#audited('undo', { change }, by, taskName, async (task) => {
      const { samples, onLabel } = task;
      const [, step, id] = CLASS_HANDLE.exec(change) ?? [];
      if (id === undefined) {
        const undone = samples.undo(change, by.source);
        onLabel();
        return undone;
      }
      const undone =
        step === 'again'
          ? samples.repeatClassChange(Number(id), by.source)
          : samples.undoClassChange(Number(id), by.source);
      await this.#classesChanged(task);
      const undo = step === 'again' ? classHandle(undone) : `again-${id}`;
      return { changed: undone.samples, kept: 0, undo };
    });
  }

  /**
   * Gives a class another name; the serving head speaks it at once.
   * @throws HeadlandError HL_CLASS_UNKNOWN, HL_CLASS_EXISTS, HL_LABEL_INVALID, HL_LABEL_ALIKE
   */
  renameClass(from: string, to: string, by: Requester, taskName?: string): Promise<ClassOutcome> {
    return this.#changeClass('rename_class', { from, to }, by, taskName, ({ samples }) =>
      samples.renameClass(from, to, by.source),
    );
  }

  /**
   * Makes two classes one, called `into`; the serving head answers it at once.
   * @throws HeadlandError HL_CLASS_UNKNOWN, HL_CLASS_EXISTS
   */
  mergeClass(from: string, into: string, by: Requester, taskName?: string): Promise<ClassOutcome> {
    return this.#changeClass('merge_class', { from, into }, by, taskName, ({ samples }) =>
      samples.mergeClass(from, into, by.source),
    );
  }

  /**
   * Takes the samples of a class out of training, evaluation and the queue. The next training knows it no
   * more.
   * @throws HeadlandError HL_CLASS_UNKNOWN
   */
  ignoreClass(label: string, by: Requester, taskName?: string): Promise<ClassOutcome> {
    return this.#changeClass('ignore_class', { label }, by, taskName, ({ samples }) =>
      samples.ignoreClass(label, by.source),
    );
  }

  #changeClass(
    operation: string,
    details: Record<string, string>,
    by: Requester,
    taskName: string | undefined,
    work: (task: OperationTask) => ClassChange,
  ): Promise<ClassOutcome> {
    return this.#audited(operation, details, by, taskName, async (task) => {
      const change = work(task);
      await this.#classesChanged(task);
      const rules = this.parts.rules.filter(
        (rule) => (rule.task ?? task.name) === task.name && rule.labels.includes(change.from),
      );
      return {
        change,
        labelRevision: task.samples.labelRevision(),
        rules: rules.map(({ name }) => name),
      };
    });
  }

  /**
   * Notifies what learns from labels of an import. Not audited: the store keeps each label's history.
   * @throws HeadlandError HL_TASK_UNKNOWN, HL_TASK_MISSING
   */
  labelsCame(taskName?: string): void {
    this.#task(taskName).onLabel();
  }

  async #classesChanged({ heads, onLabel }: OperationTask): Promise<void> {
    await heads.follow();
    onLabel();
  }

  /**
   * The waiting samples of the pass that look like a sample, most alike first, at most 63. Not audited,
   * because it changes nothing.
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_SAMPLE_NOT_EMBEDDED, HL_STORE_…
   */
  lookAlikes(sampleId: string, taskName?: string): LookAlike[] {
    return this.#task(taskName).labelling.lookAlikes(sampleId);
  }

  /**
   * Starts a training and resolves with its id without waiting for its end.
   * @throws HeadlandError HL_TRAINING_RUNNING, HL_TRAINING_PAUSED, HL_BOARD_TOO_HOT
   */
  retrain(by: Requester, taskName?: string): Promise<string> {
    return this.#audited('retrain', {}, by, taskName, ({ training }) => training.start(by.source));
  }

  /**
   * Switches to `version`, by default to the head that served before.
   * @throws HeadlandError HL_HEAD_NO_PREVIOUS, HL_HEAD_UNKNOWN_VERSION, HL_HEAD_INVALID,
   *   HL_HEAD_BACKBONE_MISMATCH, HL_PERCEPTION_CRASHED, HL_ROBOT_HELD
   */
  rollback(version: number | undefined, by: Requester, taskName?: string): Promise<StoredHead> {
    return this.#audited('rollback', { version }, by, taskName, ({ heads }) => {
      this.#throwIfHeld();
      return heads.rollback(version, by.source);
    });
  }

  /** Switches to `version` even if the gate has refused it. @throws as {@link rollback} */
  promote(version: number, by: Requester, taskName?: string): Promise<StoredHead> {
    return this.#audited('promote', { version }, by, taskName, ({ heads }) => {
      this.#throwIfHeld();
      return heads.promote(version, by.source);
    });
  }

  /**
   * Keeps a head serving: trainings and trials go on, but do not replace it. A rollback or a promotion by
   * a person moves the pin to the chosen head.
   * @param version it begins to serve if it does not yet; default: the serving head
   * @returns the pinned version
   * @throws HeadlandError HL_HEAD_NONE_SERVES, and as {@link rollback}
   */
  pin(version: number | undefined, by: Requester, taskName?: string): Promise<number> {
    return this.#audited('pin', { version }, by, taskName, async ({ heads }) => {
      const current = await heads.current();
      const wanted = version ?? current;
      if (wanted === null) throw nothingToPin();
      if (wanted !== current) {
        this.#throwIfHeld();
        await heads.rollback(wanted, by.source);
      }
      await heads.pin(wanted, by.source);
      return wanted;
    });
  }

  /** Ends a pin; without one it has no effect. */
  unpin(by: Requester, taskName?: string): Promise<void> {
    return this.#audited('unpin', {}, by, taskName, ({ heads }) => heads.pin(null, by.source));
  }

  /** @returns what is paused now */
  pause(what: Pausable, by: Requester): Promise<Pausable[]> {
    const { pausing, audit } = this.parts;
    return audit.around('pause', { what }, by, () => {
      pausing.pause(what);
      return pausing.paused;
    });
  }

  /** @returns what is still paused */
  resume(what: Pausable, by: Requester): Promise<Pausable[]> {
    const { pausing, audit } = this.parts;
    return audit.around('resume', { what }, by, () => {
      pausing.resume(what);
      return pausing.paused;
    });
  }

  /**
   * Holds the robot for a time: no training, and no other head. Renewed with the same name.
   * @param seconds 1..3,600
   * @returns who holds now
   */
  hold(
    { holder, seconds, reason }: { holder: string; seconds: number; reason?: string | undefined },
    by: Requester,
  ): Promise<Hold[]> {
    const { disturbance, audit, onHold } = this.parts;
    return audit.around('hold', { holder, seconds, reason }, by, () => {
      disturbance.hold(holder, seconds, reason ?? null);
      onHold?.();
      return disturbance.holds();
    });
  }

  /** Ends the hold of a holder; without one it has no effect. @returns who still holds */
  release(holder: string, by: Requester): Promise<Hold[]> {
    const { disturbance, audit, onHold } = this.parts;
    return audit.around('release', { holder }, by, () => {
      disturbance.release(holder);
      onHold?.();
      return disturbance.holds();
    });
  }

  /**
   * Reports the speed of the robot, for outputs that are delayed by distance. Not audited here, because
   * it comes several times a second and changes neither labels nor heads; commands over MQTT are counted.
   * @param metersPerSecond 0 or more
   */
  speed(metersPerSecond: number): void {
    this.parts.outputs?.reportSpeed(metersPerSecond);
  }

  /**
   * Switches off the outputs of the alerts that are raised now, and those that a cleared alert keeps on.
   * They stay off until the alert has cleared and rises again.
   * @param rule only alerts of this rule; default: all
   * @returns the alerts that nobody had acknowledged
   * @throws HeadlandError HL_ALERT_RULE_UNKNOWN
   */
  acknowledgeAlerts(rule: string | undefined, by: Requester): Promise<AcknowledgedAlert[]> {
    const { audit, outputs } = this.parts;
    return audit.around('acknowledge_alerts', { rule }, by, () =>
      outputs === null ? [] : outputs.acknowledge(rule ?? null),
    );
  }

  /**
   * Switches an output on for a time, so that a person sees whether it works.
   * @param seconds more than 0, at most 10
   * @returns the end of the test, milliseconds of the monotonic clock
   * @throws HeadlandError HL_OUTPUT_UNKNOWN, HL_OUTPUT_UNAVAILABLE, HL_OUTPUT_BUSY
   */
  testOutput(output: string, seconds: number, by: Requester): Promise<number> {
    return this.parts.audit.around('test_output', { output, seconds }, by, () =>
      this.#outputs.test(output, seconds * 1_000),
    );
  }

  /**
   * Runs the command of an alert rule, so that a person sees whether it works; resolves when it has ended.
   * @throws HeadlandError HL_ALERT_RULE_UNKNOWN, HL_ALERT_COMMAND_FAILED, HL_OUTPUT_BUSY
   */
  testCommand(rule: string, by: Requester): Promise<void> {
    return this.parts.audit.around('test_command', { rule }, by, () =>
      this.#outputs.tryCommand(rule),
    );
  }

  /**
   * Writes changes of settings, and runs with them shortly after it resolves. The audit names the settings
   * and not their values.
   * @throws HeadlandError see {@link RobotSettings.apply}
   */
  changeSettings(
    changes: readonly SettingChange[],
    checksum: string,
    by: Requester,
  ): ReturnType<RobotSettings['apply']> {
    const paths = changes.map(({ path }) => path);
    return this.parts.audit.around('settings', { paths }, by, async () => {
      const applied = await this.#settings.apply(changes, checksum);
      this.parts.onSettings?.(paths);
      return applied;
    });
  }

  /**
   * Ends the process in order shortly after it resolves, and starts it again.
   * @throws HeadlandError HL_RESTART_UNAVAILABLE, HL_SETTINGS_BUSY
   */
  restart(by: Requester): Promise<void> {
    return this.parts.audit.around('restart', {}, by, () => this.#settings.restart());
  }

  /**
   * Stores the newest frame as a sample that waits for a label. Not audited here, because it changes
   * neither labels nor heads; commands over MQTT are counted.
   * @param taskName it may be left out when one task decides on the frame; without `eye`, the newest
   *   frame that this task has decided on
   * @param frameId stores this frame in memory instead of the newest
   * @throws HeadlandError HL_FRAME_NONE, HL_FRAME_GONE, HL_TASK_UNKNOWN, HL_STORE_…
   */
  async snapshot(
    eye: string | undefined,
    taskName?: string,
    frameId?: string,
  ): Promise<{ recent: RecentFrame; answer: TaskAnswer; sample: Sample }> {
    const named = taskName === undefined ? null : this.#task(taskName);
    const latest =
      frameId === undefined ? this.#latest(eye, taskName) : this.parts.recent.remembered(frameId);
    const task = named ?? this.#task(onlyTaskOf(latest));
    const { answers } = latest.perceived;
    const answer = answers.find((each) => each.task === task.name);
    if (!answer) {
      const deciding = answers.map((each) => each.task);
      throw undecidedBy(task.name, eyeOf(latest.frame), deciding);
    }
    const sample = await this.#patience.wait(() => task.labelling.keepWaiting(latest));
    await this.parts.audit.settled();
    task.onRequest(sample.id);
    return { recent: latest, answer, sample };
  }

  /** The newest frame that a task has decided on, else the newest of the eye. */
  #latest(eye: string | undefined, taskName: string | undefined): RecentFrame {
    const { recent } = this.parts;
    const latest =
      recent.latest(eye, taskName) ?? (eye === undefined ? undefined : recent.latest(eye));
    if (latest) return latest;
    const source = eye === undefined ? 'any camera' : `camera "${eye}"`;
    throw new HeadlandError('HL_FRAME_NONE', `there is no frame from ${source} yet`, {
      remedy: 'Run `headland status`: it lists the cameras and shows why one delivers no frames.',
      details: { camera: eye ?? null },
    });
  }

  #throwIfHeld(): void {
    const obstacle = this.parts.disturbance.obstacle();
    if (obstacle) throw obstacle;
  }

  get #outputs(): AlertOutputs {
    if (this.parts.outputs) return this.parts.outputs;
    throw notHere('outputs');
  }

  get #settings(): Pick<RobotSettings, 'apply' | 'restart'> {
    if (this.parts.settings) return this.parts.settings;
    throw notHere('settings');
  }

  #task(name: string | undefined): OperationTask {
    return chosenTask(this.parts.tasks, name);
  }

  #audited<T>(
    operation: string,
    details: Record<string, unknown>,
    by: Requester,
    taskName: string | undefined,
    work: (task: OperationTask) => Promise<T> | T,
  ): Promise<T> {
    const { audit, tasks } = this.parts;
    const task = taskName ?? (tasks.length === 1 ? tasks[0].name : null);
    return audit.around(operation, { task, ...details }, by, () =>
      this.#patience.wait(() => work(this.#task(taskName))),
    );
  }
}

/** Ids that the audit lists of a change of many samples. */
const AUDITED_IDS = 64;
const CLASS_HANDLE = /^(class|again)-(\d{1,15})$/;

/** Names a change of a class, for {@link Operations.undo}. */
export function classHandle({ id }: ClassChange): string {
  return `class-${id}`;
}

/** Only the page has a button for it, and each change takes room. */
function remembered(
  { samples }: OperationTask,
  before: readonly FormerState[],
  { source }: Requester,
): string | null {
  return source === 'console' ? samples.remember(before) : null;
}

function notHere(what: string): HeadlandError {
  return new HeadlandError('HL_SETTINGS_READ_ONLY', `this process has no ${what} to change`, {
    remedy: 'Ask the running daemon, through its page.',
  });
}

function nothingToPin(): HeadlandError {
  return new HeadlandError('HL_HEAD_NONE_SERVES', 'no head serves that could be pinned', {
    remedy: 'Train (`headland train`), or name a version that `headland models heads` lists.',
  });
}

/** Name of the task that decides on a frame, if it is the only one. */
function onlyTaskOf(recent: RecentFrame | undefined): string | undefined {
  const [only, ...others] = recent?.perceived.answers ?? [];
  return others.length === 0 ? only?.task : undefined;
}

/** @param tasks those that decide on the images of this camera or region */
export function undecidedBy(task: string, eye: string, tasks: readonly string[]): HeadlandError {
  return new HeadlandError('HL_TASK_UNKNOWN', `the task "${task}" does not decide on ${eye}`, {
    remedy: `Name one of the tasks that decide on it: ${tasks.join(', ')}.`,
    details: { task, eye, tasks },
  });
}
