import { randomUUID } from 'node:crypto';
import type { Offer } from '../../../src/fleet/contract/desired.js';
import { encodeEvaluation } from '../../../src/fleet/contract/evaluation-codec.js';
import type { Reported } from '../../../src/fleet/contract/reported.js';
import { identityBasis, project } from '../../../src/head/sums/basis.js';
import { decodeCandidates, judgeCandidates } from '../../../src/head/sums/candidates.js';
import { encodeSums, sumsByClass } from '../../../src/head/sums/task-sums.js';
import { placeData } from '../../../test/fleet/places.js';

export const TASK = 'weeds';
export const BACKBONE = 'scale';
/** As many as the usual basis has; the hub takes all of them, so that no basis has to be fetched. */
export const DIRECTIONS = 256;
/** Every robot has taught it. */
export const COMMON = 'maize';
const OTHERS = ['dock', 'grass', 'thistle', 'clover', 'nettle'];
const SAMPLES = 8;

/** What people taught a robot: three classes, 24 samples. */
export interface Taught {
  labels: string[];
  /** L2-normalised, rows x {@link DIRECTIONS}. */
  z: Float64Array;
  /** Encoded. */
  sums: Uint8Array;
}

/** The same number gives the same samples. */
export function taught(number: number): Taught {
  const names = [COMMON, OTHERS[number % 5] ?? '', OTHERS[(number + 2) % 5] ?? ''];
  const { features, labels } = placeData(`place-${number}`, names, SAMPLES, DIRECTIONS);
  const basis = identityBasis(DIRECTIONS);
  const z = project(basis, features);
  const sums = encodeSums({
    backboneChecksum: BACKBONE,
    basisChecksum: basis.checksum,
    directions: DIRECTIONS,
    sigma: 0,
    classes: sumsByClass(z, DIRECTIONS, labels, shares(labels)),
  });
  return { labels, z, sums };
}

/** The answers of a robot about candidates. */
export function judged({ z, labels }: Taught, round: number, offer: Offer, bytes: Uint8Array) {
  const candidates = decodeCandidates(bytes);
  return encodeEvaluation({
    schema: 'fleet/evaluation/1',
    backbone: BACKBONE,
    round,
    candidates: offer.object,
    training: judgeCandidates(candidates, z, labels, shares(labels)),
    holdout: judgeCandidates(candidates, z.subarray(0, 0), [], new Float64Array(0)),
  });
}

type ReportedTask = Reported['tasks'][number];

/** What a robot says of itself. */
export class ReportWriter {
  readonly epoch = randomUUID();
  #number = 0;

  constructor(private readonly labels: readonly string[]) {}

  next(state: Partial<Pick<ReportedTask, 'sums' | 'evaluated' | 'head' | 'serving'>>): Buffer {
    const counts = new Map<string, number>();
    for (const label of this.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    this.#number += 1;
    const report: Reported = {
      schema: 'fleet/reported/1',
      at: new Date().toISOString(),
      epoch: this.epoch,
      number: this.#number,
      version: '0.0.0',
      share: true,
      privacy: null,
      position: { latitude: 48.1, longitude: 11.5 },
      tasks: [
        {
          task: TASK,
          backbone: { name: 'bench', checksum: BACKBONE, feature_size: DIRECTIONS },
          labels: [...counts].map(([label, samples]) => ({ label, samples })),
          sums: null,
          moment: null,
          evaluated: null,
          head: null,
          serving: null,
          unknown_share: 0.02,
          problem: null,
          ...state,
        },
      ],
    };
    return Buffer.from(JSON.stringify(report));
  }
}

function shares(labels: readonly string[]): Float64Array {
  return new Float64Array(labels.length).fill(1);
}
