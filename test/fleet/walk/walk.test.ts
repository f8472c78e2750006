import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HubOverview, TaskDetail } from '../../../src/fleet/contract/hub-api.js';
import { assertFits } from '../../console/accessible.js';
import { openBrowser, skipWithoutBrowser } from '../../console/visit.js';
import { withoutMosquitto } from '../../telemetry/mosquitto.js';
import { assertNoPicture, assertNoSample } from './wire-check.js';
import { Yard, type YardRobot } from './yard.js';

const LOOKS = 10;
/** Of looks that must be right: the drawn classes are easy, and the camera may change in between. */
const LEAST_RIGHT = 9;

test('what people taught one robot, the others call by its name, and no picture has moved', {
  skip: withoutMosquitto || skipWithoutBrowser,
  timeout: 400_000,
}, async (t) => {
  const browser = await openBrowser();
  t.after(() => browser.close());
  const yard = await Yard.start(t);
  const anna = await yard.robot('anna');
  const bert = await yard.robot('bert');
  const cora = await yard.robot('cora');
  const fleetVersion = (name: string): number =>
    yard.tap.reported(name)?.tasks[0]?.serving?.fleet_version ?? 0;

  await t.test('robots with other classes, and one without any label, take the head', async () => {
    await bert.teach(['crop', 'stone'], 20);
    await bert.post('/api/retrain', {});
    await yard.until('bert serves a head of its own', () => {
      const serving = yard.tap.reported('bert')?.tasks[0]?.serving;
      return serving?.local_version === 1 && serving.fleet_version === null;
    });
    await anna.teach(['crop'], 20);
    const page = await browser.newPage({ viewport: { width: 360, height: 800 } });
    await anna.teachOnPage(page, 'weed', 15);
    await page.close();
    await yard.until('the hub has all that was taught', async () => {
      const { tasks } = await yard.get<HubOverview>('/api/overview');
      return (
        tasks[0]?.head?.labels.join() === 'crop,stone,weed' && tasks[0].rollout?.state === 'done'
      );
    });
    for (const robot of [bert, cora]) await knowsWeed(yard, robot);
  });

  await t.test('commands show it', async () => {
    assert.match(yard.command('overview'), /3 of 3 robots online[\s\S]*3 classes; head \d+/);
    assert.match(bert.command('fleet', 'status'), /fleet head \d+/);
    assert.match(bert.command('models', 'heads'), /fleet head \d+ .*"weed"/);
    assert.match(bert.command('audit', '--json'), /fleet/);
  });

  await t.test('the pages show it', async () => {
    for (const width of [360, 1280]) {
      const page = await browser.newPage({ viewport: { width, height: 800 } });
      await page.goto(yard.hubUrl);
      await page.locator('#token').fill(yard.token);
      await page.locator('#gate button').click();
      await page.locator('#fleet-figures').waitFor();
      await page.locator('#place-classes').click();
      await page.locator('#classes button', { hasText: 'weed' }).click();
      await page.locator('main', { hasText: 'anna' }).waitFor();
      await assertFits(page, `the classes of the hub, ${width} px`);
      await page.goto(cora.daemon.consoleUrl);
      await page.locator('#decision-label', { hasText: 'weed' }).waitFor();
      await page.close();
    }
  });

  await t.test('an earlier head comes back for all by one command', async () => {
    const earlier = fleetVersion('cora') - 1;
    assert.ok(earlier >= 1);
    yard.command('rollback', String(earlier));
    await yard.until('all serve the earlier head', () =>
      ['bert', 'cora'].every((name) => fleetVersion(name) === earlier),
    );
  });

  await t.test('what a robot takes back is out of the sums', async () => {
    anna.command('fleet', 'withdraw');
    await yard.until('the hub has sums of bert alone', async () => {
      const { tasks } = await yard.get<HubOverview>('/api/overview');
      return tasks[0]?.robots === 1;
    });
    // Compares with a recomputation, bit for bit.
    assert.doesNotMatch(yard.command('recompute'), /differ/);
  });

  await t.test('neither a picture nor the features of one went over the wire', async () => {
    assert.ok((yard.tap.counts()['fleet/chunk sums']?.messages ?? 0) > 0);
    assertNoPicture(yard.tap);
    for (const robot of [anna, bert]) {
      await robot.kill();
      assert.ok(assertNoSample(yard.tap, robot.name, robot.rig.openSamples(t)) > 0, robot.name);
    }
  });
});

/**
 * It serves a head of the fleet that knows the class, and calls by its name what nobody has taught it. A later head
 * need not pass its gate: it knows nothing more.
 */
async function knowsWeed(yard: Yard, robot: YardRobot): Promise<void> {
  const backbone = yard.tap.reported(robot.name)?.tasks[0]?.backbone.checksum;
  const { heads } = await yard.get<TaskDetail>(`/api/tasks/main/${backbone}`);
  const first = Math.min(
    ...heads.filter(({ labels }) => labels.includes('weed')).map(({ version }) => version),
  );
  await yard.until(`${robot.name} serves a head with weed`, () => {
    const serving = yard.tap.reported(robot.name)?.tasks[0]?.serving;
    return (serving?.fleet_version ?? 0) >= first;
  });
  const answers = await robot.answers('weed', LOOKS);
  const right = answers.filter((answer) => answer === 'weed').length;
  assert.ok(right >= LEAST_RIGHT, `${robot.name}: ${answers.join(', ')}`);
}
