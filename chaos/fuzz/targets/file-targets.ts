import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { OnnxCodec } from '../../../src/backbone/engines/onnx-proto.js';
import { packTfjs, unpackTfjs } from '../../../src/backbone/engines/tfjs-model.js';
import { parseCard } from '../../../src/backbone/model-card.js';
import { sha256, sha256Hex } from '../../../src/base/hash.js';
import { decodeAnswers, encodeAnswers } from '../../../src/gate/answers/answer-codec.js';
import { decodeGateRecord } from '../../../src/gate/gate-record.js';
import { parseTrial } from '../../../src/gate/shadow.js';
import { decodeHead, encodeHead } from '../../../src/head/codec.js';
import {
  ArchiveFault,
  packArchive,
  unpackArchive,
} from '../../../src/models/bundle/bundle-archive.js';
import { readStateDict } from '../../../src/models/torch/state-dict.js';
import { decodeCard, decodeLines, encodeCard } from '../../../src/registry/head-card.js';
import { readHistory } from '../../../src/registry/history.js';
import { unpackArchive as unpackZip } from '../../../src/samples/archive/unpack-archive.js';
import { parseReport } from '../../../src/training/stored-report.js';
import { smallNetwork } from '../../../test/backbone/small-network.js';
import { fixture } from '../../../test/backbone/support.js';
import { someCard, someHead } from '../../../test/training/fixture.js';
import { bytes, type FuzzTarget, text } from '../fuzz-target.js';

/** The bytes before a SHA-256, with the hash that belongs to them. */
function sealedWithHash(input: Uint8Array): Uint8Array {
  const body = input.subarray(0, Math.max(0, input.length - 32));
  return Buffer.concat([body, sha256(body)]);
}

/** A JSON object with the checksum of the rest as its last field. */
function sealedJson(
  name: string,
  write: (rest: object) => string,
): (input: Uint8Array) => Uint8Array {
  return (input) => {
    try {
      const { [name]: _, ...rest } = JSON.parse(text(input)) as Record<string, unknown>;
      return bytes(write(rest));
    } catch {
      return input;
    }
  };
}

const folder = mkdtempSync(join(tmpdir(), 'headland-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

async function unpackInto(input: Uint8Array): Promise<void> {
  const path = join(folder, 'archive.zip');
  const dir = join(folder, 'unpacked');
  writeFileSync(path, input);
  await mkdir(dir, { recursive: true });
  try {
    await unpackZip(path, dir, { maxFileBytes: 65_536, maxBytes: 262_144, maxFiles: 64 });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const CARD = {
  ...someCard(someHead(1)),
  schema: 1,
  version: 1,
  weightsSha256: '0'.repeat(64),
  trainingGroupsSha256: '0'.repeat(64),
};
const onnx = new OnnxCodec();

/** Parsers of files that the robot has written, or that somebody gives it. */
export const FILE_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'head',
    seeds: () => [encodeHead(someHead(1)), encodeHead(someHead(2))],
    words: ['"labels":', '"sizes":', '"featureSize":', 'null'],
    seal: sealedWithHash,
    run: decodeHead,
  },
  {
    name: 'head-card',
    seeds: () => [encodeCard(CARD as Parameters<typeof encodeCard>[0])],
    seal: sealedJson('cardSha256', (rest) =>
      text(encodeCard(rest as Parameters<typeof encodeCard>[0])),
    ),
    run: decodeCard,
  },
  {
    name: 'head-labels',
    seeds: () => [bytes('crop\nweed "tall"\n\\u00e4hre\n')],
    words: ['\\', '"', '\\u0000', '\n'],
    run: decodeLines,
    refuses: (error) => error instanceof SyntaxError,
  },
  {
    name: 'head-answers',
    seeds: () => [
      encodeAnswers({
        champion: 3,
        answers: [0, 1, 2, 3].map((n) => ({
          id: `018f0000-0000-7000-8000-00000000000${n}`,
          truth: n % 2 === 0 ? 'weed' : 'crop',
          label: 'weed',
          second: 'crop',
          confidence: 0.75,
          probability: 0.75,
          secondProbability: 0.25,
          holdout: n === 0,
          knowable: true,
          judged: true,
          champion: n === 1 ? null : { label: 'crop', confidence: 0.5, probability: 0.5 },
        })),
      }),
    ],
    seal: sealedWithHash,
    run: decodeAnswers,
  },
  {
    name: 'gate-record',
    seeds: () => [
      bytes('{"schema":3,"input":{"samples":[]},"decision":{"promote":true,"checks":[]}}'),
    ],
    seal: sealedJson('recordSha256', (rest) => {
      const recordSha256 = sha256Hex(JSON.stringify(rest));
      return `${JSON.stringify({ ...rest, recordSha256 })}\n`;
    }),
    run: decodeGateRecord,
  },
  {
    name: 'shadow-trial',
    seeds: () => [
      bytes(
        '{"schema":3,"role":"serving","version":2,"previous":1,"since":"2026-01-01T00:00:00.000Z","revision":5,"maxLabels":200,"alarmAt":20,"classes":["a","b"],"observations":[],"outcome":"running","endedAt":null}',
      ),
    ],
    run: (input) => parseTrial(text(input)),
  },
  {
    name: 'head-history',
    seeds: () => [
      bytes(
        '{"at":"2026-01-01T00:00:00.000Z","event":"promoted","version":1,"previous":null,"by":"training"}\n{"at":"2026-01-02T00:00:00.000Z","event":"rolled-back","version":1,"previous":2,"by":"mqtt"}\n{"at":"2026-01-03T00:00:00.000Z","event":"pinned","version":1}\n',
      ),
    ],
    run: (input) => {
      const path = join(folder, 'history.jsonl');
      writeFileSync(path, input);
      return readHistory(path);
    },
  },
  {
    name: 'training-report',
    seeds: () => [
      bytes(
        '{"trainingId":"t1","trigger":"labels","outcome":"refused","reason":"x","finishedAt":"2026-01-01T00:00:00.000Z","durationMs":9,"result":{"version":1,"learner":"ridge","score":{"samples":9,"holdout":3,"groups":3,"macroF1":0.5,"macroF1Lower":0.1,"macroF1Upper":0.9,"accuracy":0.5,"accuracyLower":0.1,"accuracyUpper":0.9},"holdout":null,"durationsMs":{"fit":3}}}',
      ),
    ],
    run: (input) => parseReport(JSON.parse(text(input))),
    refuses: (error) => error instanceof SyntaxError,
  },
  {
    name: 'model-card',
    seeds: () => [
      readFileSync('models/efficientnet-lite0-288.json'),
      readFileSync('models/resnet50.json'),
    ],
    run: (input) => parseCard(JSON.parse(text(input)), 'card.json'),
    refuses: (error) => error instanceof SyntaxError,
  },
  {
    name: 'backbone-archive',
    seeds: () => [packArchive({ 'card.json': bytes('{}'), 'model.onnx': new Uint8Array(99) })],
    run: (input) => unpackArchive(input, 1_048_576),
    refuses: (error) => error instanceof ArchiveFault,
  },
  {
    name: 'tfjs-model',
    seeds: () => [
      packTfjs({
        format: 'graph-model',
        topology: { node: [] },
        weights: [
          {
            spec: { name: 'w', shape: [2, 2], dtype: 'float32' },
            bytes: new Uint8Array(16),
          },
        ],
        signature: null,
        metadata: {},
      }),
    ],
    run: unpackTfjs,
  },
  {
    name: 'onnx',
    seeds: () => [onnx.encode(smallNetwork())],
    run: (input) => onnx.decode(input),
  },
  {
    name: 'pytorch-state',
    seeds: () => ['tiny-zip.pth', 'tiny-legacy.pth'].map((name) => readFileSync(fixture(name))),
    words: ['ccollections\nOrderedDict\n', 'cposix\nsystem\n', 'R', 'q\x01', 'h\x01', '.'],
    run: (input) => readStateDict(input),
  },
  {
    name: 'zip-import',
    seeds: () => [
      zipSync({ 'weed/a.jpg': strToU8('x'.repeat(300)), 'crop/b.jpg': strToU8('y') }),
      zipSync({ 'a/b/c.txt': [strToU8('z'), { level: 0 }] }),
    ],
    words: ['../', '/', 'PK\x01\x02', 'PK\x05\x06', 'PK\x06\x06'],
    run: unpackInto,
    share: 0.25,
  },
];
