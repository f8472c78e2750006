import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';
import { assertAccessible, assertFits } from './accessible.js';
import {
  createFieldPictures,
  createPicture,
  drawThing,
  type FieldPictures,
} from './field-pictures.js';
import { createHead } from './field-source.js';
import {
  openBrowser,
  skipWithoutBrowser as skip,
  type Visit,
  visit as visitPage,
} from './visit.js';

const LABELS = ['Apple', 'Kiwi', 'Pear'];
const PLACE = '#place=pictures';

/** Every fifth is held out; every tenth is answered wrong, and every twentieth waits. */
function somePictures(count: number) {
  return Array.from({ length: count }, (_, index) => {
    const label = LABELS[index % 3]!;
    if (index % 20 === 19) return createPicture(`s${index}`, null);
    const isWrong = index % 10 === 4;
    const answer = { label: isWrong ? LABELS[(index + 1) % 3]! : label, probability: 0.8 };
    return createPicture(`s${index}`, label, {
      holdout: index % 5 === 0,
      camera: index % 2 === 0 ? 'front' : 'rear',
      answer,
      verdicts: isWrong ? ['wrong'] : [],
      history: [{ atMs: Date.UTC(2026, 4, 20), from: null, to: label, by: 'console' }],
    });
  });
}

/** Evaluates in the page, whose Content-Security-Policy does not let it wait for an expression itself. */
async function until(page: Page, expression: string): Promise<void> {
  while (!(await page.evaluate<boolean>(expression))) await setTimeout(30);
}

describe('the place Pictures', { skip, timeout: TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  async function open(
    count: number,
    work: (visit: Visit & { pictures: FieldPictures }) => Promise<void>,
    { hash = PLACE, expected }: { hash?: string; expected?: RegExp } = {},
  ): Promise<void> {
    let pictures: FieldPictures | undefined;
    await visitPage(browser, (visit) => work({ ...visit, pictures: pictures! }), {
      hash,
      ...(expected && { expected }),
      prepare: async (source) => {
        source.versions = [{ ...createHead(1, 0.9, LABELS), serving: true }];
        pictures = createFieldPictures(somePictures(count), () => source.emit({ type: 'status' }));
        Object.assign(source.handlers, pictures.handlers);
      },
    });
  }

  const cell = (page: Page, index: number) => page.locator(`#pictures [data-index="${index}"]`);
  const said = (page: Page, text: string) =>
    page.locator('#toast-text', { hasText: text }).waitFor();
  const total = (page: Page, text: string) => page.locator('#total', { hasText: text }).waitFor();
  const chosen = (page: Page, count: number) =>
    page.locator('#chosen-count', { hasText: `${count} chosen` }).waitFor();

  it('scrolls through 20,000 images of which only the visible ones exist', async () => {
    await open(20_000, async ({ page }) => {
      await total(page, '20,000 images');
      await cell(page, 0).waitFor();
      const facts = () =>
        page.evaluate<{ cells: number; columns: number; rows: number; heightPx: number }>(`(() => {
          const grid = document.querySelector('#pictures');
          return {
            cells: grid.querySelectorAll('[role=gridcell]').length,
            columns: Number(grid.ariaColCount),
            rows: Number(grid.ariaRowCount),
            heightPx: document.documentElement.scrollHeight,
          };
        })()`);
      const top = await facts();
      assert.equal(top.rows, Math.ceil(20_000 / top.columns));
      assert.ok(top.cells < 120, `${top.cells} cells`);
      assert.ok(top.heightPx > top.rows * 100, 'the scrollbar is as long as the list');
      for (const share of [0.3, 0.9, 0.5]) {
        await page.evaluate(`scrollTo(0, document.documentElement.scrollHeight * ${share})`);
        await until(
          page,
          `[...document.querySelectorAll('#pictures img')].filter(({ complete, naturalWidth }) => complete && naturalWidth > 0).length >= 8`,
        );
        assert.ok((await facts()).cells < 160);
      }
      // The list stays where it is when something changes.
      await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
      await cell(page, 19_999).locator('img').waitFor();
      // The keyboard reaches both ends, and the cell that has the focus never goes.
      await cell(page, 19_998).focus();
      await page.keyboard.press('Control+Home');
      await until(page, `document.activeElement?.dataset.index === '0' && scrollY < 400`);
      await page.keyboard.press('Control+End');
      await until(page, `document.activeElement?.dataset.index === '19999'`);
      await page.evaluate('scrollTo(0, 0)');
      await cell(page, 0).locator('img').waitFor();
      assert.equal(await page.evaluate('document.activeElement?.dataset.index'), '19999');
    });
  });

  it('narrows by chips and menus, and keeps that in the address', async () => {
    await open(200, async ({ page, url }) => {
      await total(page, '200 images');
      await page.getByRole('button', { name: /Answered wrong/ }).click();
      await total(page, '20 images · Answered wrong');
      await page.locator('#filter-label').selectOption({ label: 'Kiwi (63)' });
      await total(page, 'Kiwi · Answered wrong');
      assert.match(page.url(), /label=Kiwi/);
      await page.reload();
      await total(page, 'Kiwi · Answered wrong');
      await page.locator('#show-all').click();
      await total(page, '200 images');
      // Cells of a confusion matrix lead here.
      await page.goto(`${url}${PLACE}&label=Apple&answered=Kiwi&version=1`);
      await total(page, 'Apple · version 1 answered Kiwi');
      await page.goto(`${url}${PLACE}&label=Nothing`);
      await page.getByRole('heading', { name: 'No image fits' }).waitFor();
      await page.locator('#show-all').click();
      await page.locator('#filter-camera').selectOption({ index: 1 });
      await total(page, '100 images');
    });
  });

  it('relabels, deletes and restores what is chosen, and takes each back', async () => {
    await open(200, async ({ page, pictures }) => {
      const states = () => pictures.all.slice(0, 6).map(({ label, state }) => label ?? state);
      const before = states();
      await cell(page, 1).locator('.check').click();
      await cell(page, 3).click({ modifiers: ['Shift'] });
      await chosen(page, 3);
      await cell(page, 2).click();
      await chosen(page, 2);
      await page.locator('#relabel').click();
      await page.locator('#actions [data-label="Apple"]').click();
      await said(page, '2 images labelled Apple');
      assert.deepEqual(states(), ['Apple', 'Apple', 'Pear', 'Apple', 'Kiwi', 'Pear']);
      await page.locator('#actions').waitFor({ state: 'detached' });
      await page.locator('#toast-action').click();
      await said(page, 'Undone');
      assert.deepEqual(states(), before);

      await cell(page, 0).click({ modifiers: ['Control'] });
      await page.locator('#delete').click();
      await said(page, '1 image deleted');
      await total(page, '199 images');
      await page.locator('#filter-state').selectOption({ label: 'In the trash (1)' });
      await cell(page, 0).locator('.check').click();
      await page.locator('#restore').click();
      await said(page, '1 image restored');
      assert.deepEqual(states(), before);
      await page.locator('#show-all').click();

      // All that a filter leaves, more than the robot changes at once or the screen shows.
      await page.getByRole('button', { name: /Answered wrong/ }).click();
      await total(page, '20 images');
      await cell(page, 0).locator('.check').click();
      await page.locator('#choose-all').click();
      await chosen(page, 20);
      await page.locator('#relabel').click();
      await page.locator('#actions [data-state="bad_image"]').click();
      await said(page, '20 images set aside');
      assert.equal(pictures.all.filter(({ state }) => state === 'bad_image').length, 20);
      await page.keyboard.press('Control+z');
      await said(page, 'Undone');
      assert.equal(pictures.all.filter(({ state }) => state === 'bad_image').length, 0);
    });
  });

  it('takes back a change of more images than the robot changes at once', async () => {
    await open(2_500, async ({ page, pictures }) => {
      await cell(page, 0).locator('.check').click();
      await page.locator('#choose-all').click();
      await page.locator('#chosen-count', { hasText: '2,500 chosen' }).waitFor();
      await page.locator('#relabel').click();
      await page.locator('#actions [data-label="Pear"]').click();
      await said(page, '2,500 images labelled Pear');
      assert.ok(pictures.all.every(({ label }) => label === 'Pear'));
      await page.locator('#toast-action').click();
      await said(page, 'Undone');
      assert.deepEqual(
        pictures.all.slice(0, 3).map(({ label }) => label),
        LABELS,
      );
    });
  });

  it('does all of that by keyboard', async () => {
    await open(60, async ({ page, pictures }) => {
      await cell(page, 0).focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Space');
      await chosen(page, 1);
      await page.keyboard.press('Shift+ArrowRight');
      await chosen(page, 2);
      await page.keyboard.press('Escape');
      await page.locator('#actions').waitFor({ state: 'detached' });
      await page.keyboard.press('Control+a');
      await chosen(page, 60);
      await page.keyboard.press('Escape');
      // It opens one, goes on, labels by a number, and comes back to where it was.
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
      const title = page.locator('#detail-title');
      await title.filter({ hasText: 'Apple' }).waitFor();
      await page.keyboard.press('ArrowRight');
      await title.filter({ hasText: 'Kiwi' }).waitFor();
      await page.keyboard.press('3');
      await said(page, '1 image labelled Pear');
      await title.filter({ hasText: 'Pear' }).waitFor();
      assert.equal(pictures.all[4]!.label, 'Pear');
      await page.keyboard.press('Delete');
      await said(page, '1 image deleted');
      assert.equal(pictures.all[5]!.state, 'trash');
      await page.keyboard.press('Control+z');
      await said(page, 'Undone');
      await page.keyboard.press('Escape');
      await until(page, `document.activeElement?.role === 'gridcell'`);
    });
  });

  it('shows one image with its history; Back closes it, and its link opens it', async () => {
    await open(60, async ({ page, url }) => {
      await cell(page, 4).click();
      await page.locator('#detail-title', { hasText: 'Kiwi' }).waitFor();
      await page.getByText('Its answer differs from the label.').waitFor();
      await page.getByText('1 change of the label').click();
      await page.getByText('labelled Kiwi').waitFor();
      await page.goBack();
      await page.locator('#detail').waitFor({ state: 'detached' });
      await page.goto(`${url}${PLACE}&open=s7`);
      await page.locator('.detail-bar .count', { hasText: '8 of 60' }).waitFor();
      await page.locator('#detail-close').click();
      await cell(page, 0).waitFor();
    });
  });

  it('merges two classes after saying what that means, and warns', async () => {
    await open(60, async ({ page, pictures }) => {
      await page.locator('[data-edit="Kiwi"]').click();
      await page.locator('#class-into').selectOption('Pear');
      await page
        .locator('#merge-words', { hasText: 'Kiwi has 19 images, Pear has 19: all become Pear.' })
        .waitFor();
      await page.getByRole('button', { name: 'Merge', exact: true }).click();
      await said(page, '19 images of Kiwi are Pear now');
      await page.locator('#warnings', { hasText: 'The alert "stop" still names Kiwi' }).waitFor();
      assert.equal(pictures.all.filter(({ label }) => label === 'Pear').length, 38);
      await page.locator('[data-edit="Kiwi"]').waitFor({ state: 'detached' });
      await page.locator('#toast-action').click();
      await page.locator('[data-edit="Kiwi"]').click();
      await page.locator('#class-name').fill('Kiwifruit');
      await page.getByRole('button', { name: 'Rename', exact: true }).click();
      await said(page, 'Kiwi is called Kiwifruit now');
      await page.locator('#class-bars a', { hasText: 'Kiwifruit' }).click();
      await total(page, '19 images · Kiwifruit');
    });
  });

  it('imports a dropped folder by its class folders, and says what was refused', async (t) => {
    const folder = join(temporaryFolder(t), 'fruit');
    for (const [name, bytes] of [
      ['Fig/1.webp', await drawThing(1, 1)],
      ['Fig/2.webp', await drawThing(1, 2)],
      ['more/Fig/1.webp', await drawThing(1, 3)],
      ['more/Fig/1 2.webp', await drawThing(1, 4)],
      ['more/Fig/a\\b:c.webp', await drawThing(1, 5)],
      ['Fig/broken.jpg', Buffer.from('no image')],
      ['Plum/broken.jpg', Buffer.from('no image')],
      ['Plum/notes.txt', Buffer.from('ripe')],
      ['Plum/.hidden', Buffer.from('')],
    ] as const) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), bytes);
    }
    await open(20, async ({ page, pictures }) => {
      await total(page, '20 images');
      const browserOfPage = await page.context().newCDPSession(page);
      for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
        await browserOfPage.send('Input.dispatchDragEvent', {
          type,
          x: 500,
          y: 400,
          data: { items: [], files: [folder], dragOperationsMask: 1 },
        });
      }
      const offer = page.locator('#import-offer');
      await offer.getByText('Import 7 files?').waitFor();
      assert.match(await offer.innerText(), /Fig\s+6[\s\S]*Plum\s+1/);
      await page.locator('#import-start').click();
      const report = page.locator('#import-report');
      await report.getByText('5 images stored.').waitFor();
      assert.match(await report.innerText(), /3 files were not taken/);
      assert.match(await report.innerText(), /notes\.txt.*Neither a JPEG/);
      for (const name of ['fruit/Fig/broken.jpg', 'broken.jpg']) {
        assert.ok((await report.innerText()).includes(`${name}`), name);
      }
      assert.match(await report.innerText(), /broken\.jpg.*the file is no readable image/);
      // Two files of one name, and one whose name no archive takes: none is lost.
      const names = pictures.imported.toSorted();
      assert.deepEqual([names.length, new Set(names).size], [5, 5], names.join());
      for (const name of ['Fig/1.webp', 'Fig/2.webp', 'Fig/a_b_c.webp']) {
        assert.ok(names.includes(name), names.join());
      }
      await page.locator('#class-bars a', { hasText: 'Fig' }).waitFor();
      const href = await page.locator('#export').getAttribute('href');
      assert.equal(href, '/api/pictures/export');
    });
  });

  it('is accessible and fits, from 360 px to a desk, in three languages', async () => {
    await open(60, async ({ page, url }) => {
      const check = async (what: string) => {
        await assertFits(page, what);
        if (what.startsWith('en')) await assertAccessible(page, what);
      };
      for (const [language, width] of [
        ['en', 360],
        ['en', 1280],
        ['de', 360],
        ['de', 1280],
        ['zh', 360],
      ] as const) {
        await page.locator('#language').selectOption(language);
        await page.setViewportSize({ width, height: 740 });
        for (const [hash, ready] of [
          ['', '#pictures img'],
          ['&verdict=wrong', '#show-all'],
          ['&open=s4', '.judgement'],
          ['&part=classes', '#class-bars'],
          ['&part=import', '#export'],
        ] as const) {
          await page.goto(`${url}${PLACE}${hash}`);
          await page.locator(ready).first().waitFor();
          await check(`${language} ${width} ${hash}`);
        }
        await page.goto(`${url}${PLACE}`);
        await cell(page, 2).locator('.check').click();
        await page.locator('#relabel').click();
        await page.locator('#actions [data-label="Apple"]').waitFor();
        await check(`${language} ${width} actions`);
        await page.locator('#choose-none').click();
      }
    });
  });

  it('says what to do when nothing is stored', async () => {
    await open(0, async ({ page }) => {
      await page.getByRole('heading', { name: 'No images yet' }).waitFor();
      await page.getByRole('button', { name: 'Open Live' }).click();
      await page.locator('main[data-place="live"]').waitFor();
    });
  });
});
