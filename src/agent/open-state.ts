import { HeadlandError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { mapNonEmpty, type NonEmpty } from '../base/non-empty.js';
import type { Config } from '../config/schema.js';
import { type Task, tasksOf } from '../config/tasks-of.js';
import { diskFreeBytes } from '../host/board-readings.js';
import { headsFolder } from '../registry/heads-folder.js';
import { HeadRegistry } from '../registry/registry.js';
import { SightingTable } from '../samples/sightings/sighting-table.js';
import { SampleStore } from '../samples/store.js';
import { AccessTable } from '../storage/access-table.js';
import { AuditLog } from '../storage/audit-table.js';
import { CommandLedger } from '../storage/commands/command-ledger.js';
import { HoldTable } from '../storage/commands/hold-table.js';
import type { Database } from '../storage/database.js';
import { EventLog } from '../storage/event-log.js';
import { Meta, type TaskMeta, taskMeta } from '../storage/meta-table.js';
import { ReportLog } from '../storage/report-log.js';
import { createStateDir } from './lifetime/state-folder.js';
import { openWholeDatabase, openWholeOrStandIn } from './safekeeping/examine-state.js';

export interface State {
  database: Database;
  databasePath: string;
  meta: Meta;
  audit: AuditLog;
  access: AccessTable;
  /** Trusted keys and begun commands. */
  commands: CommandLedger;
  /** Leases of the do-not-disturb lock. */
  holds: HoldTable;
  reports: ReportLog;
  events: EventLog;
  sightings: SightingTable;
  /** The alert rules of the configuration. */
  alertRules: Config['alerts']['rules'];
  /** The tasks of the configuration, in its order. */
  tasks: NonEmpty<TaskState>;
  /**
   * Tasks that have samples but do not stand in the configuration, sorted.
   * @throws HeadlandError HL_STORE_…
   */
  strayTasks(): string[];
  /**
   * @param name it may be left out when there is one task
   * @throws HeadlandError HL_TASK_UNKNOWN, HL_TASK_MISSING
   */
  task(name?: string): TaskState;
  close(): void;
}

/** What a robot keeps of one task. */
export interface TaskState extends Task {
  samples: SampleStore;
  heads: HeadRegistry;
  headsDir: string;
  meta: TaskMeta;
}

/**
 * Opens the state of a robot (samples, heads, outbox), and creates it if it does not exist.
 * @throws HeadlandError HL_STATE_UNWRITABLE, HL_STORE_…
 */
export function openState(config: Config, log?: Log): State {
  createStateDir(config.paths.stateDir);
  return stateIn(config, openWholeDatabase(config), log);
}

/**
 * As {@link openState}, for the daemon, which must classify even without a disk: see
 * {@link openWholeOrStandIn}.
 * @param onTrouble called for every error of the disk, including those while the state is being opened
 * @param backboneChecksum SHA-256 of the running backbone; null: none runs yet
 */
export function openStateOrStandIn(
  config: Config,
  onTrouble: (error: HeadlandError) => void,
  log: Log,
  backboneChecksum: () => string | null,
): State {
  const database = openWholeOrStandIn(config, onTrouble, log);
  return stateIn(config, database, log, backboneChecksum);
}

function stateIn(
  config: Config,
  database: Database,
  log?: Log,
  backboneChecksum: () => string | null = () => null,
): State {
  const { holdoutShare, holdoutAfterSamples } = config.samples;
  const audit = new AuditLog(database);
  const common = new SampleStore(database, {
    holdoutShare,
    holdoutAfterSamples,
    maxPictureStoreBytes: config.samples.maxPictureStoreBytes,
    minPicturesPerClass: config.samples.minPicturesPerClass,
    backboneChecksum,
    minFreeBytes: config.samples.minFreeBytes,
    freeBytes: () => diskFreeBytes(config.paths.stateDir),
    onTrashEmptied: ({ samples, bytes }) => {
      audit.append('trash-emptied', { samples, bytes });
      log?.info({ samples, bytes }, 'removed samples are gone for good, to make room');
    },
    onThinned: ({ pictures, bytes }) => {
      audit.append('thinned', { pictures, bytes });
      log?.info({ pictures, bytes }, 'pictures of labelled samples removed to make room');
    },
  });
  const meta = new Meta(database);
  const stateOf = (task: Task): TaskState => {
    const { samples, heads } = task.settings;
    const headsDir = headsFolder(config.paths.stateDir, task.name);
    const store = common.forTask(task.name, samples);
    return {
      ...task,
      samples: store,
      heads: new HeadRegistry(headsDir, {
        keep: heads.keep,
        ...(log ? { log } : {}),
        classNames: (revision) => namesSince(store, revision, log),
      }),
      headsDir,
      meta: taskMeta(meta, task.name),
    };
  };
  const tasks = mapNonEmpty(tasksOf(config), stateOf);
  return {
    database,
    databasePath: database.path,
    meta,
    audit,
    access: new AccessTable(database),
    commands: new CommandLedger(database),
    holds: new HoldTable(database),
    reports: new ReportLog(database),
    events: new EventLog(database),
    sightings: new SightingTable(database, config.position.sightings.maxRows),
    alertRules: config.alerts.rules,
    tasks,
    strayTasks: () => common.tasks().filter((name) => !tasks.some((task) => task.name === name)),
    task: (name) => chosenTask(tasks, name),
    close: () => database.close(),
  };
}

/** A disk that cannot be read must not keep a head from serving: its classes keep their names then. */
function namesSince(store: SampleStore, revision: number, log?: Log): ReadonlyMap<string, string> {
  try {
    return store.namesSince(revision);
  } catch (error) {
    log?.warn({ err: messageOf(error) }, 'cannot read which classes have other names now');
    return new Map();
  }
}

/**
 * The task that a person or a program means.
 * @param name it may be left out when there is one task
 * @throws HeadlandError HL_TASK_UNKNOWN, HL_TASK_MISSING
 */
export function chosenTask<T extends { name: string }>(tasks: NonEmpty<T>, name?: string): T {
  const names = tasks.map((task) => task.name).join(', ');
  if (name === undefined) {
    if (tasks.length === 1) return tasks[0];
    throw new HeadlandError('HL_TASK_MISSING', `this robot has several tasks: ${names}`, {
      remedy: 'Name one of them: --task NAME on the command line, "task" in a command.',
      details: { tasks: tasks.map((task) => task.name) },
    });
  }
  const found = tasks.find((task) => task.name === name);
  if (found) return found;
  throw new HeadlandError('HL_TASK_UNKNOWN', `no task is named "${name}"`, {
    remedy: `Name one of the tasks of this robot: ${names}.`,
    details: { task: name, tasks: tasks.map((task) => task.name) },
  });
}
