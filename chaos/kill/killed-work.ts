// Forked by `chaos kill`: works as a robot does until it is killed, and says what it begins and what it
// has acknowledged. argv: root, number of its first action
import { writeSync } from 'node:fs';
import { openState } from '../../src/agent/open-state.js';
import { SettingsTrial } from '../../src/agent/settings/settings-trial.js';
import { createRandom } from '../../src/base/random.js';
import { pageChangesPath } from '../../src/config/settings/page-changes.js';
import { crashPicture } from '../../test/samples/crash-picture.js';
import { newSample } from '../../test/samples/support.js';
import { someCard, someHead } from '../../test/training/fixture.js';
import { configOf, openOutbox, registryIn, stateDirOf } from '../power/facts.js';
import type { ActionKind } from './ledger.js';

const [root = '', first = '0'] = process.argv.slice(2);
/** One write to a pipe is whole or not at all, and leaves the process before the next action. */
const say = (line: string): void => void writeSync(1, `${line}\n`);

say('opens');
const state = openState(configOf(root));
const outbox = openOutbox(state);
const registry = registryIn(root);
await registry.recover();
const { samples } = state.tasks[0];
const settings = new SettingsTrial(pageChangesPath(stateDirOf(root)));

/** Each returns what only the program knows about it. */
const ACTIONS: Record<ActionKind, (number: number) => Promise<string> | string> = {
  sample: (number) => {
    const given = { jpeg: crashPicture(number), group: `g${number}`, label: 'new' };
    const { sample } = samples.admit(newSample('', given));
    say(`done sample ${number} ${sample.id}`);
    say(`begin label ${number}`);
    samples.label(sample.id, `weed ${number}`, 'mqtt');
    say(`done label ${number} ${sample.id}`);
    return sample.id;
  },
  label: () => '',
  message: (number) => {
    const about = { topic: 'headland/r1/event', qos: 1, retain: false } as const;
    outbox.enqueue({ ...about, class: 'event', payload: Buffer.from(`message ${number}`) });
    return '';
  },
  audit: (number) => {
    state.audit.append('command', { number });
    return '';
  },
  counter: (number) => {
    state.meta.set('counter', String(number));
    return '';
  },
  head: async (number) => {
    const head = someHead(number);
    const version = await registry.publish(head, someCard(head), [`group ${number}`]);
    say(`version ${number} ${version}`);
    await registry.promote(version, undefined, 'training');
    return String(version);
  },
  settings: async (number) => {
    await settings.write(`{"number":${number}}`, false);
    await settings.pass();
    return '';
  },
};

const KINDS = ['sample', 'sample', 'message', 'audit', 'counter', 'head', 'settings'] as const;
const random = createRandom(Number(first));
for (let number = Number(first); ; number++) {
  const kind = KINDS[random.int(KINDS.length)]!;
  say(`begin ${kind} ${number}`);
  const known = await ACTIONS[kind](number);
  if (kind !== 'sample') say(`done ${kind} ${number} ${known}`);
}
