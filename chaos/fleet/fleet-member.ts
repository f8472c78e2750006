import { type Random, shuffled } from '../../src/base/random.js';
import type { HeadState } from '../../src/fleet/contract/reported.js';
import type { Head } from '../../src/head/head.js';
import { type Basis, identityBasis } from '../../src/head/sums/basis.js';
import { decodeSums, type TaskSums } from '../../src/head/sums/task-sums.js';
import { placeData } from '../../test/fleet/places.js';
import { RobotStandIn, type StandInData, type StandInOptions } from '../../test/fleet/stand-in.js';
import { type Damage, damagedChunk } from './bad-chunks.js';

export const TASK = 'weeds';
export const BACKBONE = 'b1';
/** Features, all of which are directions of the sums. */
export const SIZE = 16;
/** Small, so that every object has several chunks. */
const CHUNK_BYTES = 700;
/** Samples of each label that a robot begins with, and as many that nothing learns. */
const EACH = 30;
/** How much worse on its own holdout a head may be that the gate of a robot takes. */
const GATE_SLACK = 0.05;

/** What happens to the chunks of the next object that it sends. */
export type WireMode = 'straight' | 'doubled' | 'held' | 'half' | Damage;

/** A robot of the fleet with a place of its own, a holdout, a gate, and a wire on which chunks suffer. */
export class FleetMember {
  #standIn: RobotStandIn;
  /** Of earlier lives of the robot, whose state folder was lost. */
  readonly formerChunks: Uint8Array[] = [];
  readonly formerFaults: unknown[] = [];
  /** What happens to the next sums that it sends. */
  wire: WireMode = 'straight';
  /** Number of damaged chunks that it has sent. */
  damaged = 0;
  /** It has withdrawn what it sent. */
  withdrawn = false;
  /** Chunks that have not gone yet. */
  #held: Uint8Array[] = [];
  #training: StandInData;
  readonly #holdout: StandInData;
  /** Of the heads that it has served, on its holdout. */
  #bestAccuracy = 0;

  constructor(
    readonly name: string,
    readonly labels: readonly string[],
    private readonly random: Random,
    private readonly options: Partial<StandInOptions> & Pick<StandInOptions, 'url'>,
  ) {
    const { training, holdout } = halves(placeData(name, labels, 2 * EACH, SIZE));
    this.#training = options.data ?? training;
    this.#holdout = holdout;
    this.#standIn = this.#create();
  }

  #create(): RobotStandIn {
    return new RobotStandIn({
      robot: this.name,
      task: TASK,
      backbone: BACKBONE,
      featureSize: SIZE,
      chunkBytes: CHUNK_BYTES,
      gate: (head) => this.#judged(head),
      wire: (chunks, kind) => (kind === 'sums' ? this.#carry(chunks) : [...chunks]),
      ...this.options,
      data: this.#training,
    });
  }

  get standIn(): RobotStandIn {
    return this.#standIn;
  }

  /** Share of right answers on samples that nothing has learnt, 0..1; 0 without a head, 1 without samples. */
  accuracy(head: Head | null = this.#standIn.head): number {
    if (head === null) return 0;
    const { features, labels } = this.#holdout;
    if (labels.length === 0) return 1;
    const answers = this.#standIn.answers(features, head);
    return answers.filter((label, i) => label === labels[i]).length / labels.length;
  }

  /** Newest sums as the hub reads them. */
  sums(basis: Basis = identityBasis(SIZE)): TaskSums {
    return decodeSums(this.#standIn.encodedSums(basis));
  }

  /** Labels some more of what grows at its place. */
  grow(label: string, each: number, nth: number): void {
    this.#standIn.learn(placeData(`${this.name}-${nth}`, [label], each, SIZE));
  }

  /** The hub has its newest sums. */
  get isAccepted(): boolean {
    const accepted = this.#standIn.task?.sums_accepted;
    return (
      accepted?.epoch === this.#standIn.epoch && accepted.version === this.#standIn.sentVersion
    );
  }

  /** Its state folder is lost: it begins anew, in another epoch, with the samples of its first day. */
  async beginAnew(): Promise<void> {
    this.formerChunks.push(...this.#standIn.chunks);
    this.formerFaults.push(...this.#standIn.faults);
    await this.#standIn.stop();
    this.#held = [];
    this.wire = 'straight';
    this.#bestAccuracy = 0;
    this.#standIn = this.#create();
    await this.#standIn.start();
  }

  /** Number of chunks that have not gone yet. */
  get holds(): number {
    return this.#held.length;
  }

  /** Sends what waits, in any order. */
  async release(): Promise<number> {
    const chunks = shuffled(this.#held, this.random);
    this.#held = [];
    for (const chunk of chunks) await this.#standIn.publish('chunk', chunk);
    return chunks.length;
  }

  #carry(chunks: readonly Uint8Array[]): Uint8Array[] {
    const mode = this.wire;
    if (mode !== 'held') this.wire = 'straight';
    switch (mode) {
      case 'straight':
        return [...chunks];
      case 'doubled':
        return shuffled([...chunks, ...chunks, ...chunks], this.random);
      case 'held':
        this.#held.push(...chunks);
        return [];
      case 'half': {
        const half = Math.ceil(chunks.length / 2);
        this.#held.push(...chunks.slice(half));
        return chunks.slice(0, half);
      }
      default:
        this.damaged += chunks.length;
        return chunks.flatMap((chunk) =>
          shuffled([damagedChunk(chunk, mode, this.random), chunk], this.random),
        );
    }
  }

  /** A gate that compares with the best head so far, so that many small steps do not add up. */
  #judged(head: Head): HeadState {
    const accuracy = this.accuracy(head);
    if (accuracy < this.#bestAccuracy - GATE_SLACK) return 'refused';
    this.#bestAccuracy = Math.max(this.#bestAccuracy, accuracy);
    return 'serving';
  }
}

/** Every second sample of each label learns. */
function halves({ features, labels }: StandInData): {
  training: StandInData;
  holdout: StandInData;
} {
  const part = (rest: number): StandInData => {
    const rows = labels.flatMap((_, row) => (row % 2 === rest ? [row] : []));
    const own = rows.flatMap((row) => [...features.subarray(row * SIZE, (row + 1) * SIZE)]);
    return { features: Float32Array.from(own), labels: rows.map((row) => labels[row]!) };
  };
  return { training: part(0), holdout: part(1) };
}
