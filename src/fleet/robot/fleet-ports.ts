import type { HeadlandError } from '../../base/errors.js';
import type { Position } from '../../base/geo/position.js';
import type { Config } from '../../config/schema.js';
import type { HeadRegistry } from '../../registry/registry.js';
import type { StoredHead } from '../../registry/version-directory.js';
import type { SampleStore } from '../../samples/store.js';
import type { TaskMeta } from '../../storage/meta-table.js';
import type { FleetTraining } from '../../training/job/job-protocol.js';
import type { ChunkOutbox } from './objects/object-sender.js';

/** The backbone that runs. */
export interface RunningBackbone {
  name: string;
  /** Identifies the features. */
  checksum: string;
  featureSize: number;
}

/** What the fleet needs of one task of the robot. */
export interface FleetTask {
  name: string;
  samples: Pick<SampleStore, 'labelRevision' | 'classGeneration' | 'labelCounts' | 'labels'>;
  heads: Pick<HeadRegistry, 'list' | 'pinned'>;
  meta: TaskMeta;
  /** Settings that a job opens the samples with. */
  storeSettings: Config['samples'];
  /** The head that serves; null: none does. */
  serving(): StoredHead | null;
  /** The serving head is on trial beside the one that it replaced. */
  isOnTrial(): boolean;
  isTraining(): boolean;
  /** Why no training may start now; null: one may start. */
  obstacle(): HeadlandError | null;
  /** Starts a training and resolves with its id. @throws HeadlandError HL_TRAINING_… */
  train(fleet: FleetTraining): Promise<string>;
  /** Serves an earlier version. @throws HeadlandError HL_HEAD_… */
  rollBack(version: number): Promise<void>;
}

/** What the fleet needs of the connection to the broker. */
export interface FleetLink extends ChunkOutbox {
  subscribe(topic: string, onMessage: (payload: Uint8Array) => void): void;
  whenReady(onReady: () => void): void;
  publishRetained(topic: string, payload: () => Uint8Array): void;
  /** @returns false: not now */
  sendOnce(topic: string, payload: Uint8Array): boolean;
}

/** What a robot tells of itself. */
export interface FleetSurroundings {
  backbone(): RunningBackbone | null;
  position(): Position | null;
  /** Share of the last decisions of a task that were "unknown", 0..1; null: it has not decided. */
  unknownShare(task: string): number | null;
  /** A program holds the robot: nothing heavy runs and nothing changes. */
  isHeld(): boolean;
  /** Something that people should know. */
  tell(task: string, what: FleetNews): void;
}

/** A head of the fleet was taken or refused, or the fleet cannot go on. */
export interface FleetNews {
  kind: 'fleet_head_taken' | 'fleet_head_refused' | 'fleet_rolled_back';
  fleetVersion: number;
  localVersion: number | null;
  reason: string | null;
}
