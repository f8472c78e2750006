import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { messageOf } from '../base/errors.js';
import { sha256Hex } from '../base/hash.js';
import { withPresentNames } from '../base/words/old-names.js';
import type { Head } from '../head/head.js';
import { invalidHead } from '../head/invalid-head.js';
import { decide } from './decide.js';
import { type GateDecision, gateDecisionSchema } from './gate-decision.js';
import type { GateInput } from './gate-input.js';
import { goldenChecksum } from './golden.js';

const share = z.number().min(0).max(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const answerSchema = z.strictObject({ label: z.string(), confidence: share, probability: share });

const strangeness = z.strictObject({ known: z.number().nullable(), unknown: z.number() });

const inputSchema = z.strictObject({
  source: z.enum(['holdout', 'leave-group-out']),
  note: z.string().nullable(),
  samples: z.array(
    z.strictObject({
      id: z.string(),
      label: z.string(),
      group: z.string(),
      holdout: z.boolean(),
      challenger: answerSchema,
      champion: answerSchema.nullable(),
    }),
  ),
  compared: z.enum(['heads', 'nothing']),
  champion: z
    .strictObject({
      version: z.int().min(1),
      labels: z.array(z.string()),
      learnt: z.int().min(0),
    })
    .nullable(),
  newlyLearnt: z.int().min(0),
  removed: z.int().min(0),
  learnt: z.int().min(0),
  challengerLabels: z.array(z.string()),
  labelsWithSamples: z.array(z.string()),
  unknownScores: z
    .array(z.strictObject({ group: z.string(), challenger: strangeness, champion: strangeness }))
    .nullable(),
  golden: z.strictObject({
    seed: z.int(),
    rows: z.int().min(1),
    trained: sha256,
    readBack: sha256,
  }),
  settings: z.strictObject({
    learningExponent: z.number().positive(),
    gainSpread: share,
    evidenceSpread: share,
    unknownAurocMargin: share,
  }),
});

const recordSchema = z.strictObject({
  schema: z.union([z.literal(2), z.literal(3)]),
  input: inputSchema,
  decision: gateDecisionSchema,
});

/** One decision of the gate with everything needed to repeat it; `gate.json` of a version. */
export interface GateRecord {
  /** 2: of an earlier rule, with other golden rows; it can be shown, not repeated. */
  schema: 2 | 3;
  input: GateInput;
  decision: GateDecision;
}

/** The record as it is written; its last field is the checksum of the rest. */
export function encodeGateRecord(record: GateRecord): Uint8Array {
  const recordSha256 = checksum(JSON.stringify(record));
  return new TextEncoder().encode(`${JSON.stringify({ ...record, recordSha256 })}\n`);
}

/**
 * @returns Null when an earlier rule decided: that decision cannot be repeated.
 * @throws HeadlandError HL_HEAD_INVALID when the record is not as it was written
 */
export function decodeGateRecord(bytes: Uint8Array): GateRecord | null {
  let raw: GateRecord & { recordSha256: string };
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalidHead(`gate.json is not JSON: ${messageOf(cause)}`, cause);
  }
  const { recordSha256, ...record } = { ...raw };
  if (checksum(JSON.stringify(record)) !== recordSha256) {
    throw invalidHead('gate.json was changed after it was written');
  }
  if ((record.schema as number) === 1) return null;
  const parsed = recordSchema.safeParse(withPresentNames(record));
  if (!parsed.success) throw invalidHead(`gate.json: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export interface Recomputed {
  /** The decision is the same, and so are the answers of the head that is on the disk now. */
  same: boolean;
  decision: GateDecision;
  /** What differs, in words; empty when nothing does. */
  differences: string[];
}

/**
 * Repeats the decision from the record and asks the head on the disk again.
 * @returns Null when an earlier rule decided.
 */
export function recompute(record: GateRecord, head: Head): Recomputed | null {
  if (record.schema === 2) return null;
  // As read back from JSON, which has no -0.
  const decision: GateDecision = JSON.parse(JSON.stringify(decide(record.input)));
  const differences: string[] = [];
  if (decision.promote !== record.decision.promote) {
    differences.push(`the gate would ${decision.promote ? 'promote' : 'refuse'} the head now`);
  }
  for (const [i, check] of decision.checks.entries()) {
    if (isDeepStrictEqual(check, record.decision.checks[i])) continue;
    differences.push(`${check.name}: ${record.decision.checks[i]?.detail} → ${check.detail}`);
  }
  if (differences.length === 0 && !isDeepStrictEqual(decision, record.decision)) {
    differences.push(`the reason reads: ${decision.reason}`);
  }
  const { golden } = record.input;
  if (goldenChecksum(head, golden) !== golden.readBack) {
    differences.push('the head on the disk gives other answers than the head that was judged');
  }
  return { same: differences.length === 0, decision, differences };
}

function checksum(text: string): string {
  return sha256Hex(text);
}
