import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { AlertCommand } from '../../src/alerts/alert-command.js';
import type { HeadlandError } from '../../src/base/errors.js';
import { configSchema } from '../../src/config/schema.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Recorder } from '../recorder.js';
import { until } from '../telemetry/tools.js';
import { temporaryFolder } from '../temporary-folder.js';

/** A command with the defaults of the configuration. */
function command(path: string, ...more: [args?: string[], settings?: object]) {
  const [args = [], settings = {}] = more;
  const { alerts } = configSchema.parse({
    alerts: {
      rules: [
        {
          name: 'siren',
          labels: ['x'],
          command: { path, arguments: args, minIntervalMs: 0, ...settings },
        },
      ],
    },
  });
  const ends = new Recorder<{ error: HeadlandError | null }>();
  const part = new AlertCommand({
    rule: 'siren',
    settings: alerts.rules[0]!.command!,
    onEnd: (error) => ends.add({ error }),
  });
  return { part, ends };
}

/** A program that writes its arguments and its environment into a file. */
function teller(folder: string): { program: string; out: string } {
  const program = join(folder, 'tell.cjs');
  const out = join(folder, 'told');
  const script = [
    `#!${process.execPath}`,
    `require('node:fs').writeFileSync(${JSON.stringify(out)},`,
    '  JSON.stringify({ args: process.argv.slice(2), env: process.env }));',
  ];
  writeFileSync(program, script.join('\n'), { mode: 0o755 });
  return { program, out };
}

/** A command that runs, with a child of its own. */
async function sleeping(t: TestContext) {
  const file = join(temporaryFolder(t), 'pids');
  const script = `sleep 600 & echo $$ $! > ${file}; sleep 600`;
  const { part, ends } = command('/bin/sh', ['-c', script], { timeoutMs: 120_000 });
  part.start({}, 0);
  const pids = () =>
    existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').map(Number) : [];
  await until('it runs', () => pids().length === 2);
  return { part, ends, pids: pids() };
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A process that has ended stays in the table until its parent asks.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('the command of a rule', { timeout: TEST_HANG_MS }, () => {
  test('gets its arguments as they are, without a shell, and facts but no secrets', async (t) => {
    const { program, out } = teller(temporaryFolder(t));
    process.env.HEADLAND_TEST_SECRET = 'hidden';
    t.after(() => delete process.env.HEADLAND_TEST_SECRET);
    const args = ['$(touch /tmp/x)', 'a b', '*', ''];
    const { part, ends } = command(program, args);
    const facts = {
      HEADLAND_RULE: 'siren',
      HEADLAND_LABEL: '"; rm -rf $HOME',
      HEADLAND_TASK: null,
    };
    assert.equal(part.start(facts, 0), true);
    assert.equal((await ends.next()).error, null);
    const told = JSON.parse(readFileSync(out, 'utf8'));
    assert.deepEqual(told.args, args);
    assert.deepEqual(Object.keys(told.env).sort(), [
      'HEADLAND_LABEL',
      'HEADLAND_RULE',
      'LANG',
      'PATH',
    ]);
    assert.equal(told.env.HEADLAND_LABEL, '"; rm -rf $HOME');
  });

  test('that fails says how, with the end of what it printed', async () => {
    const failing = command('/bin/sh', ['-c', 'echo no water >&2; exit 3']);
    failing.part.start({}, 0);
    const { error } = await failing.ends.next();
    assert.equal(error?.code, 'HL_ALERT_COMMAND_FAILED');
    assert.match(error?.message ?? '', /"siren", \/bin\/sh, ended with exit code 3: no water$/);
    const missing = command('/no/such/program');
    missing.part.start({}, 0);
    assert.match((await missing.ends.next()).error?.message ?? '', /cannot be started: .*ENOENT/);
    const odd = command('/bin/true');
    odd.part.start({ HEADLAND_LABEL: 'a\0b' }, 0);
    assert.match((await odd.ends.next()).error?.message ?? '', /null byte/);
  });

  test('is ended with its children after its time, even if it ignores signals', async (t) => {
    const file = join(temporaryFolder(t), 'pids');
    const script = `trap '' TERM; sleep 600 & echo $$ $! > ${file}; while :; do sleep 1; done`;
    const { part, ends } = command('/bin/sh', ['-c', script], { timeoutMs: 5_000 });
    part.start({}, 0);
    const { error } = await ends.next();
    assert.match(error?.message ?? '', /did not end within 5000 ms/);
    const pids = readFileSync(file, 'utf8').trim().split(' ').map(Number);
    assert.equal(pids.length, 2);
    // The signal has been sent: dying takes a moment.
    await until('the program and its child gone', () => pids.filter(isAlive).length === 0);
  });

  test('runs once at a time, and keeps its distance', async () => {
    const { part, ends } = command('/bin/true', [], { minIntervalMs: 1_000 });
    assert.equal(part.start({}, 0), true);
    assert.equal(part.start({}, 5_000), false, 'it runs still');
    await ends.next();
    assert.equal(part.start({}, 999), false);
    assert.equal(part.start({}, 1_000), true);
    await ends.count(2);
  });

  test('ends with the daemon, and starts no more', async (t) => {
    const { part, ends, pids } = await sleeping(t);
    await part.stop();
    assert.equal(part.start({}, 99_000), false);
    assert.deepEqual(ends.all, [], 'its end is no failure');
    await until('the program and its child gone', () => pids.filter(isAlive).length === 0);
  });

  test('leaves no child behind after it has ended, not even one that ignores signals', async (t) => {
    const file = join(temporaryFolder(t), 'pid');
    const child = `trap "" TERM; echo $$ > ${file}; while :; do sleep 1; done`;
    const script = `sh -c '${child}' & while [ ! -s ${file} ]; do sleep 0.05; done`;
    const { part, ends } = command('/bin/sh', ['-c', script]);
    part.start({}, 0);
    assert.equal((await ends.next()).error, null);
    const pid = Number(readFileSync(file, 'utf8'));
    assert.ok(pid > 0);
    await until('the child gone', () => !isAlive(pid));
  });

  test('can be ended in the exit event of the process', async (t) => {
    const { part, pids } = await sleeping(t);
    part.killNow();
    await until('the program and its child gone', () => pids.filter(isAlive).length === 0);
    assert.equal(part.start({}, 99_000), false);
  });
});
