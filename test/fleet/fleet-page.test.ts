import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { connectAsync } from 'mqtt';
import type { Browser, Page } from 'playwright-core';
import { fleetTopic } from '../../src/fleet/contract/fleet-topics.js';
import type { HubRole, RobotList } from '../../src/fleet/contract/hub-api.js';
import type { Reported } from '../../src/fleet/contract/reported.js';
import { addPerson } from '../../src/fleet/hub/people.js';
import { assertAccessible, assertFits } from '../console/accessible.js';
import { openBrowser, openPage, skipWithoutBrowser } from '../console/visit.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { hubConfig, startHub, until } from './hub-fixture.js';
import { placeData } from './places.js';
import { RobotStandIn } from './stand-in.js';

const SIZE = 16;
const TASK = 'weeds';
const PLACES = ['robots', 'rollout', 'classes', 'audit'];

/** A stand-in that says where it stands and how its head does on its holdout. */
class PlacedStandIn extends RobotStandIn {
  constructor(
    robot: string,
    url: string,
    labels: readonly string[],
    private readonly latitude: number,
  ) {
    const data = placeData(robot, labels, 30, SIZE, 1.2);
    super({ robot, url, task: TASK, backbone: 'b1', featureSize: SIZE, data });
  }

  override reported(): Reported {
    const report = super.reported();
    const holdout = { macro_f1: 0.9, accuracy: 0.925, samples: 40 };
    const tasks = report.tasks.map((task) => {
      const serving = task.serving && { ...task.serving, holdout };
      return { ...task, serving, unknown_share: 0.031 };
    });
    return { ...report, tasks, position: { latitude: this.latitude, longitude: 11.5 } };
  }
}

interface Fleet {
  url: string;
  broker: string;
  robots: PlacedStandIn[];
  tokens: Record<HubRole, string>;
  /** What the hub says of its robots. */
  list(): Promise<RobotList>;
}

/** A hub with three robots that serve its first head. */
async function startFleet(t: TestContext): Promise<Fleet> {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  const { url, store } = await startHub(t, place, hubConfig(broker.url));
  const token = async (name: string, role: HubRole) => {
    const person = await store.transaction((tables) => addPerson(tables, name, role, 'test', 1));
    return person.token;
  };
  const tokens = { view: await token('Vera', 'view'), operate: await token('Otto', 'operate') };
  const robots = [
    new PlacedStandIn('a', broker.url, ['maize', 'thistle'], 48.1),
    new PlacedStandIn('b', broker.url, ['maize', 'dock'], 48.2),
    new PlacedStandIn('c', broker.url, ['sugar-beet', 'dock'], 48.3),
  ];
  for (const robot of robots) {
    t.after(() => robot.stop());
    await robot.start();
  }
  await until('all serve a head with all labels', () =>
    robots.every((robot) => robot.head?.labels.length === 4),
  );
  const list = async (): Promise<RobotList> => {
    const headers = { authorization: `Bearer ${tokens.view}` };
    return (await (await fetch(`${url}api/robots`, { headers })).json()) as RobotList;
  };
  return { url, broker: broker.url, robots, tokens, list };
}

async function login(page: Page, token: string): Promise<void> {
  await page.locator('#token').fill(token);
  await page.locator('#gate button').click();
  await page.locator('#fleet-figures').waitFor();
}

async function go(page: Page, place: string): Promise<void> {
  await page.locator(`#place-${place}`).click();
  await page.locator(`main[data-place="${place}"] .card`).first().waitFor();
}

/** Presses a button and answers the question of the page. */
async function order(page: Page, name: string, agree = true): Promise<void> {
  await page.locator(`[data-order="${name}"]`).first().click();
  await page.locator('#confirm[open]').waitFor();
  await page.locator(agree ? '#confirm-yes' : '#confirm-no').click();
  await page.locator('#confirm:not([open])').waitFor({ state: 'attached' });
}

const skip = skipWithoutBrowser || withoutMosquitto;

describe('the page of the hub', { skip, timeout: TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  it('shows a viewer every place, on a phone and a desktop, and no order', async (t) => {
    const fleet = await startFleet(t);
    for (const width of [360, 1280]) {
      const context = { viewport: { width, height: 800 } };
      await openPage(
        browser,
        fleet.url,
        async (page) => {
          await page.locator('#gate').waitFor();
          await assertAccessible(page, `login ${width}`);
          await page.locator('#token').fill('x'.repeat(43));
          await page.locator('#gate button').click();
          await page.locator('#gate-problem:not(:empty)').waitFor();
          await login(page, fleet.tokens.view);
          assert.equal(await page.locator('#place-people').count(), 0);
          for (const place of PLACES) {
            await go(page, place);
            await assertFits(page, `${place} ${width}`);
            await assertAccessible(page, `${place} ${width}`);
            assert.equal(await page.locator('[data-order]').count(), 0, place);
          }
          await go(page, 'classes');
          await page.locator('#classes button', { hasText: 'dock' }).click();
          const teachers = await page.locator('#class tbody th').allTextContents();
          assert.deepEqual(teachers.sort(), ['b', 'c']);
          await assertAccessible(page, `class ${width}`);
          await go(page, 'robots');
          await page.locator('#robots tbody a', { hasText: 'a' }).first().click();
          await page.locator(`[data-task="${TASK}"]`).waitFor();
          await assertFits(page, `robot ${width}`);
          await assertAccessible(page, `robot ${width}`);
          assert.equal(await page.locator('[data-order]').count(), 0);
        },
        // The refused login is a failed request.
        { context, expected: /401/ },
      );
    }
  });

  it('keeps the token of a tab over a reload, and forgets it when the person leaves', async (t) => {
    const fleet = await startFleet(t);
    await openPage(browser, fleet.url, async (page) => {
      await login(page, fleet.tokens.view);
      await page.reload();
      await page.locator('#fleet-figures').waitFor();
      await page.locator('#leave').click();
      await page.locator('#gate').waitFor();
      await page.reload();
      await page.locator('#gate').waitFor();
      assert.equal(await page.locator('#fleet-figures').count(), 0);
    });
  });

  it('shows how a robot does, in figures and on the map', async (t) => {
    const fleet = await startFleet(t);
    await openPage(browser, fleet.url, async (page) => {
      await login(page, fleet.tokens.view);
      assert.equal(await page.locator('#map .marker').count(), 3);
      const row = page.locator('#robots tbody tr', { has: page.locator('th a', { hasText: 'b' }) });
      const cells = await row.locator('td').allTextContents();
      assert.equal(cells[3], '92.5%');
      const leftOut = (await fleet.list()).robots.find(({ robot }) => robot === 'b')!.tasks[0]!;
      const share = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });
      assert.equal(cells[4], share.format(leftOut.leftOut!.accuracy));
      const { disagreement } = leftOut;
      const loss = (value: number) => value.toFixed(2).replace('-0.00', '-0');
      assert.ok(disagreement !== null);
      const shown = cells[5]!.replace('-0.00', '-0');
      assert.equal(shown, `${loss(disagreement.excess)} / ${loss(disagreement.flagAt)}`);
      assert.equal(cells[6], '3.1%');
      await page.locator('#robots thead button', { hasText: 'Disagreement' }).click();
      await page.locator('#robots thead button', { hasText: 'Disagreement' }).click();
      const robots = (await fleet.list()).robots;
      const excess = (robot: string) =>
        robots.find((one) => one.robot === robot)?.tasks[0]?.disagreement?.excess ?? 0;
      const order = await page.locator('#robots tbody th a').allTextContents();
      assert.deepEqual(
        order,
        ['a', 'b', 'c'].toSorted((one, other) => excess(other) - excess(one)),
      );
      await row.locator('th a').click();
      await page.locator('.robot-task dd', { hasText: 'quarantined above' }).waitFor();
    });
  });

  it('shows each strength of the ridge on robots that the heads do not know', async (t) => {
    const fleet = await startFleet(t);
    for (const width of [360, 1280]) {
      const context = { viewport: { width, height: 800 } };
      await openPage(
        browser,
        fleet.url,
        async (page) => {
          await login(page, fleet.tokens.view);
          await go(page, 'rollout');
          assert.equal(await page.locator('#lambda-chart .dot').count(), 9);
          assert.equal(await page.locator('#lambda-chart .dot.chosen').count(), 1);
          const box = (await page.locator('#lambda-chart').boundingBox())!;
          assert.ok(box.x >= 0 && box.x + box.width <= width, `${box.x} ${box.width}`);
          const chart = await page.locator('#lambda-chart text').evaluateAll((texts) =>
            texts.map((text) => {
              const { left, right, height } = text.getBoundingClientRect();
              return { left, right, height };
            }),
          );
          for (const { left, right, height } of chart) {
            assert.ok(left >= box.x && right <= box.x + box.width && height >= 10, `${height}`);
          }
          await page.locator('.lambda-figures summary').click();
          assert.equal(await page.locator('#lambdas tbody tr').count(), 9);
          assert.equal(await page.locator('#lambdas [data-chosen="true"] .tag').count(), 1);
          await assertFits(page, `rollout ${width}`);
          await assertAccessible(page, `rollout ${width}`);
        },
        { context },
      );
    }
  });

  it('does nothing before the operator agrees, and then what was ordered', async (t) => {
    const fleet = await startFleet(t);
    const robotA = async () => (await fleet.list()).robots.find(({ robot }) => robot === 'a')!;
    await openPage(
      browser,
      fleet.url,
      async (page) => {
        await login(page, fleet.tokens.operate);
        await page.locator('#robots tbody a', { hasText: 'a' }).first().click();
        await page.locator('[data-order="pause"]').waitFor();
        await assertAccessible(page, 'robot of an operator');
        await order(page, 'pause', false);
        assert.equal((await robotA()).tasks[0]!.follow, 'follow');
        await order(page, 'pause');
        await page.locator('[data-order="resume"]').waitFor();
        assert.equal((await robotA()).tasks[0]!.follow, 'paused');
        await order(page, 'resume');
        await page.locator('[data-order="pause"]').waitFor();
        await order(page, 'pin');
        await page.locator('[data-order="resume"]').waitFor();
        assert.equal((await robotA()).tasks[0]!.follow, 'pinned');

        await page.locator('#quarantine-reason').fill('its camera is dirty');
        await order(page, 'quarantine');
        await page.locator('[data-order="release"]').waitFor();
        assert.equal((await robotA()).quarantine?.reason, 'its camera is dirty');
        await order(page, 'release');
        await page.locator('#quarantine-reason').waitFor();
        assert.equal((await robotA()).quarantine, null);
        // The audit of the robot names who did it.
        await page.locator('.entries strong', { hasText: 'Otto' }).first().waitFor();
      },
      { hash: '' },
    );
  });

  it('merges and keeps classes, steers the rollout, and gives tokens', async (t) => {
    const fleet = await startFleet(t);
    await openPage(browser, fleet.url, async (page) => {
      await login(page, fleet.tokens.operate);
      await go(page, 'classes');
      await page.locator('#classes button', { hasText: 'thistle' }).click();
      await page.locator('#new-name').fill('dock');
      await order(page, 'alias');
      await page.locator('#aliases li', { hasText: 'dock' }).waitFor();
      await page.locator('#classes button', { hasText: 'maize' }).click();
      await order(page, 'never-share');
      await page.locator('#never-shared li', { hasText: 'maize' }).waitFor();
      await assertAccessible(page, 'classes of an operator');

      await until('all serve a head with the new names', () =>
        fleet.robots.every(({ head }) => head?.labels.join() === 'dock,sugar-beet'),
      );
      await go(page, 'rollout');
      await page.locator('#rollout-state[data-state="done"]').waitFor();
      await assertAccessible(page, 'rollout of an operator');
      const newest = Math.max(...fleet.robots.map(({ servingVersion }) => servingVersion ?? 0));
      await order(page, 'rollback');
      await page.locator('#rollout-state[data-state="rolled_back"]').waitFor();
      await until('the former head serves', () =>
        fleet.robots.every(({ servingVersion }) => (servingVersion ?? newest) < newest),
      );

      await go(page, 'people');
      await page.locator('#person-name').fill('Nora');
      await page.locator('form.card button').click();
      await page.locator('#confirm-yes').click();
      const token = await page.locator('#new-token code').innerText();
      await assertAccessible(page, 'people');
      const answer = await fetch(`${fleet.url}api/me`, {
        headers: { authorization: `Bearer ${token}` },
      });
      assert.deepEqual(((await answer.json()) as { role: string }).role, 'view');
    });
  });

  it('speaks German and Chinese', async (t) => {
    const fleet = await startFleet(t);
    await openPage(browser, fleet.url, async (page) => {
      await login(page, fleet.tokens.view);
      for (const [language, name] of [
        ['de', 'Roboter'],
        ['zh', '机器人'],
      ] as const) {
        await page.locator('#language').selectOption(language);
        await page.locator('#place-robots', { hasText: name }).waitFor();
        await assertFits(page, language);
      }
    });
  });

  it('finds its way among a thousand robots, by keyboard alone', async (t) => {
    const fleet = await startFleet(t);
    await reportMany(fleet, 1_000);
    await until(
      'the hub knows them',
      async () => (await fleet.list()).robots.length === 1_003,
      60_000,
    );
    await openPage(browser, fleet.url, async (page) => {
      await page.locator('#token').fill(fleet.tokens.view);
      await page.keyboard.press('Enter');
      await page.locator('#robots tbody tr').first().waitFor();
      assert.equal(await page.locator('#robots tbody tr').count(), 50);
      assert.ok((await page.locator('#map .marker').count()) < 250);
      await assertAccessible(page, 'a thousand robots');
      await page.locator('#find').focus();
      await page.keyboard.type('field-7');
      await page.locator('#robots-title', { hasText: '111 robots' }).waitFor();
      const head = page.locator('#robots thead button').first();
      await head.focus();
      await page.keyboard.press('Enter');
      await page.keyboard.press('Enter');
      await page.locator('#robots tbody tr:first-child', { hasText: 'field-799' }).waitFor();
      await page.locator('.pager button').last().focus();
      await page.keyboard.press('Enter');
      await page.locator('.pager', { hasText: '2 of 3' }).waitFor();
      // A marker of many robots enlarges the map and narrows the table.
      await page.locator('#map .marker.many').first().focus();
      await page.keyboard.press('Enter');
      await page.locator('#whole-map:visible').waitFor();
      const narrowed = await page.locator('#robots-title').innerText();
      assert.ok(Number.parseInt(narrowed, 10) < 111, narrowed);
      await page.locator('#robots tbody a').first().focus();
      await page.keyboard.press('Enter');
      await page.locator('#robot-title').waitFor();
    });
  });
});

/** Robots that have reported and nothing more, spread over a country. */
async function reportMany({ broker, robots }: Fleet, count: number): Promise<void> {
  const client = await connectAsync(broker);
  const report = robots[0]!.reported();
  const sent = Array.from({ length: count }, (_, index) => {
    const name = `field-${index}`;
    const position = { latitude: 48 + (index % 37) / 20, longitude: 9 + (index % 41) / 12 };
    const payload = JSON.stringify({ ...report, epoch: randomUUID(), number: 1, position });
    return client.publishAsync(fleetTopic(name, 'reported'), payload, { qos: 1, retain: true });
  });
  await Promise.all(sent);
  await client.endAsync();
}
