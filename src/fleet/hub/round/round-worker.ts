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
} from '../../../head/sums/basis.js';
import { candidatesOf, encodeCandidates } from '../../../head/sums/candidates.js';
import { headFromSums } from '../../../head/sums/fleet-head.js';
import { gaussiansFromSums } from '../../../head/sums/gaussian-sums.js';
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
    const { classes, sigma } = fleet().without(bytes);
    if (classes.length < 2) return null;
    const heads = ridgeFromSums(classes, { variance: sigma ** 2 });
    return encodeCandidates(candidatesOf(heads, gaussiansFromSums(classes)));
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

function headOf(recipe: HeadRecipe): Head {
  const { snapshot, featureSize, basis: bytes, lambda, scale, novelty } = recipe;
  const { backboneChecksum, classes, sigma } = decodeSums(snapshot);
  const basis: Basis = bytes === null ? identityBasis(featureSize) : decodeBasis(bytes);
  return headFromSums(classes, {
    backboneChecksum,
    basis,
    lambda,
    scale,
    variance: sigma ** 2,
    novelty,
  });
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
