import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { HeadlandError } from '../base/errors.js';
import { issueText } from '../base/words/issue-text.js';

/** Tap of a card whose tap is found automatically. */
export const AUTO_TAP = 'auto';

/**
 * How a tapped tensor becomes a vector of d features:
 * - `none`: it is a vector already, N x d, N x d x 1 x 1 or N x 1 x d;
 * - `average`: a feature map N x d x h x w, averaged over its places;
 * - `average-channels-last`: the same as N x h x w x d;
 * - `average-tokens`: tokens N x t x d, averaged;
 * - `first-token`: the first of the tokens N x t x d, a transformer's class token.
 */
export const POOLS = [
  'none',
  'average',
  'average-channels-last',
  'average-tokens',
  'first-token',
] as const;
export type Pool = (typeof POOLS)[number];

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'use 64 lower-case hex digits');
const bytes = z.int().min(1).max(4_000_000_000);
const relativePath = z
  .string()
  .min(1)
  .max(500)
  .refine(
    (path) => !isAbsolute(path) && !path.includes('\\') && !path.split('/').includes('..'),
    'use a relative path with "/" and without ".."',
  );

/** The offered file as a whole: its size and checksum are compared before anything parses it. */
const offered = {
  sha256: sha256.describe('SHA-256 of the offered file'),
  bytes: bytes.describe('Size of the offered file, bytes'),
  member: z
    .strictObject({ file: relativePath, sha256, bytes })
    .nullable()
    .default(null)
    .describe('The model inside the offered file when that is a zip archive or a wheel'),
  shards: z
    .array(z.strictObject({ file: relativePath, sha256, bytes }))
    .max(1_000)
    .default([])
    .describe(
      'Weights of a TensorFlow.js model: files beside its model.json, under the names in it',
    ),
};

const source = z.discriminatedUnion('kind', [
  z
    .strictObject({ kind: z.literal('mirror'), file: relativePath, ...offered })
    .describe('<mirror>/<file>, tried on every configured mirror'),
  z
    .strictObject({ kind: z.literal('file'), file: z.string().min(1), ...offered })
    .describe('A path; relative ones start at the folder of the card'),
  z
    .strictObject({
      kind: z.literal('pip'),
      package: z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/),
      version: z.string().regex(/^[0-9][A-Za-z0-9.+!-]{0,63}$/),
      file: relativePath.refine((file) => !file.includes('/'), 'use the bare name of the wheel'),
      ...offered,
    })
    .describe('A wheel that `pip download` fetches'),
  z
    .strictObject({
      kind: z.literal('https'),
      url: z.url({ protocol: /^https$/ }),
      ...offered,
    })
    .describe('An upstream URL'),
  z
    .strictObject({
      kind: z.literal('npm'),
      package: z.string().regex(/^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/),
      file: relativePath,
      ...offered,
    })
    .describe('A file inside an npm package that is already installed'),
]);

const channels = z.tuple([z.number(), z.number(), z.number()]);
const deviations = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);

const cardFields = z.strictObject({
  schema: z.literal(1).describe('Version of this format'),
  name: z.string().regex(NAME, 'use lower-case letters, digits, ".", "_" or "-"'),
  title: z.string().min(1).max(200),
  licence: z.string().min(1).describe('SPDX expression of the weights'),
  attribution: z.string().min(1).describe('Who made the weights, and where they come from'),
  trainingData: z.string().min(1),
  reportedTop1: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe("Authors' ImageNet top-1 accuracy, 0..1"),
  engine: z
    .enum(['onnx', 'tfjs'])
    .describe(
      'Engine that runs it. tfjs runs every format, onnx all except the TensorFlow.js ones',
    ),
  format: z.enum(['onnx', 'efficientnet-lite-state-dict', 'tfjs-layers-model', 'tfjs-graph-model']),
  architecture: z
    .enum([
      'efficientnet-lite0',
      'efficientnet-lite1',
      'efficientnet-lite2',
      'efficientnet-lite3',
      'efficientnet-lite4',
    ])
    .nullable()
    .default(null)
    .describe('Network of a state_dict; null for the other formats, which contain it'),
  inputSize: z.int().min(16).max(1_024).describe('Side of the square input, pixels'),
  layout: z
    .enum(['NCHW-RGB', 'NHWC-RGB'])
    .describe('Input layout of the engine: NCHW-RGB for onnx, NHWC-RGB for tfjs'),
  channelOrder: z.enum(['RGB', 'BGR']).default('RGB').describe('Channel order of an ONNX graph'),
  normalisation: z
    .strictObject({ mean: channels, std: deviations })
    .describe('(value - mean) / std on 0..255 values, for R, G, B'),
  tap: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'ONNX tensor or node, tf.layers layer or GraphDef node whose output holds the features; null = the only output; "auto" = the input of the last linear layer of an ONNX graph, found in it',
    ),
  pool: z
    .enum(POOLS)
    .default('none')
    .describe(
      'How the tapped tensor becomes a vector. average: a feature map N x d x h x w (TensorFlow.js: N x h x w x d), still to be averaged over its places; ONNX only: average-channels-last, average-tokens and first-token for N x h x w x d and for tokens N x t x d',
    ),
  innerTaps: z
    .array(
      z.strictObject({
        tap: z.string().min(1).describe('ONNX tensor or node of an inner layer'),
        pool: z.enum(POOLS),
        featureSize: z.int().min(1).max(65_536),
        scale: z
          .number()
          .positive()
          .max(1_000)
          .default(1)
          .describe('Factor on its features, so that no layer dominates the others'),
      }),
    )
    .max(8)
    .default([])
    .describe('Inner layers whose features are appended to those of the tap, in this order'),
  featureSize: z.int().min(1).max(65_536).describe('Number of features of all taps together'),
  sources: z.array(source).min(1).max(16).describe('In order of preference'),
  golden: z
    .strictObject({
      features: z.array(z.number()).min(1).max(4_096),
      tolerance: z.number().positive().max(0.1).default(0.001),
    })
    .nullable()
    .default(null)
    .describe('First features of the check picture (check-picture.ts), and the allowed difference'),
});

type CardFields = z.infer<typeof cardFields>;

const isStateDict = ({ format }: CardFields): boolean => format === 'efficientnet-lite-state-dict';
const isTfjsModel = ({ format }: CardFields): boolean => format.startsWith('tfjs-');
const layoutOf = ({ engine }: CardFields): CardFields['layout'] =>
  engine === 'tfjs' ? 'NHWC-RGB' : 'NCHW-RGB';

interface CardRule {
  path: string[];
  isBroken(card: CardFields): boolean;
  message: string | ((card: CardFields) => string);
}

/** Rules between the fields of a card. */
const CARD_RULES: readonly CardRule[] = [
  {
    path: ['architecture'],
    isBroken: (card) => isStateDict(card) && card.architecture === null,
    message: 'a state_dict needs its architecture',
  },
  {
    path: ['architecture'],
    isBroken: (card) => !isStateDict(card) && card.architecture !== null,
    message: 'only a state_dict needs an architecture; use null',
  },
  {
    path: ['engine'],
    isBroken: (card) => isTfjsModel(card) && card.engine !== 'tfjs',
    message: ({ format }) => `${format} needs tfjs`,
  },
  {
    path: ['layout'],
    isBroken: (card) => card.layout !== layoutOf(card),
    message: (card) => `engine ${card.engine} takes ${layoutOf(card)}`,
  },
  {
    path: ['sources'],
    isBroken: ({ sources }) =>
      sources.some((s) => s.kind === 'pip' && s.member === null && s.shards.length > 0),
    message: 'a wheel holds its shards beside its member; name the member',
  },
  {
    path: ['sources'],
    isBroken: (card) => !isTfjsModel(card) && card.sources.some(({ shards }) => shards.length > 0),
    message: 'only a TensorFlow.js model has shards',
  },
  {
    path: ['tap'],
    isBroken: (card) => isStateDict(card) && (card.tap !== null || card.pool !== 'none'),
    message: 'only whole models are tapped and pooled; a state_dict is built up to its features',
  },
  {
    path: ['tap'],
    isBroken: ({ tap, format, pool }) => tap === AUTO_TAP && (format !== 'onnx' || pool !== 'none'),
    message: '"auto" finds tap and pool in an ONNX graph; leave pool at "none"',
  },
  {
    path: ['channelOrder'],
    isBroken: ({ channelOrder, format }) => channelOrder !== 'RGB' && format !== 'onnx',
    message: 'only an ONNX graph may take another order than RGB',
  },
  {
    path: ['pool'],
    isBroken: (card) => isTfjsModel(card) && !['none', 'average'].includes(card.pool),
    message: 'a TensorFlow.js model is pooled by "average" or not at all',
  },
  {
    path: ['innerTaps'],
    isBroken: (card) => isTfjsModel(card) && card.innerTaps.length > 0,
    message: 'a TensorFlow.js model is tapped once; use the network in ONNX or as a state_dict',
  },
  {
    path: ['featureSize'],
    isBroken: ({ innerTaps, featureSize }) =>
      innerTaps.reduce((sum, inner) => sum + inner.featureSize, 1) > featureSize,
    message: 'must include the features of the inner taps',
  },
  {
    path: ['golden', 'features'],
    isBroken: ({ golden, featureSize }) => golden !== null && golden.features.length > featureSize,
    message: 'more golden features than features',
  },
];

const cardSchema = cardFields.superRefine((card, context) => {
  for (const { path, isBroken, message } of CARD_RULES) {
    if (!isBroken(card)) continue;
    const text = typeof message === 'string' ? message : message(card);
    context.addIssue({ code: 'custom', path, message: text });
  }
});

/** A backbone: its sources, its input and its features. */
export type ModelCard = z.infer<typeof cardSchema> & {
  /** Set for the variant that `quantizedCard` derives; a card file cannot set it. */
  precision?: 'int8';
};
export type ModelSource = ModelCard['sources'][number];

export function isCardName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Checks a card.
 * @param origin Where the card came from, for the error (a path).
 * @throws HeadlandError HL_MODEL_CARD_INVALID with one line per fault.
 */
export function parseCard(value: unknown, origin: string): ModelCard {
  const result = cardSchema.safeParse(value, { error: issueText });
  if (result.success) return result.data;
  const faults = result.error.issues.map(
    (issue) => `${issue.path.map(String).join('.') || '(whole card)'}: ${issue.message}`,
  );
  throw new HeadlandError(
    'HL_MODEL_CARD_INVALID',
    `model card ${origin} is invalid: ${faults.join('; ')}`,
    { remedy: 'Correct the fields named in this file.', details: { origin, faults } },
  );
}
