import type { LabelledMetrics } from '../../head/labelled-metrics.js';
import type {
  Holdout,
  TrainingProgressBody,
  TrainingReportBody,
} from '../../telemetry/contract/messages.js';
import type { TrainingProgress } from '../../training/job/job-protocol.js';
import type { TrainingReport } from '../../training/report.js';

/** Converts training progress and reports to messages of the MQTT contract. Pure. */

export function trainingProgressMessage(
  { phase, done, total, etaSeconds, paused }: TrainingProgress,
  task: string,
  trainingId: string,
): TrainingProgressBody {
  return {
    task,
    training_id: trainingId,
    phase,
    done,
    total,
    eta_seconds: etaSeconds,
    paused,
  };
}

export function trainingReportMessage(report: TrainingReport): TrainingReportBody {
  const { result, error } = report;
  return {
    task: report.task,
    training_id: report.trainingId,
    trigger: report.trigger,
    outcome: report.outcome,
    verdict: { ...report.verdict, text: report.verdict.text.slice(0, 4_096) },
    reason: report.reason.slice(0, 4_096),
    head_version: result?.version ?? null,
    samples: result ? result.samples.training + result.samples.holdout : 0,
    classes: result ? result.classes.filter((entry) => !entry.leftOut).length : 0,
    holdout: result ? holdoutMessage(result.holdout) : null,
    champion_holdout: result ? holdoutMessage(result.championHoldout) : null,
    learner: result?.learner ?? null,
    lambda: result?.lambda ?? null,
    duration_seconds: report.durationMs / 1_000,
    trust: result?.trust.level ?? null,
    next_step: result?.trust.next ?? null,
    left_out: (result?.classes ?? [])
      .filter(({ leftOut }) => leftOut)
      .map(({ label, missing }) => ({ label, labels_missing: missing })),
    ...(error ? { error: { code: error.code, message: error.message, remedy: error.remedy } } : {}),
  };
}

function holdoutMessage(metrics: LabelledMetrics | null): Holdout | null {
  if (!metrics) return null;
  return {
    accuracy: metrics.accuracy,
    macro_precision: metrics.macroPrecision,
    macro_recall: metrics.macroRecall,
    macro_f1: metrics.macroF1,
    macro_auc: metrics.macroAuc,
    log_loss: metrics.logLoss,
    samples: metrics.samples,
    confusion: metrics.confusion,
    labels: metrics.labels,
  };
}
