import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Locator } from 'playwright-core';
import { silentLog } from '../../src/base/log.js';
import { ConsoleServer } from '../../src/console/server/console-server.js';
import { TEST_HANG_MS } from '../liveness.js';
import { quietScheduler } from '../recorder.js';
import { createFieldSource, createHead, sourcesOf } from './field-source.js';
import { newAccess } from './test-access.js';
import {
  openBrowser,
  skipWithoutBrowser as skip,
  type Visit,
  type VisitOptions,
  visit as visitPage,
} from './visit.js';

const TOKEN = 'a-token-of-the-field-robot';

const known = {
  label: 'maize',
  probability: 0.93,
  guess: false,
  headVersion: 2,
  totalMs: 11,
  top: [
    { label: 'maize', probability: 0.93 },
    { label: 'thistle', probability: 0.05 },
  ],
};
const unknown = { ...known, label: 'unknown', probability: 0.2 };

describe('the page in a browser', { skip, timeout: TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  const visit = (work: (visit: Visit) => Promise<void>, options?: VisitOptions) =>
    visitPage(browser, work, options);

  it('labels the frame that the user saw, although newer ones have arrived', async () => {
    await visit(
      async ({ page, source }) => {
        await page.locator('#decision-label', { hasText: 'maize' }).waitFor();
        await page.locator('#picture[src^="blob:"]').waitFor();
        const button = page.getByRole('button', { name: 'thistle' });
        await button.hover();
        await page.mouse.down();
        for (let count = 0; count < 5; count++) await source.advance(unknown);
        await page.mouse.up();
        await page.locator('#toast-text', { hasText: 'Labelled thistle' }).waitFor();
        assert.deepEqual([...source.labelOfFrame], [['main-1', 'thistle']]);
        // Then it goes on: the newest frame, clearly unknown.
        await page.locator('.decision[data-kind="unknown"]').waitFor();
        assert.equal(await page.locator('#decision-label').textContent(), 'unknown');

        // A slip is corrected in place.
        await page.locator('#toast-action').click();
        await page.locator('#pad-title', { hasText: 'What is it really?' }).waitFor();
        await page.keyboard.press('1');
        await page.locator('#toast-text', { hasText: 'Labelled maize' }).waitFor();
        assert.deepEqual(
          [...source.samples.values()].map(({ label }) => label),
          ['maize'],
        );
      },
      {
        prepare: async (source) => {
          source.versions = [{ ...createHead(2, 0.9, ['maize', 'thistle']), serving: true }];
          await source.advance(known);
        },
      },
    );
  });

  it('shows an alarm with its remedy until it is cleared', async () => {
    await visit(
      async ({ page, source }) => {
        const alarm = page.locator('#alarms li');
        await alarm.filter({ hasText: 'the disk is full' }).waitFor();
        assert.match(await alarm.innerText(), /Free space on this disk.*HL_STORE_FULL/s);
        source.facts = { alarms: [] };
        await source.advance(known);
        await alarm.waitFor({ state: 'detached' });
      },
      {
        hash: '#place=robot',
        // This robot in memory has no doctor, log or settings.
        expected: /status of 404/,
        prepare: async (source) => {
          const alarm = {
            ...({ name: 'store', severity: 'critical', code: 'HL_STORE_FULL' } as const),
            message: 'the disk is full',
            remedy: 'Free space on this disk.',
            sinceAtMs: Date.now(),
          };
          source.facts = { alarms: [alarm] };
          await source.advance(known);
        },
      },
    );
  });

  it('gives no share of a guess by a beginner, and that of its other answers', async () => {
    await visit(
      async ({ page, source }) => {
        await page.locator('#decision-label', { hasText: /^maize\?$/ }).waitFor();
        assert.equal(await page.locator('#decision-probability').textContent(), '');
        assert.equal(await page.locator('#decision-bar').getAttribute('style'), 'width: 0%;');
        // A class that is new since the training makes the head a beginner, but not this a guess.
        await source.advance({ ...known, label: 'maize', probability: 0.97, guess: false });
        await page.locator('#decision-label', { hasText: /^maize$/ }).waitFor();
        assert.equal(await page.locator('#decision-probability').textContent(), '97%');
      },
      {
        prepare: async (source) => {
          source.versions = [{ ...createHead(1, 0.9, ['maize', 'thistle']), serving: true }];
          source.facts = { trust: 'beginner' };
          await source.advance({ ...known, label: 'maize', probability: 0.97, guess: true });
        },
      },
    );
  });

  it('starts without labels: accepts the first typed label and shows what is missing', async () => {
    await visit(async ({ page, source }) => {
      await page.getByText('Waiting for the first image…').waitFor();
      await source.advance(null);
      await page.locator('#decision-label', { hasText: 'Label 20 more images' }).waitFor();
      await page.locator('#picture[src^="blob:"]').waitFor();
      await page.keyboard.press('n');
      await page.locator('#viewer[data-held="true"]').waitFor();
      await page.keyboard.type('<b>Möhre<i>');
      await source.advance(null);
      await page.keyboard.press('Enter');
      await page.locator('#labels button', { hasText: '<b>Möhre<i>' }).waitFor();
      assert.deepEqual([...source.labelOfFrame], [['main-1', '<b>Möhre<i>']]);
      await page.locator('#decision-label', { hasText: 'Label 19 more images' }).waitFor();
    });
  });

  it('keeps a typed label that the robot refuses, and shows why', async () => {
    await visit(
      async ({ page, source }) => {
        await page.locator('#labels button:not([disabled])').first().waitFor();
        await page.keyboard.press('n');
        await page.keyboard.type('Unknown');
        await page.keyboard.press('Enter');
        await page.locator('#toast[data-kind="problem"]').waitFor();
        assert.equal(await page.locator('#new-label-text').inputValue(), 'Unknown');
        assert.equal(source.samples.size, 0);
        // The picture goes on.
        await source.advance(unknown);
        await page.locator('.decision[data-kind="unknown"]').waitFor();
      },
      {
        expected: /status of 422/,
        prepare: async (source) => {
          source.versions = [{ ...createHead(1, 0.9, ['maize', 'thistle']), serving: true }];
          await source.advance(known);
        },
      },
    );
  });

  it('can be used by keyboard: a label button keeps the focus when pressed repeatedly', async () => {
    await visit(
      async ({ page, source }) => {
        const button = page.locator('#labels button[data-label="thistle"]:not([disabled])');
        await button.focus();
        for (const count of [1, 2]) {
          await page.keyboard.press('Enter');
          await page.locator('#toast-text', { hasText: 'Labelled thistle' }).waitFor();
          while (source.samples.size < count) await page.waitForTimeout(20);
          await page.locator('#viewer[data-held="false"]').waitFor();
          const focused = await page.evaluate('document.activeElement?.dataset.label');
          assert.equal(focused, 'thistle');
        }
        assert.deepEqual(
          [...source.samples.values()].map(({ label }) => label),
          ['thistle', 'thistle'],
        );
      },
      {
        prepare: async (source) => {
          source.versions = [{ ...createHead(1, 0.9, ['maize', 'thistle']), serving: true }];
          await source.advance(known);
        },
      },
    );
  });

  it('shows the selected camera', async () => {
    await visit(
      async ({ page, source }) => {
        await page.locator('#picture[alt="Live image of camera main"]').waitFor();
        const camera = source.status().cameras[0]!;
        source.facts = { cameras: [camera, { ...camera, name: 'rear' }] };
        source.emit({ type: 'status' });
        await page.locator('.tile[data-camera="rear"]').click();
        await page.locator('#camera-name', { hasText: 'rear' }).waitFor();
        // No picture of it has come: what is on the screen must not pass for it, nor be labelled.
        await page.locator('#stale', { hasText: 'Waiting for the camera' }).waitFor();
        await page.locator('#new-label-text:disabled').waitFor();
        await page.keyboard.press('ArrowLeft');
        await page.locator('#camera-name', { hasText: 'main' }).waitFor();
        await page.locator('#new-label-text:not(:disabled)').waitFor();
      },
      { prepare: async (source) => void (await source.advance(known)) },
    );
  });

  it('fits every part into its column, from a phone to a desk', async () => {
    await visit(
      async ({ page, source }) => {
        const camera = source.status().cameras[0]!;
        const names = ['main', 'boom/2', 'boom/3', 'a-camera-with-a-long-name'];
        source.facts = { cameras: names.map((name) => ({ ...camera, name })) };
        source.emit({ type: 'status' });
        await page.locator('.tile[data-camera="boom/3"]').waitFor();
        for (const width of [320, 360, 720, 1280]) {
          await page.setViewportSize({ width, height: 800 });
          const right = async (part: Locator): Promise<number> => {
            const box = await part.boundingBox();
            return box === null ? 0 : box.x + box.width;
          };
          const edge = await right(page.locator('main'));
          const parts = page.locator('main .tile, main .live-tools > *');
          const outside = (await Promise.all((await parts.all()).map(right))).filter(
            (each) => each > edge + 1,
          );
          assert.deepEqual(outside, [], `${width} px`);
        }
      },
      { prepare: async (source) => void (await source.advance(known)) },
    );
  });

  it('shows a running training with its phase, how far it is, and the time left', async () => {
    await visit(
      async ({ page, source }) => {
        await page.locator('#teach-next').waitFor();
        assert.equal(await page.locator('.training-bar').count(), 0);
        const run = { running: true, phase: 'fit', done: 30, total: 40, etaSeconds: 40 };
        source.training = { ...source.training, ...run };
        source.emit({ type: 'training', data: source.training });
        const bar = page.locator('.training-bar');
        await bar.filter({ hasText: /learning · 75% · about 40 sec left/ }).waitFor();
        await page.locator('#place-brain').click();
        await bar.filter({ hasText: /75%/ }).waitFor();
        source.training = { ...source.training, paused: 'heat' };
        source.emit({ type: 'training', data: source.training });
        await bar.filter({ hasText: 'paused: the board is hot' }).waitFor();
        source.training = { ...source.training, running: false, paused: null };
        source.emit({ type: 'training', data: source.training });
        await bar.waitFor({ state: 'detached' });
      },
      {
        hash: '#place=teach',
        // This robot in memory has no record of trainings.
        expected: /status of 404/,
        prepare: async (source) => void (await source.advance(known)),
      },
    );
  });

  it('says what the labels have changed, until it is closed', async () => {
    await visit(
      async ({ page }) => {
        await page.locator('#changes', { hasText: '5 images that were wrong are right' }).waitFor();
        await page.getByRole('button', { name: 'Close' }).click();
        await page.locator('#changes').waitFor({ state: 'detached' });
      },
      {
        hash: '#place=teach',
        prepare: async (source) => {
          const text = '5 images that were wrong are right';
          source.changes = {
            trainingId: 'a-training',
            messages: [{ key: 'of-a-newer-robot', values: {}, text }],
          };
          await source.advance(known);
        },
      },
    );
  });

  it('reconnects automatically', async () => {
    const source = createFieldSource();
    await source.advance(known);
    const options = {
      host: '127.0.0.1',
      token: null,
      sources: sourcesOf([source]),
      access: newAccess(),
      version: '0.0.0',
      repeats: quietScheduler(),
      log: silentLog(),
    };
    const first = new ConsoleServer({ ...options, port: 0 });
    const { url } = await first.start();
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(30_000);
      await page.goto(url);
      await page.locator('#link[data-state="live"]').waitFor();
      await page.locator('#picture[src^="blob:"]').waitFor();
      await first.stop();
      await page.locator('#link[data-state="lost"]').waitFor();
      await page.locator('#stale:not([hidden])').waitFor();
      const second = new ConsoleServer({ ...options, port: Number(new URL(url).port) });
      await second.start();
      try {
        await page.locator('#link[data-state="live"]').waitFor();
      } finally {
        await second.stop();
      }
    } finally {
      await context.close();
      await first.stop();
    }
  });

  it('asks for the token, and removes it from a link that contains it', async () => {
    await visit(
      async ({ page }) => {
        await page.getByLabel('Token').fill(TOKEN);
        await page.getByRole('button', { name: 'Open' }).click();
        await page.locator('#link[data-state="live"]').waitFor();
        await page.locator('#picture[src^="blob:"]').waitFor();
      },
      {
        token: TOKEN,
        // The browser writes down that the first request was refused.
        expected: /status of 401/,
        prepare: async (source) => void (await source.advance(known)),
      },
    );
    await visit(
      async ({ page }) => {
        await page.locator('#link[data-state="live"]').waitFor();
        assert.doesNotMatch(page.url(), /token/);
      },
      { token: TOKEN, hash: `#token=${TOKEN}` },
    );
  });
});
