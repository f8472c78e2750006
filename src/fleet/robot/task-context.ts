import type { HeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import {
  emptyMemory,
  type FleetMemory,
  readTaskMemory,
  type TaskMemory,
  writeTaskMemory,
} from './fleet-memory.js';
import type { FleetSurroundings, FleetTask, RunningBackbone } from './fleet-ports.js';
import type { FleetWork, FleetWorkResult } from './job/fleet-job-protocol.js';
import type { ObjectFetcher } from './objects/object-fetcher.js';
import type { ObjectFolder } from './objects/object-folder.js';
import type { ObjectSender } from './objects/object-sender.js';

export interface TaskParts {
  task: FleetTask;
  settings: Config['fleet'];
  databasePath: string;
  memory: FleetMemory;
  folder: ObjectFolder;
  fetcher: ObjectFetcher;
  sender: ObjectSender;
  surroundings: FleetSurroundings;
  /** The robot shares sums now. */
  isSharing: () => boolean;
  /** Computes in a process of low priority. @throws HeadlandError */
  compute: (work: FleetWork) => Promise<FleetWorkResult>;
  /** Monotonic, milliseconds. */
  nowMs: () => number;
  log: Log;
}

/** What sharing and following have in common: one task of a robot in a fleet. */
export class TaskContext {
  #memory: TaskMemory | null;
  /** Why the robot cannot do what the hub wants, by what is concerned. */
  readonly #problems = new Map<string, HeadlandError>();

  constructor(readonly parts: TaskParts) {
    this.#memory = readTaskMemory(parts.task.meta);
  }

  get name(): string {
    return this.parts.task.name;
  }

  /** What is remembered; of another backbone: only what counts on. */
  memoryOf({ checksum }: RunningBackbone): TaskMemory {
    const known = this.#memory;
    if (known?.backbone === checksum) return known;
    const fresh = emptyMemory(checksum);
    if (known) {
      fresh.version = known.version;
      fresh.releases = known.releases;
    }
    this.#memory = fresh;
    return fresh;
  }

  get remembered(): TaskMemory | null {
    return this.#memory;
  }

  /** Durable when it returns. @throws HeadlandError HL_STORE_… */
  save(): void {
    if (this.#memory) writeTaskMemory(this.parts.task.meta, this.#memory);
  }

  get problem(): HeadlandError | null {
    for (const problem of this.#problems.values()) return problem;
    return null;
  }

  /** @param problem null: it is solved */
  setProblem(what: string, problem: HeadlandError | null): void {
    const before = this.#problems.get(what);
    if (problem === null) {
      this.#problems.delete(what);
      return;
    }
    this.#problems.set(what, problem);
    if (before?.message === problem.message) return;
    const { code, message } = problem;
    this.parts.log.warn({ code, task: this.name }, message);
  }
}
