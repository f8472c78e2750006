import { randomBytes } from 'node:crypto';
import { sha256Hex } from '../../../base/hash.js';
import type { SampleStore } from '../../../samples/store.js';
import type { PauseGate } from '../../../training/job/pause-gate.js';
import { encodeMoment } from '../../contract/moment-codec.js';
import { ObjectFolder } from '../objects/object-folder.js';
import { contentOf, contributedRows, type Rows } from './contributed-samples.js';
import type { Contribution, FleetWork, FleetWorkResult } from './fleet-job-protocol.js';

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
      return contribute(work, store, gate, [], (rows) => momentOf(work, rows, gate));
    case 'sums':
      throw new RangeError('not yet');
    case 'evaluation':
      throw new RangeError('not yet');
  }
}

/** Makes a contribution, unless its content is the same as that of the last. */
async function contribute(
  work: Contribution,
  store: SampleStore,
  gate: PauseGate,
  about: readonly unknown[],
  encode: (rows: Rows) => Promise<Uint8Array>,
): Promise<FleetWorkResult> {
  const { backbone, sigma, known } = work;
  const rows = await contributedRows(store, work, gate);
  const content = contentOf(rows, [backbone, sigma, ...about]);
  const { pending } = rows;
  // Nothing is sent before there is something; what was sent may become empty.
  if (content === known || (rows.rows === 0 && known === null)) {
    return { object: null, samples: rows.rows, content, pending };
  }
  const object = await keep(work.outDir, await encode(rows));
  return { object, samples: rows.rows, content, pending };
}

async function keep(dir: string, bytes: Uint8Array): Promise<string> {
  const id = sha256Hex(bytes);
  await new ObjectFolder(dir).put(id, bytes);
  return id;
}

/** Sum of w φ φᵀ over the rows, with noise. */
async function momentOf(
  { backbone, featureSize: d, sigma }: Contribution,
  { features, rows, shares }: Rows,
  gate: PauseGate,
): Promise<Uint8Array> {
  const packed = new Float64Array((d * (d + 1)) / 2);
  for (let row = 0; row < rows; row++) {
    if (row % STEP_ROWS === 0) await gate.pass();
    const unit = unitVector(features.subarray(row * d, (row + 1) * d));
    const weight = shares[row]!;
    let at = 0;
    for (let i = 0; i < d; i++) {
      const scaled = weight * unit[i]!;
      for (let j = 0; j <= i; j++) packed[at++]! += scaled * unit[j]!;
    }
  }
  if (sigma > 0) for (let i = 0; i < packed.length; i++) packed[i]! += sigma * gaussian();
  const samples = shares.reduce((sum, share) => sum + share, 0);
  return encodeMoment({
    backbone,
    featureSize: d,
    // The number of samples would undo the noise.
    samples: sigma > 0 ? Math.max(0, samples + sigma * gaussian()) : samples,
    sigma,
    values: Float32Array.from(packed),
  });
}

function unitVector(vector: Float32Array): Float64Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const norm = Math.sqrt(squares);
  return Float64Array.from(vector, (value) => (norm > 0 ? value / norm : 0));
}

/** Standard normal, from the randomness of the system (Box and Muller). */
function gaussian(): number {
  const uniform = (): number => (randomBytes(6).readUIntBE(0, 6) + 1) / 2 ** 48;
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
