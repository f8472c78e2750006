import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TEST_HANG_MS } from '../liveness.js';
import { writeFiles } from '../temporary-folder.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A program of somebody else, in TypeScript. */
const READER = `
import {
  type AnyMessage, type CommandPayload, type PredictionMessage,
  COMMANDS, CONTRACT, MESSAGES, commandTopic, messageTopic, topicPrefix,
} from 'headland/contract';

export function told(text: string): string {
  const message: AnyMessage = JSON.parse(text);
  if (message.schema === 'prediction/1') return weed(message);
  if (message.schema === 'event/1') return message.kind;
  return message.boot;
}
function weed({ label, probability, top }: PredictionMessage): string {
  const second: string | undefined = top[1]?.label;
  return \`\${label} \${probability.toFixed(2)} \${second ?? ''}\`;
}
export const command: CommandPayload<'label'> = { frame: 'main-790', label: 'weed' };
export const where: string = topicPrefix('robot1') + commandTopic('label');
export const qos: 0 | 1 = CONTRACT.event.qos;
export const schema = MESSAGES.status;
export const checked = COMMANDS.label.parse(command);
export const topic: string = messageTopic('prediction', 'rows');
`;
/** Each line must be an error. */
const WRONG = `
import type { AnyMessage, CommandPayload, PredictionMessage } from 'headland/contract';
export const a: CommandPayload<'label'> = { lable: 'weed' };
export const b = (message: PredictionMessage): string => message.probability;
export const c = (message: AnyMessage): string => message.frame_id;
export const d: CommandPayload<'dance'> = {};
`;
const RUN = `
import { COMMANDS, COMMAND_NAMES, CONTRACT, MESSAGES, topicPrefix } from 'headland/contract';
import schema from 'headland/contract/mqtt-schema.json' with { type: 'json' };
import asyncapi from 'headland/contract/asyncapi.json' with { type: 'json' };
const deep = await import('headland/dist/src/base/errors.js').catch((error) => error.code);
console.log(JSON.stringify({
  topic: topicPrefix('r1') + CONTRACT.status.topic,
  commands: COMMAND_NAMES.length === Object.keys(COMMANDS).length,
  refused: MESSAGES.status.safeParse({}).success,
  title: schema.title,
  asyncapi: asyncapi.asyncapi,
  deep,
}));
`;

describe('headland/contract, from the packed package', { timeout: TEST_HANG_MS }, () => {
  let folder = '';
  after(() => rmSync(folder, { recursive: true, force: true }));

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headland-packed-'));
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
    const [{ filename }] = JSON.parse(
      execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    const installed = join(folder, 'node_modules', 'headland');
    mkdirSync(installed, { recursive: true });
    execFileSync('tar', ['-xzf', join(folder, filename), '--strip-components=1', '-C', installed]);
    // The only package that the contract may need.
    symlinkSync(join(ROOT, 'node_modules', 'zod'), join(folder, 'node_modules', 'zod'));
    writeFiles(folder, {
      'package.json': '{"type":"module"}',
      'reader.ts': READER,
      'wrong.ts': WRONG,
      'run.mjs': RUN,
    });
  });

  const compile = (file: string) => {
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022'];
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    return spawnSync(process.execPath, [tsc, ...options, join(folder, file)], {
      cwd: folder,
      encoding: 'utf8',
    });
  };

  test('compiles in a strict program, with its own declarations checked', () => {
    const { status, stdout } = compile('reader.ts');
    assert.deepEqual([status, stdout], [0, '']);
  });

  test('refuses a wrong use by its types', () => {
    const { stdout } = compile('wrong.ts');
    const lines = [...stdout.matchAll(/wrong\.ts\((\d+),/g)].map(([, line]) => Number(line));
    assert.deepEqual(lines, [3, 4, 5, 6]);
  });

  test('runs with zod alone, and nothing else of the package is exported', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['run.mjs'], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      topic: 'headland/r1/status',
      commands: true,
      refused: false,
      title: 'headland: MQTT messages and commands',
      asyncapi: '3.0.0',
      deep: 'ERR_PACKAGE_PATH_NOT_EXPORTED',
    });
  });
});
