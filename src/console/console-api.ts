import type {
  ConsoleEvent,
  ConsoleStatus,
  FrameSummary,
  HeadVersion,
  LookAlikeSample,
  Pausable,
  TrainingReport,
  WaitingSample,
} from './console-source.js';

/** The status and the robot's clock in Unix milliseconds: the clock of a phone may be wrong. */
export type ClockedStatus = ConsoleStatus & { nowMs: number };

/** JSON responses of the GET routes, shared by the server and the page. */
export interface GetAnswers {
  '/healthz': { alive: true; tokenNeeded: boolean };
  '/readyz': { ready: boolean; camera: boolean; backbone: boolean };
  '/api/status': ClockedStatus;
  '/api/latest': { frame: FrameSummary | null };
  '/api/waiting': { samples: WaitingSample[] };
  '/api/look-alikes': { samples: LookAlikeSample[] };
  '/api/reports': { reports: TrainingReport[] };
  '/api/heads': { heads: HeadVersion[] };
}

/** JSON bodies of the POST routes. */
export interface PostBodies {
  '/api/label':
    | { frameId: string; label: string; group?: string | undefined }
    | { sampleId: string; label: string }
    | { sampleIds: string[]; label: string };
  '/api/retrain': Record<string, never>;
  '/api/rollback': { version?: number | undefined };
  '/api/promote': { version: number };
  '/api/pause': { what: Pausable };
  '/api/resume': { what: Pausable };
  '/api/snapshot': { camera?: string | undefined };
}

/** JSON responses of the POST routes. */
export interface PostAnswers {
  '/api/label': { sampleId: string } | { sampleIds: string[] };
  '/api/retrain': { trainingId: string };
  '/api/rollback': { version: number };
  '/api/promote': { version: number };
  '/api/pause': { paused: readonly Pausable[] };
  '/api/resume': { paused: readonly Pausable[] };
  '/api/snapshot': { sampleId: string; frame: FrameSummary };
}

/** JSON response of every refused request. */
export interface RefusalBody {
  error: { code: string; message: string; remedy: string };
}

/** Events of `/api/stream`: `type` is the name of the event, `data` is sent as JSON on one line. */
export type StreamEvent =
  | Exclude<ConsoleEvent, { type: 'status' }>
  | { type: 'status'; data: ClockedStatus };
