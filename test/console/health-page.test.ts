import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { TEST_HANG_MS } from '../liveness.js';
import { assertAccessible, assertFits } from './accessible.js';
import type { FieldSource } from './field-source.js';
import { openBrowser, skipWithoutBrowser as skip, type Visit, visit } from './visit.js';

const WIDTHS = [360, 1_280] as const;

describe('the health of the robot', { skip, timeout: TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  const open = (work: (visit: Visit) => Promise<void>, facts: FieldSource['facts']) =>
    visit(browser, work, {
      hash: '#place=robot',
      prepare: async (source) => {
        source.facts = facts;
        Object.assign(source.handlers, { 'GET /api/robot/position': () => ({ position: null }) });
      },
    });

  it('shows who holds the robot, why and until when, and ends a hold', async () => {
    const endsAtMs = Date.now() + 3_000_000;
    const holds = [
      { holder: 'sprayer', reason: 'spraying row 12', endsAtMs },
      { holder: 'second', reason: null, endsAtMs },
    ];
    await open(
      async ({ page, source }) => {
        const card = page.locator('#holds');
        await card.waitFor();
        const text = await card.innerText();
        assert.match(text, /No training and no other head/);
        assert.match(text, /sprayer: spraying row 12/);
        assert.match(text, /second/);
        assert.match(text, /until .+, (49|50) min/);
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 900 });
          await assertFits(page, `at ${width} px`);
          await photograph(page, `holds-${width}`);
        }
        await assertAccessible(page, 'a held robot');
        await card.locator('button').first().click();
        await card.getByText('spraying row 12').waitFor({ state: 'detached' });
        assert.deepEqual(
          source.facts.holds?.map(({ holder }) => holder),
          ['second'],
        );
        await card.locator('button').click();
        await card.waitFor({ state: 'detached' });
      },
      { holds },
    );
  });

  it('says in which version the broker is spoken to, what it lacks, and what is wrong', async () => {
    const url = 'mqtts://broker.example:8883';
    const missing = ['retained_messages', 'something_new'];
    await open(
      async ({ page, source }) => {
        const rows = page.locator('.health-cards');
        await rows.getByText('MQTT 5').waitFor();
        const text = await rows.innerText();
        assert.match(text, /mqtts:\/\/broker\.example:8883 · connected · MQTT 5/);
        assert.match(text, /The broker lacks\s+retained messages, something_new/);
        assert.ok(!text.includes('Problem'));
        const problem = {
          code: 'HL_BROKER_LOGIN',
          message: 'the broker refuses the connection: bad user name or password',
          remedy: 'Correct mqtt.username and mqtt.password.',
        };
        const mqtt = { url, connected: false, protocol: null, problem, missing: [] };
        source.facts = { mqtt };
        source.emit({ type: 'status' });
        await rows.getByText('bad user name or password').waitFor();
        assert.match(await rows.innerText(), /not connected[\s\S]*Correct mqtt\.username/);
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 900 });
          await assertFits(page, `at ${width} px`);
          await photograph(page, `broker-${width}`);
        }
      },
      { mqtt: { url, connected: true, protocol: '5', problem: null, missing } },
    );
  });

  it('says both in German and Chinese', async () => {
    const holds = [{ holder: 'sprayer', reason: null, endsAtMs: Date.now() + 60_000 }];
    await open(
      async ({ page }) => {
        for (const [language, held] of [
          ['de', 'Bitte nicht stören'],
          ['zh', '请勿打扰'],
        ] as const) {
          await page.evaluate(`localStorage.setItem('headland-language', '${language}')`);
          await page.reload();
          await page.locator('#holds').getByText(held).waitFor();
        }
      },
      { holds },
    );
  });
});

/** For people, when HL_TEST_PHOTOS names a folder. */
async function photograph(page: Visit['page'], name: string): Promise<void> {
  const folder = process.env.HL_TEST_PHOTOS;
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}
