import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { userCacheDir } from '../../../src/cli/support/state-options.js';
import { CLI, type Daemon, Rig } from '../../agent/daemon.js';
import { HANG_MS, TEST_HANG_MS } from '../../liveness.js';
import { freePort } from '../../ports.js';
import { assertAccessible, assertFits } from '../accessible.js';
import { openBrowser, skipWithoutBrowser as skip } from '../visit.js';
import { type FieldPhotos, takeFieldPhotos } from './field-photos.js';

/**
 * Folder for the screenshots of the documentation; by default none are taken. They are taken with a real
 * backbone, which must be in the cache of this user, and with fonts for Chinese:
 * HEADLAND_SCREENSHOTS=docs/images/page node --test dist/test/console/journey/journey.test.js
 */
const SHOTS = process.env.HEADLAND_SCREENSHOTS;
const PLACES = ['live', 'teach', 'pictures', 'brain', 'robot'] as const;
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
  locale: 'en',
};
const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 800 }, locale: 'en' };
const LANGUAGES = ['en', 'de', 'zh'];
const PHOTOS = 96;
const GUESSES = 30;

/** Settings with a real backbone, from the cache of this user. */
function realBackbone(stateDir: string) {
  const cacheDir = userCacheDir(process.env);
  return { models: { backbone: 'efficientnet-lite0-288' }, paths: { stateDir, cacheDir } };
}

type Test = Parameters<typeof Rig.create>[0];

/** A robot in a field with its page, open in the network. */
class FieldRobot {
  daemon!: Daemon;

  private constructor(
    readonly rig: Rig,
    readonly photos: FieldPhotos,
    readonly url: string,
  ) {}

  static async start(t: Test): Promise<FieldRobot> {
    const rig = await Rig.create(t);
    const photos = await takeFieldPhotos(join(rig.dir, 'field'), PHOTOS, SHOTS === undefined);
    const port = await freePort();
    rig.configure({
      robot: { id: 'acre-2' },
      cameras: [{ driver: 'replay', path: photos.folder, intervalMs: 400 }],
      console: { host: '0.0.0.0', port },
      // Only what the person gives is in the store.
      samples: { askIntervalMs: 3_600_000 },
      training: { everyNewLabels: 0, minLabels: 12 },
      ...(SHOTS === undefined ? {} : realBackbone(rig.stateDir)),
    });
    const robot = new FieldRobot(rig, photos, `http://127.0.0.1:${port}/`);
    robot.daemon = await rig.start();
    return robot;
  }

  /** The link that `headland pair` prints, at the address of this machine that always exists. */
  async pairingLink(): Promise<string> {
    const child = spawn(process.execPath, [CLI, 'pair', '--json', '--config', this.rig.configFile]);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
    const { link } = JSON.parse(Buffer.concat(chunks).toString());
    return this.url + new URL(link).hash;
  }

  /** A paired device: the page fails the test on any error. */
  async pair(browser: Browser, device: BrowserContextOptions): Promise<Device> {
    const context = await browser.newContext(device);
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(await this.pairingLink());
    await page.locator('#link[data-state="live"]').waitFor();
    assert.doesNotMatch(page.url(), /pair=/, 'the token has left the address');
    return { page, problems, close: () => context.close() };
  }
}

interface Device {
  page: Page;
  problems: string[];
  close(): Promise<void>;
}

async function go(page: Page, place: (typeof PLACES)[number]): Promise<void> {
  await page.locator(`#place-${place}`).click();
  await page.locator(`main[data-place="${place}"][aria-busy="false"]`).waitFor();
}

async function read(page: Page, path: string) {
  const response = await page.request.get(new URL(path, page.url()).href);
  assert.equal(response.status(), 200, path);
  return response.json();
}

async function truthOf(page: Page, photos: FieldPhotos, id: string): Promise<string> {
  const url = new URL(`/api/samples/${id}/picture`, page.url()).href;
  const truth = photos.truthOf(await (await page.request.get(url)).body());
  assert.ok(truth);
  return truth;
}

/** Each look-alike is to be a question of its own. The next answer takes the offer away, too. */
async function leaveLookAlikes(page: Page): Promise<void> {
  await page.evaluate("document.getElementById('leave-alikes')?.click()");
}

/**
 * Answers questions with the truth, as a person would, until `guesses` guesses are confirmed.
 * @returns the number of answers
 */
async function answer(
  page: Page,
  photos: FieldPhotos,
  guesses: number,
  says: (truth: string, index: number) => string,
): Promise<number> {
  let confirmed = 0;
  let former = '';
  let index = 0;
  for (; confirmed < guesses; index += 1) {
    const question = page.locator(`#question:not([data-id="${former}"]):has(#question-picture)`);
    await question.waitFor();
    const id = (await question.getAttribute('data-id')) ?? '';
    const label = says(await truthOf(page, photos, id), index);
    // A tap that follows at once would be meant for the former question.
    await page.waitForTimeout(220);
    const guess = page.locator(`#confirm-guess[data-label="${label}"]`);
    const button = page.locator(`#other-labels button[data-label="${label}"]`);
    const any = page.locator('#confirm-guess');
    console.log(
      index,
      label,
      (await any.isVisible()) ? await any.getAttribute('data-label') : '-',
      (await page.locator('#question').innerText()).replaceAll('\n', ' | ').slice(0, 140),
    );
    if (await guess.isVisible()) {
      await guess.click();
      confirmed += 1;
    } else if (await button.isVisible()) {
      await button.click();
    } else {
      await page.locator('#class-field').fill(label);
      await page.locator('#class-field').press('Enter');
      const isNew = page.locator('#near-new');
      if (await isNew.isVisible()) await isNew.click();
    }
    await leaveLookAlikes(page);
    former = id;
  }
  return index;
}

/** Trains, sees the progress and waits for the report. @returns the new version */
async function train(page: Page): Promise<number> {
  await go(page, 'brain');
  const before = (await read(page, '/api/heads')).heads[0]?.version ?? 0;
  await page.locator('#train').click();
  await page.locator('.training-bar [role="progressbar"]').waitFor();
  const entry = page.locator(`#timeline [data-version="${before + 1}"]`);
  await entry.waitFor({ timeout: HANG_MS });
  await page.locator('.training-bar').waitFor({ state: 'detached' });
  return before + 1;
}

async function screenshots(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  for (const place of PLACES) {
    await go(page, place);
    await page.waitForTimeout(1_500);
    const path = join(SHOTS, `${place}-${name}.jpg`);
    await page.screenshot({ path, type: 'jpeg', quality: 82 });
  }
}

/** No finding of axe, and no place wider than the screen. */
async function assertPlaces(page: Page): Promise<void> {
  for (const place of PLACES) {
    await go(page, place);
    await page.waitForTimeout(400);
    await assertAccessible(page, place);
    await assertFits(page, place);
  }
}

async function screenshotsIn(
  languages: readonly string[],
  pages: readonly (readonly [name: string, page: Page])[],
): Promise<void> {
  for (const language of languages) {
    for (const [name, page] of pages) {
      await page.locator('#language').selectOption(language);
      await screenshots(page, `${name}-${language}`);
      await page.locator('#language').selectOption('en');
    }
  }
}

describe('a person and a robot', { skip, timeout: 4 * TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  it('pairs a phone, teaches, corrects, merges, trains, rolls back, and outlives a restart', async (t) => {
    const robot = await FieldRobot.start(t);
    const phone = await robot.pair(browser, PHONE);
    const { page } = phone;

    // Frames move.
    const picture = page.locator('#picture');
    const first = await picture.getAttribute('src');
    await page.locator(`#picture:not([src="${first}"])`).waitFor();

    // Photos of the morning, which wait for labels.
    for (const file of robot.photos.files) {
      const url = new URL(`/api/pictures/import?name=${basename(file)}`, robot.url).href;
      const headers = { 'content-type': 'image/jpeg', 'x-headland': '1' };
      const response = await page.request.post(url, { headers, data: readFileSync(file) });
      assert.equal(response.status(), 200, await response.text());
    }

    // With features the head can guess them.
    await page.waitForTimeout(6_000);

    // One answer is wrong, and one class has two names.
    await go(page, 'teach');
    let wrong = -1;
    let thistles = 0;
    const answers = await answer(page, robot.photos, GUESSES, (truth, index) => {
      if (truth === 'crop' && wrong < 0 && index > 12) {
        wrong = index;
        return 'soil';
      }
      if (truth === 'weed' && thistles < 3 && index > 4) {
        thistles += 1;
        return 'Distel';
      }
      return truth;
    });
    await page.locator('#undo', { hasText: String(answers) }).waitFor();
    const version = await train(page);
    await page.locator('#verdict').waitFor();
    assert.match(await page.locator('#verdict').innerText(), /\S+ \S+/);

    // The wrong label is behind a cell of the confusion matrix.
    const listed = await read(page, '/api/pictures?state=labelled&label=soil&limit=200');
    const truths = new Map<string, string>();
    for (const { id } of listed.pictures) truths.set(id, await truthOf(page, robot.photos, id));
    const mistaken = listed.pictures.find(({ id }: { id: string }) => truths.get(id) === 'crop');
    assert.ok(mistaken, 'the wrong label is stored');
    const cell = page.locator(
      `.confusion td.${mistaken.answer.label === 'soil' ? 'right' : 'wrong'} a[href*="label=soil"][href*="answered=${mistaken.answer.label}"]`,
    );
    await cell.first().click();
    await page.locator('main[data-place="pictures"]').waitFor();
    await page.locator(`#pictures [data-id="${mistaken.id}"]`).click();
    await page.locator('#detail .chooser button[data-label="crop"]').click();
    await page.locator('#toast-text').waitFor();
    assert.equal((await read(page, `/api/pictures/${mistaken.id}`)).picture.label, 'crop');

    // Two names of one thing become one class, on the laptop.
    const laptop = await robot.pair(browser, DESKTOP);
    await go(laptop.page, 'pictures');
    await laptop.page.locator('#class-bars [data-edit="Distel"]').click();
    await laptop.page.locator('#class-into').selectOption('weed');
    await laptop.page.locator('#class-dialog button[type="submit"]').click();
    await laptop.page.locator('#class-dialog').waitFor({ state: 'detached' });
    const { classes } = (await read(laptop.page, '/api/status')).samples;
    const names: string[] = classes.map(({ label }: { label: string }) => label);
    assert.ok(names.includes('weed') && !names.includes('Distel'), names.join());
    await go(page, 'teach');
    await page.locator('#other-labels button[data-label="Distel"]').waitFor({ state: 'detached' });

    // Another training, and back to the first head.
    const better = await train(laptop.page);
    const serving = (await read(laptop.page, '/api/status')).head.version;
    await laptop.page.locator(`#timeline [data-version="${version}"]`).click();
    if (serving === better) {
      await laptop.page.locator('#rollback').click();
      await laptop.page.locator('#confirm-yes').click();
      await laptop.page.locator('#version .tag', { hasText: 'In use' }).waitFor();
    }
    assert.equal((await read(laptop.page, '/api/status')).head.version, version);
    // Its classes have the names of now, and its figures the labels of now.
    await laptop.page.locator('#labels-of-now').waitFor();
    assert.doesNotMatch(await laptop.page.locator('#trust').innerText(), /Distel/);

    for (const { page: open } of [phone, laptop]) await assertPlaces(open);
    await screenshotsIn(LANGUAGES, [
      ['phone', phone.page],
      ['desktop', laptop.page],
    ]);

    // The robot starts again while both pages are open.
    const kept = await read(page, '/api/pictures?state=labelled&limit=200');
    await go(page, 'brain');
    await robot.daemon.stop();
    await page.locator('#link[data-state="lost"]').waitFor();
    robot.daemon = await robot.rig.start();
    await page.locator('#link[data-state="live"]').waitFor();
    await page.locator(`#timeline [data-version="${better}"]`).waitFor();
    assert.equal((await read(page, '/api/status')).head.version, version);
    const again = await read(page, '/api/pictures?state=labelled&limit=200');
    assert.deepEqual(
      again.pictures.map(({ id, label }: { id: string; label: string }) => [id, label]),
      kept.pictures.map(({ id, label }: { id: string; label: string }) => [id, label]),
    );
    await laptop.page.locator('#link[data-state="live"]').waitFor();
    for (const device of [phone, laptop]) {
      assert.deepEqual(device.problems, []);
      await device.close();
    }
  });
});
