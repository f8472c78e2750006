import { createRandom } from '../../../src/base/random.js';
import type { DesiredTask } from '../../../src/fleet/contract/desired.js';
import { encodeHead } from '../../../src/head/codec.js';
import { RIDGE_LAMBDAS } from '../../../src/head/learners/ridge.js';
import { identityBasis, project } from '../../../src/head/sums/basis.js';
import type { LabelledSums } from '../../../src/head/sums/blend.js';
import { headFromSums } from '../../../src/head/sums/fleet-head.js';
import { HISTOGRAM_BINS } from '../../../src/head/sums/gaussian-sums.js';
import { encodeSums, sumsByClass } from '../../../src/head/sums/task-sums.js';
import { FEATURES } from '../../agent/support.js';
import { featuresOf, normal } from './fleet-robot.js';
import type { HubStandIn } from './hub-stand-in.js';

const LAMBDA_INDEX = 3;

/** Sums of other robots. @param looks what the samples of a label look like; default: as the label */
export function otherSums(
  labels: readonly string[],
  count: number,
  looks: (label: string) => string = (label) => label,
): LabelledSums[] {
  const random = createRandom(99);
  const names = labels.flatMap((label) => Array.from({ length: count }, () => label));
  const all = new Float32Array(names.length * FEATURES);
  for (const [row, name] of names.entries()) {
    all.set(
      featuresOf(looks(name), () => normal(random)),
      row * FEATURES,
    );
  }
  const shares = new Float64Array(names.length).fill(1);
  return sumsByClass(project(identityBasis(FEATURES), all), FEATURES, names, shares);
}

/** A head of the fleet and the sums of the others, as the hub makes them with the real mathematics. */
export function offerHead(
  hub: HubStandIn,
  backbone: string,
  version: number,
  classes: LabelledSums[],
): NonNullable<DesiredTask['head']> {
  const basis = identityBasis(FEATURES);
  const scale = 10;
  const head = headFromSums(classes, {
    backboneChecksum: backbone,
    basis,
    lambda: RIDGE_LAMBDAS[LAMBDA_INDEX]!,
    scale,
    novelty: Array.from({ length: HISTOGRAM_BINS }, () => 1),
  });
  const prior = encodeSums({
    backboneChecksum: backbone,
    basisChecksum: basis.checksum,
    directions: FEATURES,
    sigma: 0,
    classes,
  });
  return {
    fleet_version: version,
    head: hub.offer('head', encodeHead(head)),
    prior: hub.offer('prior', prior),
    round: 1,
    lambda_index: LAMBDA_INDEX,
    scale,
    samples: Math.round(classes.reduce((sum, { sums }) => sum + sums.samples, 0)),
    roll_back: false,
  };
}
