import { HeadlandError } from '../../base/errors.js';
import { decodeHead } from '../../head/codec.js';
import type { Head } from '../../head/head.js';
import { RIDGE_LAMBDAS } from '../../head/learners/ridge.js';
import { judgeLogits, pickRows } from '../../head/learners/select.js';
import { headProbabilities } from '../../head/score.js';
import { type Basis, decodeBasis, identityBasis } from '../../head/sums/basis.js';
import type { LabelledSums } from '../../head/sums/blend.js';
import { invalidObject } from '../../head/sums/sealed.js';
import { decodeSums, type TaskSums } from '../../head/sums/task-sums.js';
import { groupingOf, judgedRows, type TrainingSet } from '../../head/training-set.js';
import type { Collected } from '../data/collect.js';
import type { FleetTraining } from '../job/job-protocol.js';
import type { HeadFit } from './fit-head.js';
import { readFleetObject } from './fleet-object.js';
import { type FleetPrior, fitFleetHead } from './fleet-recipe.js';

/** How a head of the fleet becomes one of this robot. */
export interface FleetPlan {
  /** With the labels of the head, which are those of robot and fleet. */
  collected: Collected;
  /** By label, 1 where the fleet knows the class. */
  knownElsewhere: Uint8Array;
  /** @param set own samples with the labels of `collected` */
  fit(set: TrainingSet, onFold: (done: number, total: number) => void): HeadFit;
}

/**
 * Opens what the hub has sent for a head.
 * @param key checksum of the features
 * @throws HeadlandError HL_FLEET_OBJECT_DAMAGED, HL_FLEET_OBJECT_INVALID, HL_HEAD_INVALID,
 *   HL_HEAD_BACKBONE_MISMATCH
 */
export async function openFleet(
  fleet: FleetTraining,
  collected: Collected,
  { key, featureSize }: { key: string; featureSize: number },
): Promise<FleetPlan> {
  const head = decodeHead(await readFleetObject(fleet.head));
  if (head.backboneChecksum !== key) throw otherBackbone(fleet.version);
  if (fleet.prior === null || !fleet.blend) return asItIs(head, collected);
  const basis =
    fleet.basis === null
      ? identityBasis(featureSize)
      : decodeBasis(await readFleetObject(fleet.basis));
  const sums = decodeSums(await readFleetObject(fleet.prior));
  checkPrior(sums, basis, key);
  const own = collected.classes.map(({ label }) => label);
  const classes = withLocalNames(sums.classes, fleet.aliases, own);
  const known = new Set(classes.map(({ label }) => label));
  const labels = [...new Set([...collected.labels, ...known])].sort();
  const prior: FleetPrior = {
    basis,
    classes,
    variance: sums.sigma ** 2,
    lambda: RIDGE_LAMBDAS[fleet.lambdaIndex] ?? RIDGE_LAMBDAS[0]!,
    scale: fleet.scale,
    scores: head.novelty?.scores ?? new Float32Array(0),
  };
  return {
    collected: { ...collected, labels },
    knownElsewhere: Uint8Array.from(labels, (label) => (known.has(label) ? 1 : 0)),
    fit: (set, onFold) => fitFleetHead(set, labels, prior, onFold),
  };
}

/** The head of the fleet without own samples in it; they only judge it. */
function asItIs(head: Head, collected: Collected): FleetPlan {
  const known = new Set(head.labels);
  const training = collected.training.filter(({ label }) => known.has(label));
  return {
    collected: { ...collected, training, labels: [...head.labels] },
    knownElsewhere: new Uint8Array(head.labels.length).fill(1),
    fit: (set) => {
      const originals = set.isView.reduce((sum, isView) => sum + (isView === 0 ? 1 : 0), 0);
      const features = set.features.subarray(0, originals * set.featureSize);
      const probabilities = headProbabilities(head, features);
      const { labels, judged } = judgedRows(set, groupingOf(set));
      const scores = judgeLogits(
        pickRows(probabilities, set.classCount, judged).map((p) => Math.log(Math.max(p, 1e-12))),
        judged.map((row) => labels[row]!),
        set.classCount,
      );
      const { learner, weights, bias, transform, temperature, novelty, gaussianScale } = head;
      return {
        recipe: {
          learner,
          fit: {
            weights,
            bias,
            transform,
            lambda: 0,
            leaveGroupOutLogits: probabilities.map((p) => Math.log(Math.max(p, 1e-12))),
            candidates: [],
            grouping: 'group',
            singleGroupClasses: [],
          },
          views: 0,
          temperature,
          ...(novelty && gaussianScale !== undefined
            ? { gaussians: { scale: gaussianScale, model: novelty } }
            : {}),
          leaveGroupOutProbabilities: probabilities,
          macroLogLoss: scores.logLoss,
          macroF1: scores.macroF1,
        },
        novelty: novelty ?? noNovelty(head),
        table: [],
      };
    },
  };
}

/**
 * Classes of the fleet by the words of the robot: where the fleet has another name for a label of the robot,
 * and the robot does not use that name, too.
 * @returns sorted by label
 */
export function withLocalNames(
  classes: readonly LabelledSums[],
  aliases: FleetTraining['aliases'],
  own: readonly string[],
): LabelledSums[] {
  const used = new Set(own);
  const local = new Map<string, string>();
  for (const { label, instead } of aliases) {
    if (used.has(label) && !used.has(instead) && !local.has(instead)) local.set(instead, label);
  }
  return classes
    .map(({ label, sums }) => ({ label: local.get(label) ?? label, sums }))
    .sort((one, other) => (one.label < other.label ? -1 : 1));
}

function checkPrior(sums: TaskSums, basis: Basis, key: string): void {
  if (sums.basisChecksum === basis.checksum && sums.backboneChecksum === key) return;
  throw invalidObject('sums in another basis or on another backbone');
}

function noNovelty({ labels }: Head): never {
  throw invalidObject(`a head of ${labels.length} classes that detects no unknown things`);
}

function otherBackbone(version: number): HeadlandError {
  return new HeadlandError(
    'HL_HEAD_BACKBONE_MISMATCH',
    `head ${version} of the fleet was trained on another backbone`,
    {
      remedy: 'Set models.backbone and inference.fit as on the other robots, then train again.',
      details: { version },
    },
  );
}
