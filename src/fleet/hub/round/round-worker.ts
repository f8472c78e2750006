import { parentPort } from 'node:worker_threads';
import { serialiseError } from '../../../base/errors.js';
import { encodeHead } from '../../../head/codec.js';
import type { Head } from '../../../head/head.js';
import {
  type Basis,
  basisFromMoment,
  decodeBasis,
  encodeBasis,
  identityBasis,
  lift,
} from '../../../head/sums/basis.js';
import { candidatesOf, encodeCandidates } from '../../../head/sums/candidates.js';
import { ridgeFromSums } from '../../../head/sums/ridge-sums.js';
import { decodeSums, encodeSums } from '../../../head/sums/task-sums.js';
import { FleetSums } from './fleet-sums.js';
import type { HeadRecipe, RoundCalls, RoundReply, RoundRequest } from './round-protocol.js';

/** The heavy mathematics of the hub, in a thread of its own. */
let loaded: FleetSums | null = null;

function fleet(): FleetSums {
  if (loaded === null) throw new Error('no sums are loaded');
  return loaded;
}

type Work = { [Call in keyof RoundCalls]: (value: RoundCalls[Call][0]) => RoundCalls[Call][1] };

const WORK: Work = {
  load: (task) => {
    loaded = new FleetSums(task);
    return null;
  },
  snapshot: () => {
    const sums = fleet().without(null);
    return {
      bytes: encodeSums(sums),
      labels: sums.classes.map(({ label }) => label),
      samples: sums.classes.reduce((sum, each) => sum + each.sums.samples, 0),
    };
  },
  candidates: (bytes) => {
    const { classes } = fleet().without(bytes);
    return classes.length < 2 ? null : encodeCandidates(candidatesOf(ridgeFromSums(classes)));
  },
  prior: (bytes) => {
    const sums = fleet().without(bytes);
    return sums.classes.length === 0 ? null : encodeSums(sums);
  },
  head: (recipe) => encodeHead(headOf(recipe)),
  basis: ({ moment, featureSize, directions }) => {
    const basis = basisFromMoment(moment, featureSize, directions);
    const bytes = basis.vectors === null ? null : encodeBasis(basis);
    return { bytes, checksum: basis.checksum, directions: basis.directions };
  },
};

function headOf({ snapshot, featureSize, basis: bytes, lambda, scale }: HeadRecipe): Head {
  const { backboneChecksum, classes } = decodeSums(snapshot);
  const basis: Basis = bytes === null ? identityBasis(featureSize) : decodeBasis(bytes);
  const { labels, weights, bias } = ridgeFromSums(classes, { lambdas: [lambda] });
  const lifted = lift(basis, weights[0] ?? new Float64Array(0));
  return {
    learner: 'ridge',
    labels,
    featureSize,
    backboneChecksum,
    transform: 'l2',
    weights: Float32Array.from(lifted, (weight) => weight * scale),
    bias: Float32Array.from(bias[0] ?? [], (value) => value * scale),
    temperature: 1,
  };
}

parentPort?.on('message', ({ id, call, value }: RoundRequest) => {
  let reply: RoundReply;
  try {
    const work = WORK[call] as (value: unknown) => unknown;
    reply = { id, value: work(value) };
  } catch (error) {
    reply = { id, error: serialiseError(error) };
  }
  parentPort?.postMessage(reply);
});
