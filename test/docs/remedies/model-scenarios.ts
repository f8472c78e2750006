import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { OnnxCodec } from '../../../src/backbone/engines/onnx-proto.js';
import { sha256Hex } from '../../../src/base/hash.js';
import { info, resnetLike } from '../../backbone/networks.js';
import { writeSmallCard } from '../../backbone/small-network.js';
import { encodeModel, fixture } from '../../backbone/support.js';
import type { CommandScenario } from './command-scenario.js';
import type { Robot } from './field.js';

type Card = Record<string, unknown>;

/** Cards and a cache of this robot's own, with the backbone `tiny` in neither yet. */
function ownFolders(robot: Robot): string {
  const dir = robot.path('cards');
  mkdirSync(dir, { recursive: true });
  robot.configure({ models: { cardsDir: dir }, paths: { cacheDir: robot.path('cache') } });
  return dir;
}

const tinyNetwork = (robot: Robot): string => join(robot.field.rig.dir, 'models', 'tiny.onnx');

/** Puts a card of `tiny` into a folder of cards, changed. */
export function writeCard(robot: Robot, changes: Card = {}, file = 'tiny.json'): void {
  const dir = ownFolders(robot);
  const card: Card = JSON.parse(
    readFileSync(join(robot.field.rig.dir, 'models', 'tiny.json'), 'utf8'),
  );
  writeFileSync(join(dir, file), JSON.stringify({ ...card, ...changes }));
}

/** The network's file as the source of a card. */
function source(path: string, file = path): Card {
  const bytes = readFileSync(path);
  return { kind: 'file', file, sha256: sha256Hex(bytes), bytes: bytes.length };
}

const add = (file: string, ...options: string[]): string[] => [
  'models',
  'add',
  file,
  '--name',
  'mine',
  ...options,
];
const addTiny = (robot: Robot, ...options: string[]): string[] =>
  add(tinyNetwork(robot), '--normalise', 'unit', ...options);
const pull = (): string[] => ['models', 'pull', 'tiny'];
const verify = (): string[] => ['models', 'verify', 'tiny'];

const bundleWith = (robot: Robot, licence: string): string[] => [
  'models',
  'bundle',
  'tiny',
  robot.path('tiny.backbone.zip'),
  '--licence-file',
  robot.path(licence),
];

/** The bundle of `tiny`; its path. */
async function makeBundle(robot: Robot): Promise<string> {
  writeCard(robot);
  const file = robot.path('tiny.backbone.zip');
  await robot.must('models', 'bundle', 'tiny', file);
  return file;
}

/** Flips a bit in the cached model. */
export function damageBackbone(robot: Robot): void {
  const path = robot.path('cache', 'backbones', 'tiny', 'model.onnx');
  const bytes = readFileSync(path);
  bytes[200]! ^= 1;
  writeFileSync(path, bytes);
}

/** A backbone that has layers for 8 bits. */
function useSmall(robot: Robot): void {
  const cardsDir = ownFolders(robot);
  writeSmallCard(cardsDir);
  robot.configure({ models: { backbone: 'small' }, quantization: { minFrames: 8 } });
}

export const modelScenarios: CommandScenario[] = [
  {
    code: 'HL_MODEL_CARD_UNKNOWN',
    follows: 'Use a name that `headland models list` prints',
    command: () => ['models', 'verify', 'tinny'],
    follow: async (robot, { remedy }) => {
      const [, nearest] = /nearest: (\S+)\)/.exec(remedy ?? '')!;
      const list = await robot.must('models', 'list');
      if (!list.includes(nearest!)) throw new Error(list);
      return ['models', 'verify', nearest!];
    },
  },
  {
    code: 'HL_MODEL_CARDS_UNREADABLE',
    follows: 'Set models.cardsDir to a folder that this user may read, or to null',
    settings: { models: { cardsDir: '/nowhere/cards' } },
    command: () => ['models', 'list'],
    follow: (robot) => robot.configure({ models: { cardsDir: null } }),
  },
  {
    code: 'HL_MODEL_CARD_INVALID',
    when: 'a field',
    follows: 'Correct the fields named in this file',
    given: (robot) => writeCard(robot, { inputSize: '32' }),
    command: () => ['models', 'list'],
    follow: (robot, { message }) => {
      const field = /(\w+): must be a number, not a string/.exec(message)?.[1];
      writeCard(robot, { [field!]: 32 });
    },
  },
  {
    code: 'HL_MODEL_CARD_INVALID',
    when: 'the name',
    follows: 'rename the file',
    given: (robot) => writeCard(robot, {}, 'small.json'),
    command: () => ['models', 'list'],
    follow: (robot) =>
      renameSync(robot.path('cards', 'small.json'), robot.path('cards', 'tiny.json')),
  },
  {
    code: 'HL_MODEL_CARD_INVALID',
    when: 'the syntax',
    follows: 'syntax',
    given: (robot) => writeFileSync(join(ownFolders(robot), 'tiny.json'), '{"schema": 1,}'),
    command: () => ['models', 'list'],
    follow: (robot) => writeCard(robot),
  },
  {
    code: 'HL_MODEL_NOT_CACHED',
    follows: 'Run `headland models pull',
    given: (robot) => writeCard(robot),
    command: verify,
    follow: (robot) => robot.must(...pull()),
  },
  {
    code: 'HL_MODEL_CHECKSUM',
    when: 'in the cache',
    follows: 'Run `headland models pull',
    given: async (robot) => {
      writeCard(robot);
      await robot.must(...pull());
      damageBackbone(robot);
    },
    command: verify,
    follow: (robot) => robot.must(...pull()),
  },
  {
    code: 'HL_MODEL_CHECKSUM',
    when: 'of a source',
    follows: 'In a card of your own, correct bytes and sha256',
    given: (robot) => {
      const path = tinyNetwork(robot);
      writeCard(robot, { sources: [{ ...source(path), sha256: '0'.repeat(64) }] });
    },
    command: pull,
    follow: (robot) => writeCard(robot, { sources: [source(tinyNetwork(robot))] }),
  },
  {
    code: 'HL_MODEL_CHECK_FAILED',
    follows: 'In a card of your own, correct tap, normalisation or golden features',
    given: async (robot) => {
      writeCard(robot, { golden: { features: [7, 7, 7, 7], tolerance: 0.001 } });
    },
    command: pull,
    follow: (robot) => writeCard(robot, { golden: null }),
  },
  {
    code: 'HL_MODEL_SOURCE_FAILED',
    when: 'a file is missing',
    follows: 'Put a readable file at this path',
    given: (robot) =>
      writeCard(robot, { sources: [source(tinyNetwork(robot), robot.path('network.onnx'))] }),
    command: pull,
    follow: (robot) => copyFileSync(tinyNetwork(robot), robot.path('network.onnx')),
  },
  {
    code: 'HL_MODEL_UNAVAILABLE',
    follows: 'into a folder, and add the folder to models.mirrors',
    given: (robot) => {
      const { sha256, bytes } = source(tinyNetwork(robot));
      const web = { kind: 'https', url: 'https://127.0.0.1:9/tiny-net.onnx', sha256, bytes };
      writeCard(robot, { sources: [web] });
    },
    command: pull,
    follow: (robot, { remedy }) => {
      const [, file] = /put (\S+) into a folder/i.exec(remedy ?? '')!;
      mkdirSync(robot.path('mirror'));
      copyFileSync(tinyNetwork(robot), robot.path('mirror', file!));
      robot.configure({ models: { mirrors: [robot.path('mirror')] } });
    },
  },
  {
    code: 'HL_MODEL_TOO_LARGE',
    when: 'added',
    follows: 'Raise models.maxBytes',
    settings: { models: { maxBytes: 10_000 } },
    command: addTiny,
    follow: (robot) => robot.configure({ models: { maxBytes: 100_000 } }),
  },
  {
    code: 'HL_MODEL_TOO_LARGE',
    when: 'fetched',
    follows: 'Raise models.maxBytes',
    given: (robot) => {
      writeCard(robot);
      robot.configure({ models: { maxBytes: 10_000 } });
    },
    command: pull,
    follow: (robot) => robot.configure({ models: { maxBytes: 100_000 } }),
  },
  {
    code: 'HL_MODEL_CACHE_UNWRITABLE',
    when: 'the cache',
    follows: 'set paths.cacheDir (--cache)',
    given: (robot) => {
      writeCard(robot);
      robot.write('file', '');
    },
    command: (robot) => [...pull(), '--cache', robot.path('file')],
    follow: (robot) => [...pull(), '--cache', robot.path('other')],
  },
  {
    code: 'HL_MODEL_CACHE_UNWRITABLE',
    when: 'added backbones',
    follows: 'paths.stateDir (--state)',
    given: (robot) => {
      ownFolders(robot);
      mkdirSync(robot.stateDir);
      for (const dir of [robot.dir, robot.path('cards')]) chmodSync(dir, 0o777);
      chmodSync(robot.stateDir, 0o555);
    },
    asNobody: true,
    command: addTiny,
    follow: (robot) => [...addTiny(robot), '--state', robot.path('other')],
  },
  {
    code: 'HL_MODEL_FILE_UNREADABLE',
    follows: 'Give the path of an ONNX file or a bundle that this user may read',
    command: (robot) => add(robot.path('none.onnx'), '--normalise', 'unit'),
    follow: (robot) => addTiny(robot),
  },
  {
    code: 'HL_MODEL_BUNDLE_INVALID',
    when: 'copied',
    follows: 'Copy the bundle again',
    given: async (robot) => {
      const bytes = readFileSync(await makeBundle(robot));
      robot.write('stick/tiny.zip', bytes.subarray(0, bytes.length - 100));
    },
    command: (robot) => ['models', 'add', robot.path('stick', 'tiny.zip')],
    follow: (robot) =>
      copyFileSync(robot.path('tiny.backbone.zip'), robot.path('stick', 'tiny.zip')),
  },
  {
    code: 'HL_MODEL_BUNDLE_INVALID',
    when: 'made',
    follows: 'make it again with `headland models bundle`',
    given: (robot) => robot.write('tiny.backbone.zip', Buffer.from('PK\u0003\u0004 and no more')),
    command: (robot) => ['models', 'add', robot.path('tiny.backbone.zip')],
    follow: makeBundle,
  },
  {
    code: 'HL_MODEL_BUNDLE_FOREIGN',
    follows: 'Make the bundle with the version of headland that this robot runs',
    given: async (robot) => {
      await makeBundle(robot);
      // The robot's card of that name asks for another input.
      writeCard(robot, { normalisation: { mean: [0, 0, 0], std: [255, 255, 255] } });
    },
    command: (robot) => ['models', 'add', robot.path('tiny.backbone.zip')],
    follow: (robot) => robot.must('models', 'bundle', 'tiny', robot.path('tiny.backbone.zip')),
  },
  {
    code: 'HL_MODEL_LICENCE_UNREADABLE',
    follows: 'Give --licence-file the path of a text that this user may read',
    given: (robot) => writeCard(robot),
    command: (robot) => bundleWith(robot, 'none.txt'),
    follow: (robot) => {
      robot.write('licence.txt', 'Take it.');
      return bundleWith(robot, 'licence.txt');
    },
  },
  {
    code: 'HL_MODEL_NAME_INVALID',
    follows: 'lower-case letters',
    command: (robot) => [
      'models',
      'add',
      tinyNetwork(robot),
      '--name',
      'My Net',
      '--normalise',
      'unit',
    ],
    follow: (robot) => [
      'models',
      'add',
      tinyNetwork(robot),
      '--name',
      'my-net',
      '--normalise',
      'unit',
    ],
  },
  {
    code: 'HL_MODEL_NAME_TAKEN',
    when: 'another name',
    follows: 'Give another --name',
    command: (robot) => [
      'models',
      'add',
      tinyNetwork(robot),
      '--name',
      'tiny',
      '--normalise',
      'unit',
    ],
    follow: (robot) => addTiny(robot),
  },
  {
    code: 'HL_MODEL_NAME_TAKEN',
    when: 'removed',
    follows: '`headland models remove',
    given: (robot) => robot.must(...addTiny(robot)),
    command: addTiny,
    follow: (robot) => robot.must('models', 'remove', 'mine'),
  },
  {
    code: 'HL_MODEL_NORMALISATION_UNKNOWN',
    follows: 'give --normalise',
    command: (robot) => add(tinyNetwork(robot)),
    follow: (robot) => addTiny(robot),
  },
  {
    code: 'HL_MODEL_NORMALISATION_INVALID',
    follows: '--normalise 0.485,0.456,0.406/0.229,0.224,0.225',
    command: (robot) => add(tinyNetwork(robot), '--normalise', 'usual'),
    follow: (robot, { remedy }) => {
      const [, numbers] = /--normalise ([\d.,/]+)\.$/.exec(remedy ?? '')!;
      return add(tinyNetwork(robot), '--normalise', numbers!);
    },
  },
  {
    code: 'HL_MODEL_INPUT_SIZE_UNKNOWN',
    follows: '--input-size',
    given: (robot) => {
      const open = resnetLike(info('data', ['N', 3, 'h', 'w']));
      robot.write('open.onnx', encodeModel(open));
    },
    command: (robot) => add(robot.path('open.onnx'), '--normalise', 'unit'),
    follow: (robot) => add(robot.path('open.onnx'), '--normalise', 'unit', '--input-size', '32'),
  },
  {
    code: 'HL_MODEL_TAP_UNKNOWN',
    follows: '--tap NAME',
    given: (robot) => robot.write('resnet.onnx', encodeModel(resnetLike())),
    command: (robot) => add(robot.path('resnet.onnx'), '--normalise', 'unit', '--tap', 'embedding'),
    follow: (robot, { remedy }) => {
      // The last tensor is that of the classes; the one before it holds the features.
      const [, names] = /The last tensors are (.*)\.$/.exec(remedy ?? '')!;
      const [, features] = names!.split(', ');
      return add(robot.path('resnet.onnx'), '--normalise', 'unit', '--tap', features!);
    },
  },
  {
    code: 'HL_MODEL_NOT_A_BACKBONE',
    follows: 'Leave --input-size out',
    command: (robot) => addTiny(robot, '--input-size', '48'),
    follow: (robot) => addTiny(robot),
  },
  {
    code: 'HL_MODEL_ONNX_INVALID',
    follows: 'Name an ONNX file',
    given: (robot) => robot.write('network.onnx', 'no network'),
    command: (robot) => add(robot.path('network.onnx'), '--normalise', 'unit'),
    follow: (robot) => addTiny(robot),
  },
  {
    code: 'HL_MODEL_NOT_ADDED',
    follows: 'Name one that `headland models list` marks "added"',
    given: (robot) => robot.must(...addTiny(robot)),
    command: () => ['models', 'remove', 'tiny'],
    follow: async (robot) => {
      const [, name] = /^(\S+) .*added/m.exec(await robot.must('models', 'list'))!;
      return ['models', 'remove', name!];
    },
  },
  {
    code: 'HL_MODEL_IN_USE',
    follows: 'Set models.backbone to another one',
    given: async (robot) => {
      await robot.must(...addTiny(robot));
      robot.configure({ models: { backbone: 'mine' } });
    },
    command: () => ['models', 'remove', 'mine'],
    follow: (robot) => robot.configure({ models: { backbone: 'tiny' } }),
  },
  {
    code: 'HL_MODEL_PICKLE_REFUSED',
    follows: 'Export weights of your own to ONNX, and add them with `headland models add`',
    given: (robot) =>
      writeCard(robot, {
        format: 'efficientnet-lite-state-dict',
        architecture: 'efficientnet-lite0',
        sources: [source(fixture('evil-zip.pth'))],
      }),
    command: pull,
    follow: (robot) => addTiny(robot),
  },
  {
    code: 'HL_MODEL_NOT_QUANTIZED',
    when: 'it is made',
    follows: 'headland models quantize',
    given: (robot) => {
      useSmall(robot);
      robot.configure({ models: { backbone: 'small-int8' }, quantization: { minFrames: 32 } });
    },
    command: () => ['models', 'verify', 'small-int8'],
    follow: (robot) => robot.must('models', 'quantize', 'small', '--photos', robot.photosDir),
  },
  {
    code: 'HL_MODEL_NOT_QUANTIZED',
    when: 'fp32 serves',
    follows: 'set models.backbone to the fp32 one',
    given: async (robot) => {
      robot.adopt(await robot.field.labelled());
      robot.configure({ models: { backbone: 'tiny-int8' } });
    },
    command: () => ['train'],
    follow: (robot) => robot.configure({ models: { backbone: 'tiny' } }),
  },
  {
    code: 'HL_QUANTIZE_TOO_FEW_FRAMES',
    when: 'pictures are imported',
    follows: 'import pictures (`headland import DIR`)',
    given: useSmall,
    command: () => ['models', 'quantize'],
    follow: (robot) => robot.must('import', robot.photosDir),
  },
  {
    code: 'HL_QUANTIZE_PHOTOS_UNREADABLE',
    follows: 'Give --photos a folder of pictures that this user may read',
    given: useSmall,
    command: (robot) => ['models', 'quantize', '--photos', robot.path('none')],
    follow: (robot) => ['models', 'quantize', '--photos', robot.photosDir],
  },
  {
    code: 'HL_QUANTIZE_ENGINE',
    follows: 'does not mark "engine: tfjs"',
    given: useSmall,
    command: (robot) => [
      'models',
      'quantize',
      'efficientnet-lite0-288-tfjs',
      '--photos',
      robot.photosDir,
    ],
    follow: async (robot) => {
      const list = await robot.must('models', 'list');
      const row = list.slice(list.indexOf('efficientnet-lite0-288-tfjs'));
      if (!row.split('\n', 1)[0]!.includes('(engine: tfjs)')) throw new Error(list);
      return ['models', 'quantize', 'small', '--photos', robot.photosDir];
    },
  },
  {
    code: 'HL_MODEL_TFJS_INVALID',
    follows: 'run the network with the ONNX engine',
    given: (robot) => {
      const codec = new OnnxCodec();
      const network = codec.decode(readFileSync(tinyNetwork(robot)));
      const clip = network.graph.node.find(({ opType }) => opType === 'Clip')!;
      Object.assign(clip, { opType: 'Erf', input: clip.input.slice(0, 1) });
      robot.write('network.onnx', codec.encode(network));
      const sources = [source(robot.path('network.onnx'))];
      writeCard(robot, { engine: 'tfjs', layout: 'NHWC-RGB', sources });
    },
    command: pull,
    follow: (robot) => writeCard(robot, { sources: [source(robot.path('network.onnx'))] }),
  },
];
