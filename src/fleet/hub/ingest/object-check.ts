import { HeadlandError } from '../../../base/errors.js';
import { invalidObject } from '../../../head/sums/sealed.js';
import {
  decodeSums,
  MAX_ROBOT_SIGMA,
  robotFault,
  sumsBytes,
  type TaskSums,
} from '../../../head/sums/task-sums.js';
import { decodeMoment, type Moment } from '../../contract/moment-codec.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';

/**
 * Reads the sums of a robot, and refuses what does not belong to the task as it is now.
 * @param maxClasses that a robot may send: bounds the memory that an object takes
 * @throws HeadlandError HL_FLEET_OBJECT_INVALID, HL_FLEET_OBJECT_TOO_LARGE, HL_FLEET_BACKBONE_OTHER,
 *   HL_FLEET_BASIS_OTHER, HL_FLEET_LABEL_LOCAL
 */
export function checkedSums(
  bytes: Uint8Array,
  scope: ScopeRow,
  neverShared: readonly string[],
  maxClasses: number,
): TaskSums {
  const sums = decodeSums(bytes, sumsBytes(scope.directions ?? scope.featureSize, maxClasses));
  const fault = robotFault(sums);
  if (fault !== null) throw invalidObject(fault);
  checkBackbone(sums.backboneChecksum, scope);
  if (sums.basisChecksum !== scope.basisChecksum || sums.directions !== scope.directions) {
    throw new HeadlandError(
      'HL_FLEET_BASIS_OTHER',
      `the sums of task "${scope.task}" are in basis ${sums.basisChecksum}, the fleet has ${scope.basisChecksum ?? 'none yet'}`,
      { remedy: 'Nothing: the robot fetches the basis of the fleet and sends its sums again.' },
    );
  }
  const local = sums.classes.find(({ label }) => neverShared.includes(label));
  if (local) {
    throw new HeadlandError(
      'HL_FLEET_LABEL_LOCAL',
      `the sums of task "${scope.task}" contain "${local.label}", which robots must not send`,
      { remedy: 'Nothing: the robot leaves the label out and sends its sums again.' },
    );
  }
  return sums;
}

/** @throws HeadlandError HL_FLEET_OBJECT_INVALID, HL_FLEET_BACKBONE_OTHER */
export function checkedMoment(bytes: Uint8Array, scope: ScopeRow): Moment {
  const moment = decodeMoment(bytes);
  checkBackbone(moment.backbone, scope);
  const fault = momentFault(moment, scope);
  if (fault !== null) {
    throw new HeadlandError(
      'HL_FLEET_OBJECT_INVALID',
      `cannot use a moment of the fleet: ${fault}`,
      { remedy: 'Use the same version of headland on the robots and on the hub.' },
    );
  }
  return moment;
}

/** The trace of a sum of outer products of unit vectors is their number. */
function momentFault(
  { featureSize, samples, sigma, values }: Moment,
  scope: ScopeRow,
): string | null {
  if (featureSize !== scope.featureSize) return `${featureSize} features`;
  if (!(samples > 0 && samples <= 10_000_000)) return `${samples} samples`;
  if (sigma > MAX_ROBOT_SIGMA) return `noise of ${sigma}`;
  const noise = 8 * sigma;
  const most = samples * (1 + 1e-3) + noise;
  if (!values.every((value) => Math.abs(value) <= most)) return 'a value is too large';
  let trace = 0;
  for (let i = 0; i < featureSize; i++) trace += values[(i * (i + 3)) / 2] ?? 0;
  const slack = samples * 1e-3 + noise * Math.sqrt(featureSize);
  return trace >= -slack && trace <= samples + slack ? null : `a trace of ${trace}`;
}

function checkBackbone(backbone: string, scope: ScopeRow): void {
  if (backbone === scope.backbone) return;
  throw new HeadlandError(
    'HL_FLEET_BACKBONE_OTHER',
    `an object of task "${scope.task}" belongs to backbone ${backbone}, not to ${scope.backbone}`,
    { remedy: 'Use the same version of headland on the robots and on the hub.' },
  );
}
