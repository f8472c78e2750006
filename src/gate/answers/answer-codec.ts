import { z } from 'zod';
import { messageOf } from '../../base/errors.js';
import { sha256 } from '../../base/hash.js';
import { invalidHead } from '../../head/invalid-head.js';
import type { SampleAnswer, StoredAnswers } from './sample-answer.js';

/**
 * Answers as bytes, all integers little-endian:
 *   8   'HLANSW' and two bytes of format version
 *   4   length of the header
 *   …   header: JSON, UTF-8: `{"champion":N|null,"labels":[…],"rows":N}`
 *   …   per answer {@link ROW_BYTES}: the UUID of the sample; the labels of the sample, the first and
 *       the second answer and the champion's answer as Uint16 indices; the probabilities of the
 *       first and the second answer and of the label, and of the champion's answer and of the label,
 *       as Float32; the marks as bits
 *   32  SHA-256 of everything before it
 *
 * 20,000 answers take 0.9 MB.
 */
const MAGIC = Uint8Array.of(0x48, 0x4c, 0x41, 0x4e, 0x53, 0x57, 0, 1);
const PREFIX_BYTES = MAGIC.length + 4;
const HASH_BYTES = 32;
const ROW_BYTES = 16 + 4 * 2 + 5 * 4 + 1;
const NO_LABEL = 0xffff;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const HOLDOUT = 1;
const KNOWABLE = 2;
const JUDGED = 4;

const headerSchema = z.object({
  champion: z.int().nullable(),
  labels: z.array(z.string()),
  rows: z.int().min(0),
});

type Header = z.infer<typeof headerSchema>;

/** @throws RangeError when an id is no UUID or there are 65,535 labels: a defect of the caller. */
export function encodeAnswers({ champion, answers }: StoredAnswers): Uint8Array {
  const indexOf = new Map<string, number>();
  const index = (label: string): number => {
    const known = indexOf.get(label) ?? indexOf.size;
    indexOf.set(label, known);
    return known;
  };
  const rows = Buffer.alloc(answers.length * ROW_BYTES);
  answers.forEach((answer, row) => {
    writeRow(rows.subarray(row * ROW_BYTES, (row + 1) * ROW_BYTES), answer, index);
  });
  if (indexOf.size >= NO_LABEL) throw new RangeError(`${indexOf.size} labels`);
  const header: Header = { champion, labels: [...indexOf.keys()], rows: answers.length };
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const body = Buffer.concat([MAGIC, length, text, rows]);
  return Buffer.concat([body, sha256(body)]);
}

function writeRow(row: Buffer, answer: SampleAnswer, index: (label: string) => number): void {
  if (!UUID.test(answer.id)) throw new RangeError(`${JSON.stringify(answer.id)} is no UUID`);
  row.write(answer.id.replaceAll('-', ''), 'hex');
  const { champion } = answer;
  [answer.truth, answer.label, answer.second].forEach((label, i) => {
    row.writeUInt16LE(index(label), 16 + 2 * i);
  });
  row.writeUInt16LE(champion ? index(champion.label) : NO_LABEL, 22);
  const { confidence, secondProbability, probability } = answer;
  [
    confidence,
    secondProbability,
    probability,
    champion?.confidence ?? 0,
    champion?.probability ?? 0,
  ].forEach((value, i) => {
    row.writeFloatLE(value, 24 + 4 * i);
  });
  row[ROW_BYTES - 1] =
    (answer.holdout ? HOLDOUT : 0) |
    (answer.knowable ? KNOWABLE : 0) |
    (answer.judged ? JUDGED : 0);
}

/** @throws HeadlandError HL_HEAD_INVALID when the bytes are not as they were written */
export function decodeAnswers(bytes: Uint8Array): StoredAnswers {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = all.length - HASH_BYTES;
  if (end < PREFIX_BYTES || !all.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw invalidHead('the file of answers is of another kind or version');
  }
  if (!sha256(all.subarray(0, end)).equals(all.subarray(end))) {
    throw invalidHead('the file of answers was changed after it was written');
  }
  const from = PREFIX_BYTES + all.readUInt32LE(MAGIC.length);
  const { champion, labels, rows } = readHeader(all.subarray(PREFIX_BYTES, from));
  if (from + rows * ROW_BYTES !== end) throw invalidHead('the file of answers is incomplete');
  const hex = all.toString('hex', from, end);
  const answers = Array.from({ length: rows }, (_, row) =>
    readRow(all, from + row * ROW_BYTES, hex.slice(2 * row * ROW_BYTES), labels),
  );
  return { champion, answers };
}

function readHeader(bytes: Buffer): Header {
  try {
    return headerSchema.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw invalidHead(`the header of the answers cannot be read: ${messageOf(cause)}`, cause);
  }
}

function readRow(all: Buffer, at: number, hex: string, labels: readonly string[]): SampleAnswer {
  const label = (i: number): string => {
    const found = labels[all.readUInt16LE(at + 16 + 2 * i)];
    if (found === undefined) throw invalidHead('the file of answers names a label that it lacks');
    return found;
  };
  const share = (i: number): number => all.readFloatLE(at + 24 + 4 * i);
  const marks = all[at + ROW_BYTES - 1]!;
  const known = all.readUInt16LE(at + 22) !== NO_LABEL;
  return {
    id: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`,
    truth: label(0),
    label: label(1),
    confidence: share(0),
    probability: share(2),
    second: label(2),
    secondProbability: share(1),
    holdout: (marks & HOLDOUT) > 0,
    knowable: (marks & KNOWABLE) > 0,
    judged: (marks & JUDGED) > 0,
    champion: known ? { label: label(3), confidence: share(3), probability: share(4) } : null,
  };
}
