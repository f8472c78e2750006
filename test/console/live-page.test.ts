import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { TestAgent, writePhotos } from '../agent/support.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';
import { someCard, someHead } from '../training/fixture.js';
import { assertAccessible, assertFits } from './accessible.js';
import { openBrowser, openPage, skipWithoutBrowser as skip } from './visit.js';

type Test = Parameters<typeof TestAgent.start>[0];

/** A camera with twelve regions, another one on which the task does not decide, and a head that serves. */
async function startRobot(t: Test, { regions = true } = {}) {
  const path = await writePhotos(temporaryFolder(t), ['crop', 'weed', 'stone', 'crop']);
  const replay = { driver: 'replay', path, intervalMs: 250, quality: { intervalMs: 0 } };
  const front = {
    ...replay,
    name: 'front',
    ...(regions ? { regions: { columns: 4, rows: 3 } } : {}),
  };
  const running = await TestAgent.start(t, [], {
    cameras: regions ? [front, { ...replay, name: 'rear' }] : [front],
    ...(regions ? { tasks: [{ name: 'weeds', cameras: ['front'] }] } : {}),
    samples: { askMaxWaiting: 0, recentFrames: 200 },
  });
  const { agent } = running;
  await running.decisions.count(1, 'a decision');
  const head = { ...someHead(1), backboneChecksum: agent.perception.backbone!.checksum };
  const version = await agent.state.task().heads.publish(head, someCard(head), []);
  await agent.operations.promote(version, { source: 'console' });
  return running;
}

const tile = (page: Page, name: string) => page.locator(`.tile[data-camera="${name}"]`);

describe('Live', { skip, timeout: TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  it('shows every region as a tile with its decision, and opens one large', async (t) => {
    const running = await startRobot(t);
    await openPage(browser, `${running.url}/`, async (page) => {
      await page.locator('.tile img').nth(11).waitFor();
      assert.equal(await page.locator('.tile').count(), 12);
      await page.locator('.tile:not([data-belief="none"])').nth(11).waitFor();
      await page.locator('.tile .belief').nth(11).waitFor();
      await page
        .locator('.tile', { hasText: /images\/s/ })
        .nth(11)
        .waitFor();
      await page.locator('.tile', { hasText: 'Simulated' }).nth(11).waitFor();
      await page.locator('.other-cameras', { hasText: 'rear' }).waitFor();
      await assertAccessible(page, 'tiles');

      // By keyboard alone: from tile to tile, one large, to the next, and back.
      await tile(page, 'front/1').focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
      await page.locator('#camera-name', { hasText: 'front/2' }).waitFor();
      await page.locator('#picture[src^="blob:"]').waitFor();
      await page.locator('#decision .belief').waitFor();
      await page.keyboard.press('ArrowRight');
      await page.locator('#camera-name', { hasText: 'front/3' }).waitFor();
      await page.locator('#picture[alt="Live image of camera front/3"]').waitFor();
      await page.keyboard.press('ArrowLeft');
      await page.locator('#camera-name', { hasText: 'front/2' }).waitFor();
      await assertAccessible(page, 'one camera');
      await page.keyboard.press('Escape');
      await page.locator('#tiles').waitFor();
      // The browser's Back opens it again.
      await page.goBack();
      await page.locator('#camera-name', { hasText: 'front/2' }).waitFor();
    });
  });

  it('fetches images sparingly: only of tiles that can be seen, and of none in the background', async (t) => {
    const running = await startRobot(t);
    await openPage(
      browser,
      `${running.url}/`,
      async (page) => {
        const asked = new Map<string, number>();
        page.on('request', (request) => {
          const { pathname, searchParams } = new URL(request.url());
          if (pathname !== '/api/frame.jpg') return;
          const camera = searchParams.get('camera')!;
          asked.set(camera, (asked.get(camera) ?? 0) + 1);
          assert.ok(Number(searchParams.get('widthPx')) <= 640);
        });
        await tile(page, 'front/1').locator('img').waitFor();
        // Several rounds of the tiles in view.
        while ((asked.get('front/1') ?? 0) < 4) await page.waitForTimeout(100);
        assert.equal(asked.get('front/12'), undefined, 'below the fold');
        await tile(page, 'front/12').scrollIntoViewIfNeeded();
        await tile(page, 'front/12').locator('img').waitFor();
        await page.evaluate(`
          Object.defineProperty(document, 'hidden', { value: true, configurable: true });
          fetch('/healthz').then((answer) => answer.text())
        `);
        await page.waitForTimeout(500);
        asked.clear();
        await page.waitForTimeout(2_500);
        assert.deepEqual([...asked], []);
      },
      { context: { viewport: { width: 360, height: 640 } } },
    );
  });

  it('pauses and resumes the classification, and says so', async (t) => {
    const running = await startRobot(t, { regions: false });
    await openPage(browser, `${running.url}/`, async (page) => {
      await page.locator('#decision .belief').waitFor();
      await page.locator('#pause').click();
      await page.locator('#pause-banner', { hasText: 'Classification is paused.' }).waitFor();
      await page.locator('#decision-label', { hasText: 'paused' }).waitFor();
      assert.equal(running.agent.pausing.has('inference'), true);
      await assertAccessible(page, 'paused');
      await page.locator('#resume').click();
      await page.locator('#pause-banner').waitFor({ state: 'hidden' });
      await page.locator('#decision .belief').waitFor();
      assert.equal(running.agent.pausing.has('inference'), false);
    });
  });

  it('keeps the frame on the screen as a question for later', async (t) => {
    const running = await startRobot(t, { regions: false });
    await openPage(browser, `${running.url}/`, async (page) => {
      await page.locator('#decision .belief').waitFor();
      await page.keyboard.press(' ');
      await page.locator('#viewer[data-held="true"]').waitFor();
      const held = running.decisions.all.length;
      await running.decisions.count(held + 4, 'newer frames');
      const asked = page.waitForRequest((request) => request.url().includes('/api/snapshot'));
      await page.keyboard.press('s');
      const { frameId } = (await asked).postDataJSON();
      await page.locator('#toast-text', { hasText: 'Stored' }).waitFor();
      const frames = running.decisions.all.slice(0, held + 2);
      const frame = frames.find((each) => each.frameId === frameId);
      assert.ok(frame, 'a frame from before the hold');
      const { samples } = running.agent.state.task();
      const [kept] = samples.list({ labelled: false, order: 'newest', limit: 2 });
      assert.deepEqual(
        new Uint8Array(samples.picture(kept!.id)!),
        new Uint8Array(frame.frame.jpeg),
      );
      assert.equal(kept!.capturedAtMs, frame.frame.capturedAtMs);
    });
  });

  it('fits a phone, in every language', async (t) => {
    const running = await startRobot(t);
    for (const locale of ['en', 'de', 'zh']) {
      const context = { viewport: { width: 360, height: 740 }, locale };
      await openPage(
        browser,
        `${running.url}/`,
        async (page) => {
          await page.locator('.tile .belief').first().waitFor();
          await assertFits(page, `tiles, ${locale}`);
          await tile(page, 'front/1').click();
          await page.locator('#decision .belief').waitFor();
          await assertFits(page, `one camera, ${locale}`);
          await assertAccessible(page, `one camera, ${locale}`);
        },
        { context },
      );
    }
  });
});
