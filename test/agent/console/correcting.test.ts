import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { TrainingReport } from '../../../src/training/report.js';
import { openBrowser, openPage, skipWithoutBrowser as skip } from '../../console/visit.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Recorder } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { drawPicture, groupNames } from '../../training/fixture.js';
import { TestAgent } from '../support.js';

type Test = Parameters<typeof TestAgent.start>[0];

// Passes of which some are held out.
const GROUPS = groupNames({ training: 6, holdout: 2 });

function start(t: Test): Promise<TestAgent> {
  return TestAgent.start(t, ['crop'], {
    training: { everyNewLabels: 0, minLabels: 4, instant: false, learners: ['ridge'], nice: 0 },
    samples: { askMaxWaiting: 0, holdoutAfterSamples: 0 },
  });
}

/** One picture of each label in each pass. */
async function teach({ agent }: TestAgent, labels: readonly string[], seed: number): Promise<void> {
  for (const [index, group] of GROUPS.entries()) {
    for (const label of labels) {
      agent.state.task().samples.admit({
        jpeg: await drawPicture(label, seed + index),
        label,
        labelSource: 'console',
        group,
        source: 'main',
        capturedAtMs: 1_700_000_000_000 + seed + index,
        dhash: '0000000000000000',
      });
    }
  }
}

const said = (page: Page, text: string) => page.locator('#toast-text', { hasText: text }).waitFor();

async function drop(page: Page, folder: string): Promise<void> {
  const browserOfPage = await page.context().newCDPSession(page);
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await browserOfPage.send('Input.dispatchDragEvent', {
      type,
      x: 500,
      y: 400,
      data: { items: [], files: [folder], dragOperationsMask: 1 },
    });
  }
}

describe('correcting what a real robot has learnt', { skip, timeout: TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  test('trains, finds an old wrong label through the confusion matrix, and unlearns it', async (t) => {
    const running = await start(t);
    const { agent } = running;
    const reports = new Recorder<TrainingReport>();
    agent.on('trainingReport', reports.add);
    const { samples } = agent.state.task();
    await teach(running, ['crop', 'weed'], 0);
    const labels = () => samples.labels();
    await openPage(
      browser,
      `${running.url}/`,
      async (page) => {
        await page.locator('#trust[data-level="none"]').waitFor();
        await page.locator('#train').click();
        await reports.until(({ result }) => result?.version === 1);
        await page.locator('#trust[data-level="beginner"]').waitFor();
        await page.locator('#evidence', { hasText: 'of 100 answers are right' }).waitFor();
        await page.locator('#verdict').waitFor();
        assert.doesNotMatch(await page.locator('#trust').innerText(), /%/);

        // A person has labelled one image wrong; the figures follow at once.
        const book = (await agent.tasks[0].answers.of())!;
        const answer = book.answers.find((each) => each.right && each.judged)!;
        const other = answer.truth === 'crop' ? 'weed' : 'crop';
        await agent.operations.label({ sample: answer.id }, other, { source: 'console' });
        const cell = page.locator('.confusion td.wrong a').first();
        await cell.click();
        await page.locator('#total', { hasText: `1 image · ${other}` }).waitFor();
        await page.locator('#pictures [data-index="0"]').click();
        await page.locator('#detail-title', { hasText: other }).waitFor();
        await page.getByText('changes of the label').click();
        await page.locator(`#detail [data-label="${answer.truth}"]`).click();
        await said(page, `1 image labelled ${answer.truth}`);
        assert.equal(samples.get(answer.id)?.label, answer.truth);
        await page.keyboard.press('Control+z');
        await said(page, 'Undone: 1 image');
        assert.equal(samples.get(answer.id)?.label, other);
        await page.keyboard.press('Delete');
        await said(page, '1 image deleted');
        assert.equal(samples.get(answer.id), null);
        await page.locator('#toast-action').click();
        await said(page, 'Undone: 1 image');
        assert.equal(samples.get(answer.id)?.label, other);

        // Another class, another version; then back, and pinned.
        await teach(running, ['stone'], 500);
        await page.locator('#place-brain').click();
        await page.locator('#train').click();
        await reports.until(({ result }) => result?.version === 2);
        await page.locator('#timeline [data-version="2"]').waitFor();
        await page.locator('#compare-a').waitFor();
        await page.locator('#timeline [data-version="1"]').click();
        await page.locator('#version-title', { hasText: 'Version 1' }).waitFor();
        await page.locator('#rollback').click();
        await page.locator('#confirm-text', { hasText: 'It does not know stone' }).waitFor();
        await page.locator('#confirm-yes').click();
        await said(page, 'Version 1 answers now');
        assert.equal(agent.tasks[0].heads.serving?.card.version, 1);
        await page.locator('#pin').click();
        await page.locator('#confirm-yes').click();
        await said(page, 'Version 1 is pinned');
        await page.locator('#timeline', { hasText: 'Version 1 pinned' }).waitFor();
        await page.locator('#unpin').click();
        await said(page, 'The pin is removed');

        // Two classes that are one.
        await page.locator('#place-pictures').click();
        await page.locator('[data-edit="stone"]').click();
        await page.locator('#class-into').selectOption('weed');
        await page.getByRole('button', { name: 'Merge', exact: true }).click();
        await said(page, '8 images of stone are weed now');
        assert.deepEqual(labels(), ['crop', 'weed']);
        await page.locator('#toast-action').click();
        await page.locator('[data-edit="stone"]').waitFor();
        assert.deepEqual(labels(), ['crop', 'stone', 'weed']);
      },
      { hash: '#place=brain' },
    );
  });

  test('imports a dropped folder, exports it, and restores what was deleted', async (t) => {
    const running = await start(t);
    const { samples } = running.agent.state.task();
    const folder = join(temporaryFolder(t), 'field');
    for (const label of ['crop', 'weed']) {
      mkdirSync(join(folder, label), { recursive: true });
      for (let index = 0; index < 5; index++) {
        writeFileSync(join(folder, label, `${index}.jpg`), await drawPicture(label, index * 17));
      }
    }
    writeFileSync(join(folder, 'weed', 'torn.jpg'), 'no image');
    await openPage(
      browser,
      `${running.url}/`,
      async (page) => {
        await page.getByRole('heading', { name: 'No images yet' }).waitFor();
        await drop(page, folder);
        await page.locator('#import-start').click();
        const report = page.locator('#import-report');
        await report.getByText('10 images stored.').waitFor();
        assert.match(await report.innerText(), /1 file was not taken[\s\S]*torn\.jpg/);
        assert.deepEqual(samples.labels(), ['crop', 'weed']);
        await page.locator('#total', { hasText: '10 images' }).waitFor();
        await page.locator('#pictures img').nth(9).waitFor();
        await page.locator('#class-bars a', { hasText: 'weed' }).click();
        await page.locator('#total', { hasText: '5 images · weed' }).waitFor();
        const download = page.waitForEvent('download');
        await page.locator('#export').click();
        assert.match((await download).suggestedFilename(), /^headland-.*\.zip$/);

        await page.locator('#pictures [data-index="0"] .check').click();
        await page.locator('#choose-all').click();
        await page.locator('#chosen-count', { hasText: '5 chosen' }).waitFor();
        await page.locator('#delete').click();
        await said(page, '5 images deleted');
        assert.deepEqual(samples.labels(), ['crop']);
        await page.locator('#show-all').click();
        await page.locator('#filter-state').selectOption({ label: 'In the trash (5)' });
        await page.locator('#pictures [data-index="4"] .check').click();
        await page.locator('#choose-all').click();
        await page.locator('#restore').click();
        await said(page, '5 images restored');
        assert.deepEqual(samples.labels(), ['crop', 'weed']);
      },
      { hash: '#place=pictures' },
    );
  });

  test('scrolls through 20,000 stored samples', async (t) => {
    const running = await start(t);
    const { samples } = running.agent.state.task();
    const jpeg = await drawPicture('crop', 1);
    samples.batch(() => {
      for (let index = 0; index < 20_000; index++) {
        samples.admit({
          // What follows the end of an image is not part of it, but of its file.
          jpeg: Buffer.concat([jpeg, Buffer.from(String(index))]),
          label: index % 2 === 0 ? 'crop' : 'weed',
          labelSource: 'import',
          group: `pass ${Math.floor(index / 100)}`,
          source: 'main',
          capturedAtMs: 1_700_000_000_000 + index * 1_000,
          dhash: ((BigInt(index) * 0x9e3779b97f4a7c15n) % 2n ** 64n).toString(16).padStart(16, '0'),
        });
      }
    });
    await openPage(
      browser,
      `${running.url}/`,
      async (page) => {
        await page.locator('#total', { hasText: /(20,000|19,\d{3}) images/ }).waitFor();
        for (const share of [0.5, 1, 0.25]) {
          await page.evaluate(`scrollTo(0, document.documentElement.scrollHeight * ${share})`);
          const loaded = `[...document.querySelectorAll('#pictures img')].filter((each) => {
            const { top, bottom } = each.getBoundingClientRect();
            return bottom > 0 && top < innerHeight && each.complete && each.naturalWidth > 0;
          }).length`;
          while ((await page.evaluate<number>(loaded)) < 8) await setTimeout(30);
          const cells = await page.locator('#pictures [role="gridcell"]').count();
          assert.ok(cells < 160, `${cells} cells`);
        }
      },
      { hash: '#place=pictures' },
    );
  });
});
