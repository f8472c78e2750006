import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { TEST_HANG_MS } from '../liveness.js';
import { createHead, type FieldSource } from './field-source.js';
import { openBrowser, skipWithoutBrowser as skip, visit as visitPage } from './visit.js';

const guess = { label: 'maize', probability: 0.4 };

/** A question and four pictures that look like it. */
async function prepare(source: FieldSource): Promise<void> {
  source.versions = [{ ...createHead(1, 0.9, ['maize', 'thistle']), serving: true }];
  for (let count = 0; count < 4; count++) await source.ask(guess);
  source.alike.add(await source.ask(guess));
  await source.advance({
    label: 'maize',
    probability: 0.93,
    guess: false,
    headVersion: 1,
    totalMs: 11,
    top: [{ label: 'maize', probability: 0.93 }],
  });
}

/** Answers a question, so that its look-alikes are offered. */
async function answer(page: Page): Promise<void> {
  await page.locator('#question:has(#question-picture)').waitFor();
  await page.locator('#other-labels button[data-label="thistle"]:not([disabled])').click();
  await page.locator('#alikes').waitFor();
}

const labelsOf = ({ samples }: FieldSource) =>
  [...samples.values()].map(({ label }) => label).sort();

describe('the look-alikes on the page', { skip, timeout: TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  it('are labelled with one press, without those that were taken out', async () => {
    await visitPage(
      browser,
      async ({ page, source }) => {
        await answer(page);
        const press = page.getByRole('button', { name: 'Also label 4 look-alikes as thistle' });
        await press.waitFor();
        const second = page.getByRole('button', { name: 'Look-alike 2 of 4' });
        assert.equal(await second.getAttribute('aria-pressed'), 'true');
        await second.focus();
        await page.keyboard.press('Space');
        await page.locator('#alikes [aria-pressed="false"]').waitFor();
        const fewer = page.getByRole('button', { name: 'Also label 3 look-alikes as thistle' });
        await fewer.focus();
        await page.keyboard.press('Enter');
        await page.getByText('Labelled 3 more as thistle').waitFor();
        await page.locator('#alikes').waitFor({ state: 'detached' });
        assert.deepEqual(
          labelsOf(source),
          [null, 'thistle', 'thistle', 'thistle', 'thistle'].sort(),
        );
        await page.locator('#question:has(#question-picture)').waitFor();
        assert.equal(await page.locator('#alikes').count(), 0);
      },
      { prepare, hash: '#place=teach' },
    );
  });

  it('are left alone on request, and never offered without any', async () => {
    await visitPage(
      browser,
      async ({ page, source }) => {
        await answer(page);
        for (let taken = 0; taken < 4; taken++) {
          await page.locator('#alikes .thumbs [aria-pressed="true"]').first().click();
        }
        assert.equal(await page.locator('#label-alikes').isDisabled(), true);
        await page.getByRole('button', { name: 'No', exact: true }).click();
        await page.locator('#alikes').waitFor({ state: 'detached' });
        assert.equal(labelsOf(source).filter((label) => label === null).length, 4);
        source.alike.clear();
        const asked = page.waitForResponse((response) => response.url().includes('look-alikes'));
        await page.locator('#question:has(#question-picture)').waitFor();
        await page.waitForTimeout(200);
        await page.locator('#confirm-guess').click();
        await asked;
        await page.locator('#teach-said', { hasText: 'maize' }).waitFor();
        assert.equal(await page.locator('#alikes').count(), 0);
      },
      { prepare, hash: '#place=teach' },
    );
  });

  it('fit on a narrow screen', async () => {
    await visitPage(
      browser,
      async ({ page }) => {
        await page.setViewportSize({ width: 360, height: 740 });
        await answer(page);
        const wider = await page.evaluate('document.documentElement.scrollWidth > 360');
        assert.equal(wider, false);
        const height = await page.locator('#label-alikes').evaluate((e) => e.clientHeight);
        assert.ok(height >= 40, 'large enough for a thumb');
      },
      { prepare, hash: '#place=teach' },
    );
  });
});
