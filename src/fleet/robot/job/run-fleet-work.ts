import { isHeadlandError } from '../../../base/errors.js';
import { sha256Hex } from '../../../base/hash.js';
import { type Basis, decodeBasis, identityBasis, project } from '../../../head/sums/basis.js';
import {
  type CandidateAnswers,
  decodeCandidates,
  judgeCandidates,
} from '../../../head/sums/candidates.js';
import { packedLength, sumsOfRows } from '../../../head/sums/class-sums.js';
import { secureNormal, withNoise } from '../../../head/sums/privacy.js';
import { invalidObject } from '../../../head/sums/sealed.js';
import {
  decodeSums,
  encodeSums,
  sumsByClass,
  type TaskSums,
} from '../../../head/sums/task-sums.js';
import type { SampleStore } from '../../../samples/store.js';
import { readFleetObject } from '../../../training/fit/fleet-object.js';
import type { ObjectFile } from '../../../training/job/job-protocol.js';
import type { PauseGate } from '../../../training/job/pause-gate.js';
import { encodeEvaluation } from '../../contract/evaluation-codec.js';
import { encodeMoment } from '../../contract/moment-codec.js';
import { ObjectFolder } from '../objects/object-folder.js';
import { contributedRows, judgedRows, type Rows } from './contributed-samples.js';
import type { BasisFile, Contribution, FleetWork, FleetWorkResult } from './fleet-job-protocol.js';
import {
  contentOf,
  decodeGiven,
  encodeGiven,
  type Given,
  type SettledRows,
  settle,
} from './given-samples.js';

/** Rows between two passes of the gate. */
const STEP_ROWS = 64;

/**
 * Computes what the robot sends, and writes it into the folder of the fleet.
 * @throws HeadlandError HL_FLEET_OBJECT_…, HL_STORE_…
 */
export async function runFleetWork(
  work: FleetWork,
  store: SampleStore,
  gate: PauseGate,
): Promise<FleetWorkResult> {
  switch (work.kind) {
    case 'moment':
      return contribute(work, store, gate, { about: [], last: null }, ({ rows }) =>
        momentOf(work, rows, gate),
      );
    case 'sums': {
      const basis = await openBasis(work.basis, work.featureSize);
      const last = await readIfWhole(work.last, decodeSums);
      return contribute(work, store, gate, { about: [basis.checksum], last }, (settled) =>
        sumsOf(work, basis, settled, gate),
      );
    }
    case 'evaluation':
      return evaluate(work, store, gate);
  }
}

/** Makes a contribution, unless its content is the same as that of the last. */
async function contribute(
  work: Contribution,
  store: SampleStore,
  gate: PauseGate,
  { about, last }: { about: readonly unknown[]; last: TaskSums | null },
  encode: (settled: SettledRows) => Promise<Uint8Array>,
): Promise<FleetWorkResult> {
  const { backbone, sigma, known, outDir } = work;
  const now = await contributedRows(store, work, gate);
  // Noise hides one sample in each contribution and in all of them together.
  const before: Given = sigma > 0 ? new Map() : await readGiven(work.given);
  const settled = settle(store, now, before, last, work);
  const { included } = settled;
  const content = contentOf(included, [backbone, sigma, ...about]);
  const samples = [...included.values()].reduce((sum, { size }) => sum + size, 0);
  const { pending } = now;
  // Nothing is sent before there is something; what was sent may become empty.
  if (content === known || (included.size === 0 && known === null)) {
    return { object: null, samples, content, pending, given: null };
  }
  const object = await keep(outDir, await encode(settled));
  const given = sigma > 0 ? null : await keep(outDir, encodeGiven(settled.given));
  return { object, samples, content, pending, given };
}

/** Without a whole file the robot begins anew: a class may be sent again after a small change, once. */
async function readGiven(file: ObjectFile | null): Promise<Given> {
  return (await readIfWhole(file, decodeGiven)) ?? new Map();
}

async function readIfWhole<Value>(
  file: ObjectFile | null,
  decode: (bytes: Uint8Array) => Value,
): Promise<Value | null> {
  if (file === null) return null;
  try {
    return decode(await readFleetObject(file));
  } catch (error) {
    if (isHeadlandError(error, 'HL_FLEET_OBJECT_DAMAGED')) return null;
    throw error;
  }
}

async function keep(dir: string, bytes: Uint8Array): Promise<string> {
  const id = sha256Hex(bytes);
  await new ObjectFolder(dir).put(id, bytes);
  return id;
}

/** @throws HeadlandError HL_FLEET_OBJECT_DAMAGED, HL_FLEET_OBJECT_INVALID */
async function openBasis({ file, directions }: BasisFile, featureSize: number): Promise<Basis> {
  const basis =
    file === null ? identityBasis(featureSize) : decodeBasis(await readFleetObject(file));
  if (basis.featureSize === featureSize && basis.directions === directions) return basis;
  throw invalidObject(
    `a basis of ${basis.directions} x ${basis.featureSize} for ${directions} directions of ${featureSize} features`,
  );
}

/** Sums by class, with noise. */
async function sumsOf(
  { backbone, sigma }: Contribution,
  basis: Basis,
  { rows: { features, labels, shares }, copied }: SettledRows,
  gate: PauseGate,
): Promise<Uint8Array> {
  const { directions, checksum } = basis;
  const z = project(basis, features);
  const classes = [...copied];
  for (const label of [...new Set(labels)].sort()) {
    await gate.pass();
    const own = labels.map((each) => (each === label ? each : null));
    classes.push(...sumsByClass(z, directions, own, shares));
  }
  classes.sort((one, other) => (one.label < other.label ? -1 : 1));
  const sums: TaskSums = {
    backboneChecksum: backbone,
    basisChecksum: checksum,
    directions,
    sigma: 0,
    classes,
  };
  return encodeSums(sigma > 0 ? noisy(sums, sigma) : sums);
}

/** Every value of every class gets noise of its own. */
function noisy(sums: TaskSums, sigma: number): TaskSums {
  const normal = secureNormal();
  const classes = sums.classes.map(({ label, sums: own }) => ({
    label,
    sums: withNoise(own, sigma, normal),
  }));
  return { ...sums, sigma, classes };
}

/** Judges candidates on the samples of the robot, by the names of the fleet. */
async function evaluate(
  work: Extract<FleetWork, { kind: 'evaluation' }>,
  store: SampleStore,
  gate: PauseGate,
): Promise<FleetWorkResult> {
  const { backbone, round } = work;
  const basis = await openBasis(work.basis, work.featureSize);
  const candidates = decodeCandidates(await readFleetObject(work.candidates));
  if (candidates.directions !== basis.directions) {
    throw invalidObject(`candidates of ${candidates.directions} directions in another basis`);
  }
  const nameOf = new Map(work.aliases.map(({ label, instead }) => [label, instead]));
  const answersOn = async (part: 'training' | 'holdout'): Promise<[number, CandidateAnswers]> => {
    const { features, labels, shares, rows } = await judgedRows(store, part, work, gate);
    const names = labels.map((label) => nameOf.get(label) ?? label);
    await gate.pass();
    return [rows, judgeCandidates(candidates, project(basis, features), names, shares)];
  };
  const [trained, training] = await answersOn('training');
  const [held, holdout] = await answersOn('holdout');
  const bytes = encodeEvaluation({
    schema: 'fleet/evaluation/1',
    backbone,
    round,
    candidates: work.candidates.id,
    training,
    holdout,
  });
  return {
    object: await keep(work.outDir, bytes),
    samples: trained + held,
    content: '',
    given: null,
    pending: 0,
  };
}

/** Sum of w φ φᵀ over the rows, with noise. */
async function momentOf(
  { backbone, featureSize: d, sigma }: Contribution,
  { features, rows, shares }: Rows,
  gate: PauseGate,
): Promise<Uint8Array> {
  const packed = new Float64Array(packedLength(d));
  const identity = identityBasis(d);
  for (let from = 0; from < rows; from += STEP_ROWS) {
    await gate.pass();
    const to = Math.min(rows, from + STEP_ROWS);
    const some = [...Array(to - from).keys()];
    const z = project(identity, features.subarray(from * d, to * d));
    const { gram } = sumsOfRows(z, d, some, shares.subarray(from, to));
    for (let i = 0; i < packed.length; i++) packed[i] = packed[i]! + gram[i]!;
  }
  const normal = secureNormal();
  if (sigma > 0) for (let i = 0; i < packed.length; i++) packed[i] = packed[i]! + sigma * normal();
  const samples = shares.reduce((sum, share) => sum + share, 0);
  return encodeMoment({
    backbone,
    featureSize: d,
    // The number of samples would undo the noise.
    samples: sigma > 0 ? Math.max(0, samples + sigma * normal()) : samples,
    sigma,
    values: Float32Array.from(packed),
  });
}
