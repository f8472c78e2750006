import { z } from 'zod';
import { messageOf } from '../base/errors.js';
import { sha256Hex } from '../base/hash.js';
import { withPresentNames } from '../base/words/old-names.js';
import { gateDecisionSchema } from '../gate/gate-decision.js';
import { beliefParametersSchema } from '../head/belief/belief-parameters.js';
import { invalidHead } from '../head/invalid-head.js';
import { metricsSchema } from '../head/labelled-metrics.js';
import { renamedTrust } from '../head/renamed-trust.js';
import { TRUST_LEVELS } from '../head/trust.js';

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A message as it is stored. */
export const messageSchema = z.object({
  key: z.string(),
  values: z.record(z.string(), z.union([z.number(), z.string()])),
  text: z.string(),
});

export const trustSchema = z.object({
  level: z.enum(TRUST_LEVELS),
  answers: count,
  groups: count,
  meanRecall: z.number().nullable(),
  lowerBound: z.number().nullable(),
  needs: z.array(z.object({ label: z.string(), labels: count })),
  next: z.string(),
  /** Older heads have none. */
  steps: z.array(messageSchema).optional(),
});

const cardSchema = z.object({
  schema: z.literal(1),
  version: z.int().min(1),
  createdAt: z.iso.datetime(),
  trainingId: z.string(),
  trigger: z.string(),
  learner: z.enum(['ridge', 'softmax', 'blend', 'tf-layers']),
  lambda: z.number(),
  transform: z.enum(['none', 'l2', 'sqrt', 'sqrt-l2']),
  temperature: z.number().positive(),
  /** Least probability of a label in the 90 % prediction set; older heads have none. */
  setProbability: z.number().min(0).max(1).optional(),
  /** Number of left-out samples behind the novelty p-values; older heads have none. */
  noveltySamples: count.optional(),
  labels: z.array(z.string()).min(2),
  featureSize: z.int().min(1),
  /** Revision of the newest label that the training read; older heads have none. */
  labelRevision: count.optional(),
  /** Trust from left-out and holdout answers; older heads have none. */
  trust: trustSchema.optional(),
  /**
   * The head of the fleet that this one is or was blended with own samples from, and the samples of the
   * fleet in it; absent: the head was trained on this robot alone.
   */
  fleet: z.object({ version: z.int().min(1), object: sha256, samples: count }).optional(),
  /** Parameters of decisions over time, learnt from scenes; older heads have none. */
  belief: beliefParametersSchema.optional(),
  /** The backbone of the features; `checksum` is that of the features, `Embedder.checksum`. */
  backbone: z.object({
    name: z.string(),
    checksum: z.string(),
    fit: z.enum(['squash', 'crop']),
  }),
  /** Samples per class in training and holdout; `leftOut`: too few, so not learnt. */
  samples: z.array(
    z.object({ label: z.string(), training: count, holdout: count, leftOut: z.boolean() }),
  ),
  /** Metrics of the head read back from the disk on the holdout; null: no holdout samples. */
  holdout: metricsSchema.nullable(),
  /** Metrics on the training samples, each answered by a head that never saw its group. */
  leaveGroupOut: metricsSchema,
  /** Class-balanced log-loss of the same answers, by which the learners were compared. */
  leaveGroupOutMacroLogLoss: z.number(),
  gate: gateDecisionSchema,
  /** Why the gate refused the head; null when it passed. */
  refused: z.string().nullable(),
  /** `views`: most augmented views per training sample. */
  augmentation: z.object({ recipe: z.string(), views: count, seed: count }),
  /** Milliseconds per phase. */
  durationsMs: z.record(z.string(), z.number()),
  /** SHA-256 of the file `weights`. */
  weightsSha256: sha256,
  /** SHA-256 of the file `training-groups`. */
  trainingGroupsSha256: sha256,
});

/** What is known about one trained head; `card.json` in its version directory. */
export type HeadCard = z.infer<typeof cardSchema>;

/** A card without the number and the checksums that the registry adds. */
export type NewHeadCard = Omit<
  HeadCard,
  'schema' | 'version' | 'weightsSha256' | 'trainingGroupsSha256'
>;

/**
 * The only valid byte sequence of a card. Its last line is the SHA-256 of the card without that
 * line, so that every flipped bit is detected.
 */
export function encodeCard(card: HeadCard): Uint8Array {
  const cardSha256 = sha256Hex(JSON.stringify(card));
  return new TextEncoder().encode(`${JSON.stringify({ ...card, cardSha256 }, null, 2)}\n`);
}

/**
 * Reads a card; its bytes must be exactly what {@link encodeCard} writes.
 *
 * @throws HeadlandError HL_HEAD_INVALID
 */
export function decodeCard(bytes: Uint8Array): HeadCard {
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalidHead(`card.json is not JSON: ${messageOf(cause)}`, cause);
  }
  const { cardSha256: _, ...card } = { ...(raw as HeadCard & { cardSha256: string }) };
  if (!sameBytes(encodeCard(card), bytes))
    throw invalidHead('card.json was changed after it was written');
  const parsed = cardSchema.safeParse(withPresentNames(card));
  if (!parsed.success) throw invalidHead(`card.json: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/**
 * The card with other names for its classes. Figures of classes that are one now stay apart, under their
 * old names: they cannot be added up.
 */
export function withNamesOnCard(card: HeadCard, names: ReadonlyMap<string, string>): HeadCard {
  if (names.size === 0) return card;
  const nameOf = (label: string): string => names.get(label) ?? label;
  const labels = [...new Set(card.labels.map(nameOf))].sort();
  const trust = card.trust && renamedTrust(card.trust, card.labels, names);
  const all = [...new Set([...card.labels, ...card.samples.map(({ label }) => label)])];
  const isOneToOne = new Set(all.map(nameOf)).size === all.length;
  const present = { ...card, labels, ...(trust ? { trust } : {}) };
  if (!isOneToOne) return present;
  const renamed = <T extends { labels: readonly string[] }>(metrics: T): T => ({
    ...metrics,
    labels: metrics.labels.map(nameOf),
  });
  return {
    ...present,
    samples: card.samples.map((each) => ({ ...each, label: nameOf(each.label) })),
    holdout: card.holdout && renamed(card.holdout),
    leaveGroupOut: renamed(card.leaveGroupOut),
  };
}

/**
 * One name per line, with control characters escaped as in JSON: readable, and only one byte
 * sequence.
 */
export function encodeLines(names: readonly string[]): Uint8Array {
  const lines = names.map((name) => JSON.stringify(name).slice(1, -1).replaceAll('\\"', '"'));
  return new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''));
}

/** @throws SyntaxError when {@link encodeLines} did not write it */
export function decodeLines(bytes: Uint8Array): string[] {
  const lines = new TextDecoder().decode(bytes).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(`"${line.replaceAll('"', '\\"')}"`) as string);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
