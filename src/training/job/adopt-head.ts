import { decodeHead } from '../../head/codec.js';
import type { Head } from '../../head/head.js';
import type { LabelledMetrics } from '../../head/labelled-metrics.js';
import { judgeTrust } from '../../head/trust.js';
import type { NewHeadCard } from '../../registry/head-card.js';
import type { HeadRegistry } from '../../registry/registry.js';
import { readFleetObject } from '../fit/fleet-object.js';
import type { JobResult } from '../report.js';
import { labelEffect } from '../verdict/label-effect.js';
import type { FleetTraining, JobSettings } from './job-protocol.js';

/**
 * Publishes the head of a fleet as it is, with nothing learnt on this robot and no comparison. It promotes
 * nothing.
 * @throws HeadlandError HL_FLEET_OBJECT_DAMAGED, HL_HEAD_INVALID
 */
export async function adoptHead(
  settings: JobSettings,
  fleet: FleetTraining,
  registry: HeadRegistry,
  labelRevision: number,
): Promise<JobResult> {
  const trained = decodeHead(await readFleetObject(fleet.head));
  const head = await registry.stage(trained);
  const decision = {
    promote: true,
    reason: `Fleet head ${fleet.version} as it is: this robot has too few labels to judge it.`,
    evidence: 'none' as const,
    samples: 0,
    checks: [],
  };
  const trust = judgeTrust(head.labels, []);
  const leaveGroupOut = noMetrics(head.labels);
  const championVersion = await registry.current();
  const version = await registry.publish(
    head,
    describe(settings, fleet, head, { labelRevision, trust, gate: decision, leaveGroupOut }),
    [],
  );
  const { learner, transform, temperature } = head;
  const samples = fleet.samples;
  return {
    version,
    championVersion,
    decision,
    verdict: {
      key: 'verdict.fleet-as-it-is',
      values: { version: fleet.version, samples },
      text: `Fleet head ${fleet.version}, learnt from ${samples} samples of other robots: taken as it is.`,
    },
    score: null,
    gained: [],
    lost: [],
    effect: labelEffect([], head.labels, () => '', [], null),
    learner,
    lambda: 0,
    transform,
    temperature,
    trust,
    caution: null,
    classes: [],
    samples: { training: 0, holdout: 0, skipped: 0 },
    skipped: [],
    holdout: null,
    championHoldout: null,
    leaveGroupOut,
    candidates: [],
    durationsMs: {},
    forwards: 0,
  };
}

function describe(
  settings: JobSettings,
  fleet: FleetTraining,
  head: Head,
  about: Pick<NewHeadCard, 'labelRevision' | 'trust' | 'gate' | 'leaveGroupOut'>,
): NewHeadCard {
  return {
    createdAt: new Date().toISOString(),
    trainingId: settings.trainingId,
    trigger: settings.trigger,
    learner: head.learner,
    lambda: 0,
    transform: head.transform,
    temperature: head.temperature,
    setProbability: head.setProbability,
    noveltySamples: head.novelty?.scores.length,
    labels: [...head.labels],
    ...about,
    fleet: { version: fleet.version, object: fleet.object, samples: fleet.samples },
    featureSize: head.featureSize,
    backbone: {
      name: settings.models.backbone,
      checksum: head.backboneChecksum,
      fit: settings.inference.fit,
    },
    samples: [],
    holdout: null,
    leaveGroupOutMacroLogLoss: 0,
    refused: null,
    augmentation: { recipe: '', views: 0, seed: 0 },
    durationsMs: {},
  };
}

function noMetrics(labels: readonly string[]): LabelledMetrics {
  const none = { precision: 0, recall: 0, f1: 0, auc: null, support: 0 };
  return {
    labels: [...labels],
    samples: 0,
    accuracy: 0,
    macroPrecision: 0,
    macroRecall: 0,
    macroF1: 0,
    weightedF1: 0,
    macroAuc: null,
    microAuc: null,
    logLoss: 0,
    ece: 0,
    confusion: labels.map(() => labels.map(() => 0)),
    perClass: labels.map(() => none),
  };
}
