// Run under strace by `chaos power`: works as a robot does, and marks what it begins and acknowledges.
// argv: root, file of the marks, number of rounds
import fs, { cpSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { neededToken } from '../../src/agent/access/console-token.js';
import { openState, type State } from '../../src/agent/open-state.js';
import { SettingsTrial } from '../../src/agent/settings/settings-trial.js';
import { HeadlandError } from '../../src/base/errors.js';
import {
  removeDurably,
  switchLinkDurably,
  writeDirectoryDurably,
  writeFileDurably,
} from '../../src/base/files/durable-files.js';
import { makeFolder } from '../../src/base/files/make-folder.js';
import { writeSettings } from '../../src/cli/setup/write-settings.js';
import { pageChangesPath } from '../../src/config/settings/page-changes.js';
import { newTrial, type ShadowTrial } from '../../src/gate/shadow.js';
import { Quarantine } from '../../src/samples/folder/quarantine.js';
import type { Outbox } from '../../src/telemetry/outbox/outbox.js';
import { newSample } from '../../test/samples/support.js';
import { someCard, someHead } from '../../test/training/fixture.js';
import {
  CONFIG_NAME,
  configOf,
  databaseFacts,
  type Facts,
  openOutbox,
  PARTS,
  type PartName,
  quarantineIn,
  registryIn,
  stateDirOf,
} from './facts.js';

const [root = '', markFile = '', rounds = '1'] = process.argv.slice(2);
const marks = openSync(markFile, 'a');
const mark = (text: string): void => void writeSync(marks, `${text}\n`);

/** The two innermost functions of the product that flush, which names the place in the code. */
function flushSite(): string {
  const frames = (new Error('here').stack ?? '').split('\n').flatMap((line) => {
    const [, name, file] =
      /at (?:async )?(\S+) \(.*\/dist\/src\/(\S+)\.js:\d+:\d+\)/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, file }];
  });
  const [inner, outer] = frames;
  if (inner === undefined) return 'outside the product';
  return outer === undefined
    ? `${inner.file} ${inner.name}`
    : `${inner.file} ${inner.name} < ${outer.name}`;
}

/** Names the place of every flush before it. */
async function nameFlushes(): Promise<void> {
  const handle = await open('/dev/null');
  const prototype: unknown = Object.getPrototypeOf(handle);
  await handle.close();
  for (const [owner, name] of [
    [prototype, 'sync'],
    [prototype, 'datasync'],
    [fs, 'fsyncSync'],
    [fs, 'fdatasyncSync'],
  ] as const) {
    const flush: unknown = Reflect.get(owner as object, name);
    if (typeof flush !== 'function') throw new Error(`node has no ${name}`);
    Reflect.set(owner as object, name, function (this: unknown, ...given: unknown[]): unknown {
      mark(`site ${flushSite()}`);
      return Reflect.apply(flush, this, given);
    });
  }
  syncBuiltinESMExports();
}

const counts: Record<PartName, number> = { database: -1, heads: -1, files: -1 };

/** Does one thing, and marks when it begins and when it is done for good. */
async function act(
  part: PartName,
  work: () => unknown,
  facts: () => Facts | Promise<Facts>,
): Promise<void> {
  counts[part] += 1;
  mark(`begin ${part} ${counts[part]}`);
  await work();
  mark(`done ${part} ${counts[part]}`);
  mark(`facts ${part} ${counts[part]} ${JSON.stringify(await facts())}`);
}

/** What a start from the present files would know. */
async function factsOfCopy(part: PartName): Promise<Facts> {
  const { selects, recover } = PARTS[part];
  const copy = mkdtempSync(join(tmpdir(), 'headland-copy-'));
  try {
    const filter = (path: string): boolean => path === root || selects(relative(root, path));
    cpSync(root, copy, { recursive: true, verbatimSymlinks: true, filter });
    return await recover(copy);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

async function workOnDatabase(): Promise<void> {
  let state: State;
  let outbox: Outbox;
  const openAgain = (): void => {
    state = openState(configOf(root));
    outbox = openOutbox(state);
    // As the daemon does.
    state.database.doNotBlock();
  };
  const restart = async (): Promise<void> => {
    outbox.close();
    await state.database.idle();
    state.close();
    openAgain();
  };
  const facts = (): Facts => databaseFacts(state.database);
  const step = (work: () => unknown): Promise<void> => {
    const forGood = async (): Promise<void> => {
      await work();
      await state.database.settled();
    };
    return act('database', forGood, facts);
  };
  const enqueue = (className: 'event' | 'report' | 'result', text: string): void => {
    const about = { topic: `headland/r1/${className}`, qos: 1, retain: false } as const;
    outbox.enqueue({ ...about, class: className, payload: Buffer.from(text) });
  };
  await step(openAgain);
  // The many pages of new tables need not be in every state that follows.
  await step(restart);
  for (let round = 0; round < Number(rounds); round++) {
    const { samples } = state!.tasks[0];
    const admit = (name: string, bytes: number, label: string | null) => {
      const jpeg = Buffer.alloc(bytes, `picture ${name} of ${round} `);
      return samples.admit(newSample('', { jpeg, group: `group ${round}`, label })).sample.id;
    };
    let first = '';
    let second = '';
    let change: string | null = null;
    await step(() => (first = admit('first', 1_500, null)));
    await step(() => samples.label(first, `weed ${round}`, 'mqtt'));
    await step(() => (second = admit('second', 9_000, 'crop')));
    await step(() => state.audit.append('command', { name: 'label', round }));
    await step(() => enqueue('event', `event ${round}`));
    await step(() => enqueue('result', `result ${round}`));
    await step(() => {
      const before = samples.remove([second], 'console');
      change = samples.remember(before);
    });
    await step(() => change !== null && samples.undo(change, 'console'));
    await step(() => state.meta.set('counter', String(round)));
    await step(() => {
      for (const { id } of outbox.take(1)) outbox.acknowledge(id);
      outbox.flush();
    });
    await step(() => {
      const about = { kind: 'started', severity: 'info', key: 'started', values: {} } as const;
      state.events.add({ ...about, atMs: Date.now(), text: `round ${round}` });
      state.events.flush();
    });
    await step(() => samples.renameClass(`weed ${round}`, `thistle ${round}`, 'console'));
    // The log moves into the file.
    if (round % 3 === 1) await step(restart);
  }
  // So many pages that SQLite moves them into the file by itself, and begins the log anew.
  for (let index = 0; Number(rounds) > 1 && index < 22; index++) {
    const jpeg = Buffer.alloc(200_000, `large ${index} `);
    const sample = newSample('', { jpeg, group: 'large', label: 'stone' });
    await step(() => state.tasks[0].samples.admit(sample));
  }
  for (let index = 0; index < 3; index++) {
    await step(() => state.audit.append('command', { name: 'after', index }));
  }
  await step(restart);
  await state!.database.idle();
  state!.close();
}

async function workOnHeads(): Promise<void> {
  const step = (work: () => unknown): Promise<void> =>
    act('heads', work, () => factsOfCopy('heads'));
  const registry = registryIn(root);
  await step(() => registry.recover());
  const publish = (seed: number): Promise<number> => {
    const head = someHead(seed);
    return registry.publish(head, someCard(head), [`group ${seed}`]);
  };
  for (let round = 0; round < Number(rounds); round++) {
    let version = 0;
    await step(async () => (version = await publish(2 * round)));
    await step(() => registry.promote(version, undefined, 'training'));
    await step(async () => (version = await publish(2 * round + 1)));
    await step(() => registry.promote(version, undefined, 'shadow'));
    await step(() => registry.keepShadowTrial(trialOf(version)));
    await step(() => registry.pin(version, 'console'));
    if (round % 2 === 0) await step(() => registry.rollback(undefined, undefined, 'mqtt'));
    else await step(() => registry.withdraw(version - 1));
    await step(() => registry.pin(null, 'console'));
  }
  await step(() => registry.withdraw(null));
}

function trialOf(version: number): ShadowTrial {
  const since = new Date().toISOString();
  const pair = { version, previous: version - 1, since, revision: 0 };
  return newTrial({ role: 'serving', ...pair, maxLabels: 50, alarmAt: 20, classes: 2 });
}

async function workOnFiles(): Promise<void> {
  const step = (work: () => unknown): Promise<void> =>
    act('files', work, () => factsOfCopy('files'));
  const backbones = join(stateDirOf(root), 'backbones');
  const link = join(backbones, 'served');
  const trial = new SettingsTrial(pageChangesPath(stateDirOf(root)));
  const refused = new HeadlandError('HL_INTERNAL', 'a start failed', { remedy: 'None.' });
  // Nothing is there yet.
  await step(() => undefined);
  await step(() => neededToken(configOf(root), {}));
  await step(() => makeFolder(backbones));
  const quarantine = new Quarantine(quarantineIn(root));
  const because = {
    code: 'HL_INTERNAL',
    message: 'refused',
    remedy: 'None.',
    reason: 'unreadable',
  } as const;
  for (let round = 0; round < Number(rounds); round++) {
    await step(() => trial.write(`{"round":${round}}`, false));
    await step(() => trial.begin());
    await step(() => trial.pass());
    await step(() => trial.write(`{"refused":${round}}`, true));
    await step(() => trial.undo(refused));
    await step(() => writeFileDurably(join(backbones, 'card.json'), `{"round":${round}}`));
    const files = { weights: `weights ${round}`.repeat(300), 'card.json': `{"round":${round}}` };
    await step(() => writeDirectoryDurably(join(backbones, `b${round}`), files));
    await step(() => switchLinkDurably(link, `b${round}`));
    const configuration = join(stateDirOf(root), CONFIG_NAME);
    await step(() => writeSettings(configuration, `round: ${2 * round}\n`));
    await step(() => writeSettings(configuration, `round: ${2 * round + 1}\n`));
    await step(() => quarantine.add({ origin: `${round}.jpg`, ...because }, null));
    await step(() => removeDurably(join(backbones, 'card.json')));
  }
}

mkdirSync(root, { recursive: true });
await nameFlushes();
await workOnDatabase();
await workOnHeads();
await workOnFiles();
