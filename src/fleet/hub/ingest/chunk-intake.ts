import { HeadlandError, isHeadlandError } from '../../../base/errors.js';
import { sha256Hex } from '../../../base/hash.js';
import {
  type Chunk,
  type ChunkHeader,
  decodeChunk,
  ROBOT_OBJECTS,
  type RobotObject,
} from '../../contract/chunk-codec.js';
import { decodeEvaluation } from '../../contract/evaluation-codec.js';
import type { HubStore, HubTables } from '../store/hub-store.js';
import { BY_HUB } from '../store/tables/audit-rows.js';
import type { RobotRow } from '../store/tables/robot-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';
import type { UploadRow } from '../store/tables/upload-rows.js';
import { quarantineFaulty } from './content-faults.js';
import { checkedMoment, checkedSums } from './object-check.js';
import { isRoomFor } from './report-intake.js';

export interface ChunkLimits {
  maxRobots: number;
  maxObjectBytes: number;
  maxPendingBytes: number;
  /** Of one robot in one task. */
  maxClasses: number;
}

export interface ChunkIntakeOptions {
  /** false: a robot whose objects are refused for their content is flagged, not quarantined. Default: true. */
  automatic?: boolean;
  /** Told the code of each object that is refused, when this is stored. */
  onRefused?: (code: string) => void;
}

/** Most unfinished objects of a robot. */
const MAX_UPLOADS = 8;

/** A chunk of an object of a robot. */
interface RobotChunk extends Chunk {
  header: ChunkHeader & { kind: RobotObject; epoch: string; version: number };
}

/** Takes objects of robots, chunk by chunk: in any order, more than once, and by any hub. */
export class ChunkIntake {
  constructor(
    private readonly store: HubStore,
    private readonly limits: ChunkLimits,
    private readonly options: ChunkIntakeOptions = {},
  ) {}

  /** @throws HeadlandError HL_FLEET_STORE_UNAVAILABLE, HL_STORE_…: it is not stored */
  async take(robot: string, payload: Uint8Array, nowMs = Date.now()): Promise<void> {
    const chunk = readChunk(payload);
    const refused = await this.store.transaction(async (tables) => {
      if (chunk === null) {
        await tables.robots.count(robot, 'refused');
        return 'HL_FLEET_CHUNK_INVALID';
      }
      if (!(await isRoomFor(tables, robot, this.limits.maxRobots))) return null;
      const row = await tables.robots.enter(robot, chunk.header.epoch, nowMs);
      const scope = await tables.scopes.find(chunk.header.task, chunk.header.backbone);
      if (row === null || (await isOld(tables, scope, robot, chunk.header))) {
        await tables.robots.count(robot, 'replayed');
        return null;
      }
      // A robot that withdrew sends nothing; the task comes with the first report.
      if (row.share === 0 || scope === null) {
        await tables.robots.count(robot, 'refused');
        return null;
      }
      return this.#add(tables, row, scope, chunk, nowMs);
    });
    if (refused !== null) this.options.onRefused?.(refused);
  }

  /** @returns code of a refusal; null: there is none */
  async #add(
    tables: HubTables,
    row: RobotRow,
    scope: ScopeRow,
    { header, payload }: RobotChunk,
    nowMs: number,
  ): Promise<string | null> {
    const { robot } = row;
    const { object, chunks, bytes } = header;
    const upload: UploadRow = {
      robot,
      object,
      header: JSON.stringify(aboutOf(header)),
      chunks,
      bytes,
      atMs: nowMs,
    };
    if (bytes > this.limits.maxObjectBytes) {
      return this.#refuse(tables, robot, scope, header, tooLarge(bytes, this.limits), nowMs);
    }
    await this.#makeRoom(tables, upload);
    await tables.uploads.begin(upload);
    const here = await tables.uploads.add(
      robot,
      object,
      header.index,
      header.offset,
      payload,
      nowMs,
    );
    if (here < chunks) return null;
    const whole = assembled(await tables.uploads.parts(robot, object), bytes);
    await tables.uploads.remove(robot, object);
    if (whole === null || sha256Hex(whole) !== object) {
      // Not told to the robot, which sends it again: some chunk was damaged on the way.
      await tables.robots.count(robot, 'refused');
      return 'HL_FLEET_CHUNK_INVALID';
    }
    return this.#finish(tables, robot, scope, header, whole, nowMs);
  }

  async #finish(
    tables: HubTables,
    robot: string,
    scope: ScopeRow,
    header: RobotChunk['header'],
    bytes: Uint8Array,
    nowMs: number,
  ): Promise<string | null> {
    try {
      const taken = await this.#takeObject(tables, robot, scope, header, bytes, nowMs);
      await tables.robots.count(robot, taken ? 'accepted' : 'replayed');
      if (!taken) return null;
      await forgiveRefusal(tables, robot, scope, header.kind);
      await tables.robots.touch(robot);
      return null;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return this.#refuse(tables, robot, scope, header, error, nowMs);
    }
  }

  /** @returns the code */
  async #refuse(
    tables: HubTables,
    robot: string,
    scope: ScopeRow,
    { object, kind }: RobotChunk['header'],
    error: HeadlandError,
    nowMs: number,
  ): Promise<string> {
    const { code, message } = error;
    const { task } = scope;
    const known = (await tables.robotTasks.ofRobot(robot)).find((row) => row.scope === scope.id);
    const refusal = { object, kind, code, message: message.slice(0, 1_024) };
    await tables.robots.count(robot, 'refused');
    if (known?.refusal === JSON.stringify(refusal)) return code;
    await tables.robotTasks.setRefusal(robot, scope.id, refusal);
    await tables.robots.touch(robot);
    await tables.audit.add({
      atMs: nowMs,
      by: BY_HUB,
      action: 'refused',
      robot,
      task,
      detail: refusal,
    });
    const { automatic = true } = this.options;
    await quarantineFaulty(tables, robot, { task, ...refusal }, automatic, nowMs);
    return code;
  }

  /** @returns false: it is not newer than what is there */
  async #takeObject(
    tables: HubTables,
    robot: string,
    scope: ScopeRow,
    header: RobotChunk['header'],
    bytes: Uint8Array,
    nowMs: number,
  ): Promise<boolean> {
    const { kind, object, epoch, version } = header;
    if (kind === 'evaluation') {
      const { round, candidates } = decodeEvaluation(bytes);
      return tables.rounds.answer(scope.id, round, robot, candidates, bytes, nowMs);
    }
    // Nobody changes the basis meanwhile.
    const locked = (await tables.scopes.lock(scope.id)) ?? scope;
    const row = {
      scope: scope.id,
      robot,
      kind,
      object,
      epoch,
      version,
      bytes,
      atMs: nowMs,
    };
    if (kind === 'moment') {
      // Late: the basis is fixed without it.
      if (locked.basisChecksum !== null) return false;
      const { samples, sigma } = checkedMoment(bytes, locked);
      await tables.contributions.put({ ...row, samples, sigma, classes: '[]' });
      return true;
    }
    const never = await tables.names.neverShared(scope.id);
    const { classes, sigma } = checkedSums(bytes, locked, never, this.limits.maxClasses);
    const counts = classes.map(({ label, sums }) => ({ label, samples: sums.samples }));
    const samples = counts.reduce((sum, each) => sum + each.samples, 0);
    await tables.contributions.put({ ...row, samples, sigma, classes: JSON.stringify(counts) });
    return true;
  }

  /** Removes the oldest unfinished objects for the sake of a new one. */
  async #makeRoom(tables: HubTables, upload: UploadRow): Promise<void> {
    let others = await tables.uploads.ofRobot(upload.robot);
    const same = others.find(({ object }) => object === upload.object);
    if (same) {
      const fits = same.chunks === upload.chunks && same.bytes === upload.bytes;
      if (fits && same.header === upload.header) return;
      // The header of a chunk is wrong, of this one or of the one before: the newer counts, or the object
      // could never come again.
      await tables.uploads.remove(upload.robot, upload.object);
      await tables.robots.count(upload.robot, 'refused');
      others = others.filter((other) => other !== same);
    }
    let pending = others.reduce((sum, { bytes }) => sum + bytes, upload.bytes);
    for (const [i, { object, bytes }] of others.entries()) {
      const isFull = pending > this.limits.maxPendingBytes || others.length - i >= MAX_UPLOADS;
      if (!isFull) break;
      await tables.uploads.remove(upload.robot, object);
      pending -= bytes;
    }
  }
}

async function isOld(
  tables: HubTables,
  scope: ScopeRow | null,
  robot: string,
  { kind, epoch, version }: RobotChunk['header'],
): Promise<boolean> {
  if (scope === null || kind === 'evaluation') return false;
  const known = await tables.contributions.find(scope.id, robot, kind);
  return known !== null && known.epoch === epoch && version <= known.version;
}

/** An object was taken: a refusal of another kind of object holds until one of that kind is taken. */
async function forgiveRefusal(
  tables: HubTables,
  robot: string,
  scope: ScopeRow,
  kind: RobotObject,
): Promise<void> {
  const known = (await tables.robotTasks.ofRobot(robot)).find((row) => row.scope === scope.id);
  if (known === undefined || known.refusal === null) return;
  const refused = JSON.parse(known.refusal) as { kind: RobotObject };
  if (refused.kind === kind) await tables.robotTasks.setRefusal(robot, scope.id, null);
}

/** A fault of the object, not of the store. */
function isRefusal(error: unknown): error is HeadlandError {
  return (
    isHeadlandError(error) &&
    !error.code.startsWith('HL_STORE_') &&
    error.code !== 'HL_FLEET_STORE_UNAVAILABLE'
  );
}

function readChunk(payload: Uint8Array): RobotChunk | null {
  let chunk: Chunk;
  try {
    chunk = decodeChunk(payload);
  } catch (error) {
    if (isHeadlandError(error, 'HL_FLEET_CHUNK_INVALID')) return null;
    throw error;
  }
  const { header, payload: bytes } = chunk;
  const { kind, epoch, version } = header;
  if (!isRobotObject(kind) || epoch === undefined || version === undefined) return null;
  return { header: { ...header, kind, epoch, version }, payload: bytes };
}

function isRobotObject(kind: ChunkHeader['kind']): kind is RobotObject {
  return ROBOT_OBJECTS.some((known) => known === kind);
}

/** What all chunks of an object say. */
function aboutOf({ kind, task, backbone, epoch, version }: RobotChunk['header']): object {
  return { kind, task, backbone, epoch, version };
}

/** @returns null: the chunks do not fit together */
function assembled(
  parts: readonly { start: number; payload: Uint8Array }[],
  bytes: number,
): Uint8Array | null {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const { start, payload } of parts) {
    if (start !== at || at + payload.length > bytes) return null;
    whole.set(payload, at);
    at += payload.length;
  }
  return at === bytes ? whole : null;
}

function tooLarge(bytes: number, { maxObjectBytes }: ChunkLimits): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_OBJECT_TOO_LARGE',
    `an object of ${bytes} bytes, above ${maxObjectBytes}`,
    {
      remedy:
        'Raise limits.maxObjectBytes of the hub, or use fewer directions (learning.basisDirections).',
    },
  );
}
