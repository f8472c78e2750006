import type { SavedClip } from '../../alerts/clips/clip-recorder.js';
import type { AlertEvent } from '../../alerts/rules.js';
import type { Alarm } from '../../base/alarms.js';
import type { HeadlandError } from '../../base/errors.js';
import { type Eye, eyeOf } from '../../base/words/eye.js';
import type { FleetNews } from '../../fleet/robot/fleet-ports.js';
import { describeTrial, type ShadowTrial, tally } from '../../gate/shadow.js';
import type { RateLimit } from '../../host/rate.js';
import type { Decision } from '../../perception/decision.js';
import type { TaskAnswer } from '../../perception/perception-protocol.js';
import type { SampleCounts } from '../../samples/sample-counts.js';
import type {
  EventBody,
  MetricsBody,
  ModelBody,
  PredictionBody,
} from '../../telemetry/contract/messages.js';
import type { Hold } from '../do-not-disturb.js';
import type { ModelStatus } from '../learning/model-status.js';
import type { RecentFrame } from '../seeing/recent-frames.js';
import { type AlertEvidence, NO_EVIDENCE } from './alerts/alert-actor.js';
import { positionMessage } from './position-message.js';

/** Converts the daemon's own types to messages of the MQTT contract. Pure. */

/** Who holds the robot, as answers and the status show it. */
export function holdsMessage(
  holds: readonly Hold[],
): { holder: string; reason: string | null; seconds_left: number }[] {
  return holds.map(({ holder, reason, secondsLeft }) => {
    return { holder, reason, seconds_left: Math.round(secondsLeft * 10) / 10 };
  });
}

export function predictionMessage(
  { frameId, frame, perceived: { timings } }: RecentFrame,
  { task, decision, scene }: TaskAnswer,
  sampleId: string | null,
): PredictionBody {
  return {
    task,
    frame_id: frameId,
    ...placeOf(frame),
    sequence: frame.sequence,
    captured_at: isoTime(frame.capturedAtMs),
    label: decision.label,
    probability: round(decision.probability),
    guess: decision.guess,
    ...(scene
      ? { belief: round(scene.probability), belief_label: scene.label, scene_frames: scene.frames }
      : {}),
    top: roundedTop(decision),
    head_version: decision.headVersion,
    ...(decision.trust ? { trust: decision.trust } : {}),
    ...(decision.learnt
      ? { head_labels: decision.learnt.labels, label_revision: decision.learnt.revision }
      : {}),
    novelty_p_value: decision.noveltyPValue === null ? null : round(decision.noveltyPValue),
    timings: {
      decode_ms: round(timings.decodeMs),
      backbone_ms: round(timings.backboneMs),
      head_ms: round(timings.headMs),
      total_ms: round(timings.totalMs),
    },
    ...(sampleId === null ? {} : { sample_id: sampleId }),
    ...(frame.located ? { position: positionMessage(frame.located.position) } : {}),
  };
}

export function modelMessage({
  task,
  card,
  learnt,
  pinned,
  backbone,
  trust,
  next,
}: ModelStatus): ModelBody {
  return {
    task,
    head_version: card?.version ?? null,
    labels: [...(learnt?.head.labels ?? card?.labels ?? [])],
    learner: card?.learner ?? learnt?.head.learner ?? null,
    holdout_macro_f1: card?.holdout?.macroF1 ?? null,
    trained_at: card?.createdAt ?? null,
    backbone,
    pinned,
    trust,
    next_step: next,
    ...(learnt ? { head_labels: learnt.labels, label_revision: learnt.revision } : {}),
  };
}

/** @param occurredAtMs Unix time, milliseconds; the time in the alert is monotonic */
export function alertMessage(
  alert: AlertEvent,
  occurredAtMs: number,
  { sampleId, clip }: AlertEvidence = NO_EVIDENCE,
): EventBody {
  const { rule, state, task, label, probability, condition, noveltyPValue, output } = alert;
  const raised = state === 'raised';
  const where =
    alert.camera === null ? (task ?? 'the robot') : eyeOf({ ...alert, camera: alert.camera });
  const what = condition === null ? `"${label}"` : condition;
  return {
    kind: `alert_${state}`,
    severity: raised ? 'critical' : 'info',
    message: raised ? `${rule}: ${what} on ${where}` : `${rule}: ${state} on ${where}`,
    details: {
      rule,
      ...(task === null ? {} : { task }),
      ...(alert.camera === null ? {} : placeOf({ ...alert, camera: alert.camera })),
      ...(condition === null ? { label, probability } : { condition }),
      ...(noveltyPValue === null ? {} : { novelty_p_value: round(noveltyPValue) }),
      output,
      ...(sampleId === null ? {} : { sample_id: sampleId }),
      ...(clip === null ? {} : { clip }),
      occurred_at: isoTime(occurredAtMs),
    },
  };
}

export function clipSavedMessage({
  rule,
  file,
  bytes,
  frames,
  durationMs,
  ...eye
}: SavedClip): EventBody {
  return {
    kind: 'clip_saved',
    severity: 'info',
    message: `${rule}: clip ${file} of ${eyeOf(eye)}`,
    details: { rule, ...placeOf(eye), clip: file, bytes, frames, duration_ms: durationMs },
  };
}

export function alarmRaisedMessage({ name, severity, error }: Alarm): EventBody {
  const { code, message, remedy, details } = error;
  return {
    kind: 'alarm_raised',
    severity,
    code,
    message: message.slice(0, 2_048),
    details: { ...details, alarm: name, remedy },
  };
}

export function alarmClearedMessage({ name, error }: Alarm, raisedForMs: number): EventBody {
  return {
    kind: 'alarm_cleared',
    severity: 'info',
    code: error.code,
    message: `cleared: ${error.message}`.slice(0, 2_048),
    details: { alarm: name, raised_for_seconds: Math.round(raisedForMs / 1_000) },
  };
}

export function labelRequestedMessage(
  recent: RecentFrame,
  { task, decision }: Pick<TaskAnswer, 'task' | 'decision'>,
  sampleId: string,
): EventBody {
  return {
    kind: 'label_requested',
    severity: 'info',
    message: `frame ${recent.frameId} needs a label: answer with cmd/label`,
    details: {
      task,
      sample_id: sampleId,
      frame_id: recent.frameId,
      ...placeOf(recent.frame),
      top: roundedTop(decision),
    },
  };
}

/** Result of a shadow trial: the previous head serves again, or a refused one now serves. */
export function trialMessage(task: string, trial: ShadowTrial): EventBody {
  const { labels, currentAlone, previousAlone, wealth } = tally(trial);
  const back = trial.outcome === 'rolled-back';
  const [from, to] = back ? [trial.version, trial.previous] : [trial.previous, trial.version];
  const [fromAlone, toAlone] = back ? [currentAlone, previousAlone] : [previousAlone, currentAlone];
  return {
    kind: 'head_changed',
    severity: back ? 'warning' : 'info',
    message: `head ${to} serves ${back ? 'again' : 'now'}; ${describeTrial(trial)}`,
    details: {
      task,
      cause: 'shadow_trial',
      from_version: from,
      to_version: to,
      labels,
      right_only_from: fromAlone,
      right_only_to: toAlone,
      odds: round(wealth),
      odds_alarm: trial.alarmAt,
    },
  };
}

/** Event: a head of the fleet was taken or refused, or an earlier one serves again. */
export function fleetHeadMessage(
  task: string,
  { kind, fleetVersion, localVersion, reason }: FleetNews,
): EventBody {
  const what = {
    fleet_head_taken: 'serves',
    fleet_head_refused: 'was refused',
    fleet_rolled_back: 'was rolled back',
  };
  const why = reason === null ? '' : `: ${reason}`;
  return {
    kind: 'fleet_head',
    severity: kind === 'fleet_rolled_back' ? 'warning' : 'info',
    message: `fleet head ${fleetVersion} ${what[kind]}${why}`.slice(0, 2_048),
    details: { task, outcome: kind, fleet_version: fleetVersion, head_version: localVersion },
  };
}

/** Event: head `version` cannot serve. `instead` serves; null: no head does. */
export function unusableMessage(
  task: string,
  version: number,
  error: HeadlandError,
  instead: number | null,
): EventBody {
  const now = instead === null ? 'no usable head, none serves' : `head ${instead} serves instead`;
  return {
    kind: 'head_changed',
    severity: 'warning',
    code: error.code,
    message: `head ${version} cannot serve; ${now}: ${error.message}`.slice(0, 2_048),
    details: {
      task,
      cause: 'unusable',
      from_version: version,
      to_version: instead,
      remedy: error.remedy,
    },
  };
}

/** Event: the limit of the frame rate has changed. */
export function rateLimitMessage(
  { framesPerSecond, reason }: RateLimit,
  temperatureC: number | null,
): EventBody {
  const limited = framesPerSecond !== null;
  return {
    kind: 'temperature',
    severity: limited ? 'warning' : 'info',
    message: limited
      ? `frame rate limited to ${framesPerSecond.toFixed(1)} frames/s: ${reason}`
      : 'frame rate no longer limited',
    details: {
      max_frames_per_second: framesPerSecond === null ? null : round(framesPerSecond),
      reason,
      temperature_c: temperatureC,
    },
  };
}

export function failureMessage(
  error: HeadlandError,
  kind: EventBody['kind'] = 'failure',
  severity: EventBody['severity'] = 'warning',
): EventBody {
  const { code, message, remedy, details } = error;
  return {
    kind,
    severity,
    code,
    message: message.slice(0, 2_048),
    details: { remedy, ...details },
  };
}

/** Totals over tasks: a sample counts once for each of its tasks. */
export function sampleTotals(counts: readonly SampleCounts[]): MetricsBody['samples'] {
  const sum = (numberOf: (of: SampleCounts) => number): number =>
    counts.reduce((total, of) => total + numberOf(of), 0);
  return {
    total: sum(({ total }) => total),
    labelled: sum(({ labelled }) => labelled),
    waiting: sum(({ waiting }) => waiting),
    thinned: sum(({ thinned }) => thinned),
    holdout: sum(({ classes }) => classes.reduce((total, { holdout }) => total + holdout, 0)),
  };
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function roundedTop(decision: Decision): { label: string; probability: number }[] {
  return decision.top.map(({ label, probability }) => ({ label, probability: round(probability) }));
}

/** Rounds to four decimals; more carry no information in a probability. */
export function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

/** Camera and region as messages name them; the whole image has no region. */
function placeOf({ camera, region }: Eye): { camera: string; region?: string } {
  return region === null ? { camera } : { camera, region };
}
