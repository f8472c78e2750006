import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { TEST_HANG_MS } from '../liveness.js';
import { assertAccessible, assertFits } from './accessible.js';
import { createFieldBrain, type FieldBrain } from './field-brain.js';
import { createFieldPictures, createPicture, type FieldPictures } from './field-pictures.js';
import { createHead } from './field-source.js';
import {
  openBrowser,
  skipWithoutBrowser as skip,
  type Visit,
  visit as visitPage,
} from './visit.js';

const PLACE = '#place=brain';

interface BrainVisit extends Visit {
  brain: FieldBrain;
  pictures: FieldPictures;
}

describe('the place Brain', { skip, timeout: TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  async function open(
    work: (visit: BrainVisit) => Promise<void>,
    {
      level = 'useful',
      versions = 4,
      classes = ['Apple', 'Kiwi', 'Pear'],
    }: { level?: 'beginner' | 'useful'; versions?: number; classes?: string[] } = {},
  ): Promise<void> {
    let parts: Pick<BrainVisit, 'brain' | 'pictures'> | undefined;
    await visitPage(browser, (visit) => work({ ...visit, ...parts! }), {
      hash: PLACE,
      prepare: async (source) => {
        source.versions = Array.from({ length: versions }, (_, index) => ({
          ...createHead(versions - index, 0.6, classes),
          serving: index === 0,
          trust: level,
        }));
        const all = Array.from({ length: classes.length * 10 }, (_, index) => {
          const label = classes[index % classes.length]!;
          const other = classes[(index + 1) % classes.length]!;
          const isWrong = index % 7 === 3;
          const answer = { label: isWrong ? other : label, probability: 0.7 };
          const verdicts = isWrong ? (['wrong'] as const) : [];
          return createPicture(`s${index}`, label, { answer, verdicts: [...verdicts] });
        });
        const changed = () => source.emit({ type: 'status' });
        const pictures = createFieldPictures(all, changed);
        const brain = createFieldBrain(source, all, level);
        Object.assign(source.handlers, pictures.handlers, brain.handlers);
        parts = { brain, pictures };
      },
    });
  }

  const said = (page: Page, text: string) =>
    page.locator('#toast-text', { hasText: text }).waitFor();
  const agree = (page: Page) => page.locator('#confirm-yes').click();

  it('calls a first head a beginner, without any share that looks like an answer', async () => {
    await open(
      async ({ page }) => {
        await page.locator('#trust[data-level="beginner"]').waitFor();
        await page.locator('#evidence').waitFor();
        const text = await page.locator('#trust').innerText();
        assert.match(text, /Too few labels to know how good it is/);
        assert.match(text, /between 6 and 60 of 100 answers are right/);
        assert.match(text, /What helps most now/);
        assert.doesNotMatch(text, /33|%|F1/);
        assert.equal(await page.getByText('%').filter({ visible: true }).count(), 0);
        await page.locator('#go-teach').click();
        await page.locator('main[data-place="teach"]').waitFor();
      },
      { level: 'beginner', versions: 1 },
    );
  });

  it('tells the verdict in one sentence with pairs of images, and folds the statistics', async () => {
    await open(async ({ page }) => {
      await page
        .locator('#verdict', { hasText: 'Better: of 60 images, 6 that were wrong' })
        .waitFor();
      await page.locator('#better li').nth(3).waitFor();
      assert.equal(await page.locator('#worse li').count(), 2);
      assert.match(
        await page.locator('#better li').first().innerText(),
        /Apple[\s\S]*Version 3[\s\S]*Version 4/,
      );
      assert.equal(await page.locator('.statistics dl').isVisible(), false);
      await page.locator('.statistics summary').click();
      await page.locator('.reliability').waitFor();
      const first = () => page.locator('#class-table tbody th').first().innerText();
      const weakest = await first();
      await page.locator('#class-table').getByRole('button', { name: 'Class' }).click();
      assert.equal(await first(), 'Apple');
      await page.locator('#class-table').getByRole('button', { name: 'Class' }).click();
      assert.equal(await first(), 'Pear');
      assert.ok(weakest.length > 0);
    });
  });

  it('leads from a cell of the confusion matrix to its images, where an old label is corrected', async () => {
    await open(async ({ page, pictures }) => {
      const wrong = page.locator('.confusion td.wrong a').first();
      const count = Number(await wrong.innerText());
      await wrong.click();
      await page.locator('#total', { hasText: `${count} image` }).waitFor();
      assert.match(page.url(), /answered=/);
      await page.locator('#pictures [data-index="0"]').click();
      await page.locator('#detail-title', { hasText: 'Apple' }).waitFor();
      await page.locator('#detail [data-label="Kiwi"]').click();
      await said(page, '1 image labelled Kiwi');
      assert.equal(pictures.all.filter(({ history }) => history.length > 0).length, 1);
      await page.goBack();
      await page.goBack();
      await page.locator('main[data-place="brain"]').waitFor();
    });
  });

  it('goes back to an older version, pins it, and tells both in the timeline', async () => {
    await open(async ({ page, source, brain }) => {
      await page.locator('#timeline [data-version="3"]').click();
      await page.locator('#version-title', { hasText: 'Version 3' }).waitFor();
      await page.locator('#rollback').click();
      await page.locator('#confirm-no').click();
      assert.equal(source.status().head?.version, 4);
      await page.locator('#rollback').click();
      await agree(page);
      await said(page, 'Version 3 answers now');
      assert.equal(source.status().head?.version, 3);
      await page.locator('#pin').click();
      await agree(page);
      await said(page, 'Version 3 is pinned');
      assert.equal(brain.pinned, 3);
      await page.locator('#timeline', { hasText: 'Version 3 pinned · by this page' }).waitFor();
      await page.locator('#unpin').click();
      await said(page, 'The pin is removed');
      const href = await page.locator('#onnx').getAttribute('href');
      assert.equal(href, '/api/brain/versions/3/onnx');
      await page.reload();
      await page.locator('#version-title', { hasText: 'Version 3' }).waitFor();
    });
  });

  it('opens a version from the learning curve by keyboard, and compares two', async () => {
    await open(async ({ page }) => {
      await page.locator('.curve a[data-version="2"]').focus();
      await page.keyboard.press('Enter');
      await page.locator('#verdict', { hasText: 'Refused: not clearly better' }).waitFor();
      await page.locator('#promote, #rollback').first().waitFor();
      await page.locator('#compare-a').selectOption('1');
      await page.locator('#compare', { hasText: 'version 1 alone on 2' }).waitFor();
      assert.equal(await page.locator('#only-b li').count(), 4);
      assert.match(page.url(), /a=1&b=4/);
    });
  });

  it('shows the most confused pairs first when there are many classes', async () => {
    const classes = Array.from({ length: 18 }, (_, index) => `Class ${index + 1}`);
    await open(
      async ({ page }) => {
        await page.locator('#confused-pairs li').first().waitFor();
        assert.equal(await page.locator('.confusion').isVisible(), false);
        await page.getByText('The whole matrix of 18 classes').click();
        await page.setViewportSize({ width: 360, height: 740 });
        await assertFits(page, 'a large matrix');
        const head = page.locator('.confusion tbody th').first();
        const left = async () => (await head.boundingBox())!.x;
        const before = await left();
        await page
          .locator('section.scroll:has(.confusion)')
          .evaluate('(each) => each.scrollBy(300, 0)');
        assert.ok(Math.abs((await left()) - before) < 2, 'names of rows stay in sight');
      },
      { classes },
    );
  });

  it('is accessible and fits, from 360 px to a desk, in three languages', async () => {
    await open(async ({ page }) => {
      await page.locator('#verdict').waitFor();
      for (const [language, width] of [
        ['en', 360],
        ['en', 1280],
        ['de', 360],
        ['zh', 360],
      ] as const) {
        await page.locator('#language').selectOption(language);
        await page.setViewportSize({ width, height: 740 });
        await page.evaluate(
          'for (const each of document.querySelectorAll("details")) each.open = true',
        );
        await assertFits(page, `${language} ${width}`);
        if (language === 'en') await assertAccessible(page, `${language} ${width}`);
      }
    });
  });

  it('says what to do before anything is learnt', async () => {
    await open(
      async ({ page }) => {
        await page.locator('#trust[data-level="none"]').waitFor();
        await page.getByText('Trainings appear here.').waitFor();
        assert.equal(await page.locator('#version').count(), 0);
      },
      { versions: 0 },
    );
  });
});
