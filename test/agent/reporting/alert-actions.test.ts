import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { AlertActions } from '../../../src/agent/reporting/alerts/alert-actions.js';
import type { AlertEvent } from '../../../src/alerts/rules.js';
import type { Eye } from '../../../src/base/words/eye.js';
import type { EventBody } from '../../../src/telemetry/contract/messages.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Recorder, recordedAlarms, recordedLog } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { drawPicture } from '../../training/fixture.js';
import { outgoing, robotConfig } from '../support.js';

const WEED: AlertEvent = {
  rule: 'weeds',
  state: 'raised',
  task: 'main',
  camera: 'main',
  region: null,
  label: 'weed',
  probability: 0.9,
  noveltyPValue: null,
  condition: null,
  atMs: 0,
  output: null,
};
const LOST: AlertEvent = {
  ...WEED,
  rule: 'eye',
  task: null,
  label: null,
  probability: null,
  condition: 'camera_lost',
};
const HOT: AlertEvent = { ...LOST, camera: null, condition: 'board_hot' };

function actions(t: TestContext, rules: object[], dir = temporaryFolder(t)) {
  const config = robotConfig(dir, { alerts: { rules }, cameras: [{ driver: 'simulated' }] });
  const events = new Recorder<EventBody>();
  const { alarms, changes } = recordedAlarms();
  const { log, lines } = recordedLog();
  const clock = { nowMs: 0 };
  const kept: [Eye, string | null][] = [];
  const part = new AlertActions({
    config,
    telemetry: { event: events.add },
    alarms,
    log,
    keep: (eye, task) => {
      kept.push([eye, task]);
      return 's-1';
    },
    nowMs: () => clock.nowMs,
  });
  t.after(() => part.close());
  return { part, events, changes, lines, clock, kept, clips: join(dir, 'clips') };
}

describe('actions of alerts', { timeout: TEST_HANG_MS }, () => {
  test('are only those of the rule', async (t) => {
    const { part, kept, clips } = actions(t, [{ name: 'weeds', labels: ['weed'] }]);
    await part.open();
    part.seen({ camera: 'main', region: null }, await drawPicture('weed', 1));
    assert.deepEqual(part.raised(WEED), { sampleId: null, clip: null });
    assert.deepEqual(kept, []);
    assert.equal(existsSync(clips), false, 'no folder without clips');
  });

  test('keep the frame of the alert, of a condition that of its camera or the only one', (t) => {
    const { part, kept } = actions(t, [
      { name: 'weeds', labels: ['weed'], snapshot: true },
      { name: 'eye', on: ['camera_lost', 'board_hot'], snapshot: true },
    ]);
    assert.equal(part.raised({ ...WEED, region: '2' }).sampleId, 's-1');
    part.raised(LOST);
    part.raised(HOT);
    assert.deepEqual(kept, [
      [{ camera: 'main', region: '2' }, 'main'],
      [{ camera: 'main', region: null }, null],
      [{ camera: 'main', region: null }, null],
    ]);
  });

  test('save a clip, name it at once, and report it when it is on the disk', async (t) => {
    const clip = { beforeSeconds: 2, afterSeconds: 1 };
    const rules = [{ name: 'weeds', labels: ['weed'], clip }];
    const { part, events, clock, clips } = actions(t, rules);
    await part.open();
    const picture = await drawPicture('weed', 1);
    for (; clock.nowMs <= 3_000; clock.nowMs += 500)
      part.seen({ camera: 'main', region: null }, picture);
    const file = part.raised(WEED).clip;
    assert.ok(file);
    clock.nowMs += 1_100;
    part.tick();
    const saved = outgoing('event', await events.next());
    assert.deepEqual(
      [saved.kind, saved.details.rule, saved.details.clip],
      ['clip_saved', 'weeds', file],
    );
    assert.deepEqual(readdirSync(clips), [file]);
  });

  test('save the clip that is being taken when the daemon ends', async (t) => {
    const rules = [{ name: 'weeds', labels: ['weed'], clip: {} }];
    const { part, events, clips } = actions(t, rules);
    await part.open();
    part.seen({ camera: 'main', region: null }, await drawPicture('weed', 1));
    const { clip } = part.raised(WEED);
    await part.close();
    assert.deepEqual(
      events.all.map(({ kind }) => kind),
      ['clip_saved'],
    );
    assert.deepEqual(readdirSync(clips), [clip]);
  });

  test('raise an alarm where no clip can be kept, and go on when one can', async (t) => {
    const dir = temporaryFolder(t);
    writeFileSync(join(dir, 'clips'), 'a file');
    const rules = [{ name: 'weeds', labels: ['weed'], clip: {} }];
    const { part, changes, clips } = actions(t, rules, dir);
    await part.open();
    assert.deepEqual(changes.all, ['raised clips warning HL_CLIP_UNWRITABLE']);
    part.seen({ camera: 'main', region: null }, await drawPicture('weed', 1));
    assert.equal(part.raised(WEED).clip, null);
    rmSync(clips);
    await changes.until((said) => said === 'cleared clips');
    assert.ok(part.raised(WEED).clip);
  });

  test('start a program that knows what the alert is about; its failure is an alarm', async (t) => {
    const dir = temporaryFolder(t);
    const [out, broken] = [join(dir, 'out'), join(dir, 'broken')];
    const script = `env | grep HEADLAND_ | sort > ${out}; test ! -e ${broken}`;
    const command = { path: '/bin/sh', arguments: ['-c', script], minIntervalMs: 0 };
    const rules = [{ name: 'weeds', labels: ['weed'], snapshot: true, command }];
    const { part, changes, lines, clock } = actions(t, rules, dir);
    writeFileSync(broken, '');
    part.raised(WEED);
    part.raised(WEED);
    assert.match(String(lines.all.at(-1)?.msg), /not started/, 'it runs still');
    await changes.until((said) => said === 'raised command-weeds warning HL_ALERT_COMMAND_FAILED');
    rmSync(broken);
    clock.nowMs += 1;
    part.raised({ ...WEED, region: 'left' });
    await changes.until((said) => said === 'cleared command-weeds');
    assert.deepEqual(readFileSync(out, 'utf8').trim().split('\n'), [
      'HEADLAND_CAMERA=main',
      'HEADLAND_LABEL=weed',
      'HEADLAND_PROBABILITY=0.9',
      'HEADLAND_REGION=left',
      'HEADLAND_ROBOT=r1',
      'HEADLAND_RULE=weeds',
      'HEADLAND_SAMPLE=s-1',
      'HEADLAND_TASK=main',
    ]);
  });

  test('try a command for a person, who learns how it ended', async (t) => {
    const said = join(temporaryFolder(t), 'said');
    const script = `echo "$HEADLAND_RULE $HEADLAND_TEST" >${said}`;
    const command = { path: '/bin/sh', arguments: ['-c', script], minIntervalMs: 3_600_000 };
    const broken = { path: '/bin/sh', arguments: ['-c', 'echo no horn >&2; exit 3'] };
    const { part } = actions(t, [
      { name: 'weeds', labels: ['weed'], command },
      { name: 'eye', labels: ['weed'], command: broken },
      { name: 'none', labels: ['weed'] },
    ]);
    for (let tries = 0; tries < 2; tries++) await part.tryCommand('weeds');
    assert.equal(readFileSync(said, 'utf8'), 'weeds 1\n');
    await assert.rejects(part.tryCommand('eye'), /exit code 3: no horn/);
    await assert.rejects(part.tryCommand('none'), { code: 'HL_ALERT_RULE_UNKNOWN' });
  });
});
