import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page, Route } from 'playwright-core';
import { TEST_HANG_MS } from '../liveness.js';
import { createHead, createReport, type FieldSource } from './field-source.js';
import {
  openBrowser,
  skipWithoutBrowser as skip,
  type Visit,
  type VisitOptions,
  visit as visitPage,
} from './visit.js';

const TOKEN = 'a-token-of-the-field-robot';
const NAMES = ['weeds', 'rows'];

const decided = (label: string) => ({
  label,
  probability: 0.93,
  guess: false,
  headVersion: 2,
  totalMs: 11,
  top: [{ label, probability: 0.93 }],
});

/** Two tasks with a head, a question, a report and a picture each. */
async function prepare(_: FieldSource, [weeds, rows]: FieldSource[]): Promise<void> {
  assert.ok(weeds && rows);
  weeds.versions = [
    { ...createHead(2, 0.9, ['maize', 'thistle']), serving: true },
    createHead(1, 0.8, ['maize', 'thistle']),
  ];
  rows.versions = [{ ...createHead(7, 0.7, ['left', 'right']), trust: 'useful', serving: true }];
  weeds.trainings = [createReport('promoted', 'weeds rose by 3 points', 2, null, 0)];
  rows.trainings = [createReport('refused', 'rows fell by 2 points', 7, null, 0)];
  await weeds.ask({ label: 'maize', probability: 0.4 });
  await rows.ask({ label: 'left', probability: 0.4 });
  await rows.ask({ label: 'right', probability: 0.4 });
  await weeds.advance(decided('maize'));
  await rows.advance(decided('left'));
}

const radio = (page: Page, name: string) => page.getByRole('radio', { name, exact: true });
const label = (page: Page, name: string) =>
  page.locator(`#labels button[data-label="${name}"]:not([disabled])`);

/** Holds the first request that matches back, until `release` is called. */
async function hold(page: Page, matches: (url: URL) => boolean) {
  let held: (route: Route) => void = () => undefined;
  const route = new Promise<Route>((resolve) => {
    held = resolve;
  });
  await page.route(matches, (each) => held(each), { times: 1 });
  return { held: route, release: async () => (await route).continue() };
}

const isAbout = (task: string | null, path: string) => (url: URL) =>
  url.pathname === path && url.searchParams.get('task') === task;

describe('the page of several tasks', { skip, timeout: TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  const visit = (work: (visit: Visit) => Promise<void>, options?: VisitOptions) =>
    visitPage(browser, work, { names: NAMES, prepare, ...options });

  it('does not mention tasks while they have no names', async () => {
    await visit(
      async ({ page, source, url }) => {
        const requests: string[] = [];
        page.on('request', (request) => requests.push(request.url()));
        await page.reload();
        await page.locator('#picture[src^="blob:"]').waitFor();
        await page.locator('#who-line', { hasText: /^Head 2 · 2 classes/ }).waitFor();
        assert.equal(await page.title(), 'Live · robot-7 · headland');
        await label(page, 'maize').click();
        await page.locator('#toast-text', { hasText: 'Labelled maize' }).waitFor();
        assert.equal(await page.getByRole('radio').count(), 0);
        assert.doesNotMatch(await page.locator('body').innerText(), /task/i);
        assert.deepEqual([page.url(), source.labelOfFrame.size], [url, 1]);
        assert.deepEqual(
          requests.filter((address) => address.includes('task=')),
          [],
        );
      },
      {
        names: [],
        prepare: async (source) => {
          source.versions = [{ ...createHead(2, 0.9, ['maize', 'thistle']), serving: true }];
          await source.advance(decided('maize'));
        },
      },
    );
  });

  it('names a single named task, and offers no choice', async () => {
    await visit(
      async ({ page }) => {
        await page.locator('#who-line', { hasText: /^weeds · No head yet$/ }).waitFor();
        assert.equal(await page.getByRole('radio').count(), 0);
      },
      { names: ['weeds'], prepare: async (source) => void (await source.advance(null)) },
    );
  });

  it('follows the chosen task with everything, and a press labels for it', async () => {
    await visit(async ({ page, tasks: [weeds, rows] }) => {
      assert.ok(weeds && rows);
      await page.locator('#decision-label', { hasText: 'maize' }).waitFor();
      assert.equal(await radio(page, 'weeds').isChecked(), true);
      await radio(page, 'rows').click();
      await page.locator('#decision-label', { hasText: 'left' }).waitFor();
      await page.locator('#who-line', { hasText: 'rows · Head 7' }).waitFor();
      assert.equal(await page.title(), 'Live · rows · robot-7 · headland');
      assert.equal(await page.locator('[data-label="maize"]').count(), 0);
      await label(page, 'right').click();
      await page.locator('#toast-text', { hasText: 'Labelled right' }).waitFor();
      assert.deepEqual([...rows.labelOfFrame], [['rows-1', 'right']]);
      assert.equal(weeds.labelOfFrame.size, 0);

      await page.locator('#place-teach').click();
      await page.locator('#confirm-guess[data-label="right"]:not([disabled])').click();
      await page.locator('#confirm-guess[data-label="left"]:not([disabled])').waitFor();
      while (rows.waiting(9).length > 1) await page.waitForTimeout(20);
      assert.deepEqual(
        [weeds, rows].map(({ samples }) => [...samples.values()].map((sample) => sample.label)),
        [[null], [null, 'right', 'right']],
      );
      await radio(page, 'weeds').click();
      await page.locator('#confirm-guess[data-label="maize"]:not([disabled])').waitFor();
      assert.equal(await page.locator('[data-label="left"]').count(), 0);
      // What was done for the other task is not taken back here.
      await page.locator('#undo:disabled').waitFor();
    });
  });

  it('keeps the choice in its address: over a reload, in a link, in a typed address', async () => {
    await visit(async ({ page, url }) => {
      await radio(page, 'rows').click();
      await page.locator('#who-line', { hasText: 'rows · Head 7' }).waitFor();
      assert.equal(page.url(), `${url}#place=live&task=rows`);
      await page.reload();
      await page.locator('#decision-label', { hasText: 'left' }).waitFor();
      assert.equal(await radio(page, 'rows').isChecked(), true);
      await page.evaluate("location.hash = '#task=weeds'");
      await page.locator('#decision-label', { hasText: 'maize' }).waitFor();
      assert.equal(await radio(page, 'weeds').isChecked(), true);
      await page.evaluate("location.hash = '#task=rows'");
      await page.locator('#decision-label', { hasText: 'left' }).waitFor();
      await page.evaluate("location.hash = ''");
      await page.locator('#decision-label', { hasText: 'maize' }).waitFor();
      assert.equal(await radio(page, 'weeds').isChecked(), true);
    });
    await visit(
      async ({ page, url }) => {
        await page.locator('#who-line', { hasText: 'rows · Head 7' }).waitFor();
        assert.equal(page.url(), `${url}#task=rows`);
      },
      { token: TOKEN, hash: `#token=${TOKEN}&task=rows` },
    );
  });

  it('can be chosen by keyboard, with the facts about each task', async () => {
    await visit(async ({ page, tasks: [weeds, rows] }) => {
      assert.ok(weeds && rows);
      await radio(page, 'weeds').waitFor();
      assert.equal(
        await page.getByRole('group', { name: 'Task' }).ariaSnapshot(),
        [
          '- group "Task":',
          '  - text: Task',
          '  - radio "weeds" [checked]',
          '  - strong: weeds',
          '  - text: Head 2 · 1 question',
          '  - radio "rows"',
          '  - strong: rows',
          '  - text: Head 7 · useful · 2 questions',
        ].join('\n'),
      );
      const facts = await radio(page, 'rows').getAttribute('aria-describedby');
      assert.equal(
        await page.locator(`#${facts}`).textContent(),
        'Head 7 · useful · 2 questions',
        'a description, so that the name stays short',
      );
      await radio(page, 'weeds').focus();
      await page.keyboard.press('ArrowRight');
      await page.locator('#decision-label', { hasText: 'left' }).waitFor();
      await label(page, 'left').waitFor();
      // The keys of the page work although a radio button has the focus.
      await page.keyboard.press('1');
      await page.locator('#toast-text', { hasText: 'Labelled left' }).waitFor();
      assert.deepEqual(
        [weeds.labelOfFrame.size, [...rows.labelOfFrame]],
        [0, [['rows-1', 'left']]],
      );
      assert.equal(await page.evaluate('document.activeElement?.value'), 'rows');
    });
  });

  it('accepts no press until the status of the chosen task is there', async () => {
    await visit(async ({ page, tasks: [weeds, rows] }) => {
      assert.ok(weeds && rows);
      await page.clock.install();
      await page.reload();
      await label(page, 'maize').waitFor();
      const pictures: string[] = [];
      page.on('request', (request) => {
        if (isAbout('rows', '/api/frame.jpg')(new URL(request.url()))) pictures.push(request.url());
      });
      const stream = await hold(page, isAbout('rows', '/api/stream'));
      await radio(page, 'rows').click();
      await stream.held;
      await page.locator('#who-line', { hasText: 'Loading…' }).waitFor();
      await page.locator('main[aria-busy="true"][inert]').waitFor();
      assert.equal(await label(page, 'maize').count(), 0);
      await page.keyboard.press('1');
      // New pictures of either task change nothing about this.
      await weeds.advance(decided('thistle'));
      await rows.advance(decided('right'));
      await page.keyboard.press('1');
      // Were the Space bar to hold the picture now, none would come.
      await page.evaluate('document.activeElement.blur()');
      await page.keyboard.press(' ');
      // Long enough for the page to ask for a picture without being told of one.
      await page.clock.runFor(3_000);
      await page.evaluate("fetch('/healthz').then((answer) => answer.status)");
      assert.deepEqual(pictures, [], 'labels of the former task would stand below it');
      assert.equal(await label(page, 'maize').count(), 0);
      await stream.release();
      await label(page, 'left').waitFor();
      assert.equal(await page.locator('main').getAttribute('inert'), null);
      assert.deepEqual([weeds.labelOfFrame.size, rows.labelOfFrame.size], [0, 0]);
    });
  });

  it('drops late answers about the former task', async () => {
    await visit(
      async ({ page, tasks: [weeds] }) => {
        assert.ok(weeds);
        await page.locator('#confirm-guess[data-label="maize"]:not([disabled])').waitFor();
        const paths = ['teach/questions', 'teach/progress'];
        const late = await Promise.all(
          paths.map((path) => hold(page, isAbout(null, `/api/${path}`))),
        );
        await weeds.ask({ label: 'thistle', probability: 0.4 });
        await Promise.all(late.map(({ held }) => held));
        await radio(page, 'rows').click();
        await page.locator('#confirm-guess[data-label="right"]:not([disabled])').waitFor();
        await page.evaluate(`
          globalThis.seen = [];
          const main = document.getElementById('main');
          const watcher = new MutationObserver(() => seen.push(main.textContent));
          watcher.observe(main, { subtree: true, childList: true, characterData: true });
        `);
        await Promise.all(late.map(({ release }) => release()));
        await page.locator('#confirm-guess').click();
        await page.locator('#confirm-guess[data-label="left"]:not([disabled])').waitFor();
        const seen = await page.evaluate<string[]>('seen');
        assert.ok(seen.length > 0);
        // Not even for the moment until the answer about the chosen task replaces it.
        for (const text of seen) assert.doesNotMatch(text, /maize|thistle/);
      },
      { hash: '#place=teach' },
    );
  });

  it('stores a label that was on its way for the task it was meant for', async () => {
    await visit(async ({ page, tasks: [weeds, rows] }) => {
      assert.ok(weeds && rows);
      const order = await hold(page, isAbout(null, '/api/label'));
      await label(page, 'maize').click();
      await order.held;
      await radio(page, 'rows').click();
      await label(page, 'left').waitFor();
      await order.release();
      await page
        .locator('#toast-text', { hasText: 'Labelled maize for the former task' })
        .waitFor();
      // "Change" would correct the sample for the wrong task.
      assert.equal(await page.locator('#toast-action').isVisible(), false);
      assert.deepEqual(
        [[...weeds.labelOfFrame], rows.labelOfFrame.size],
        [[['weeds-1', 'maize']], 0],
      );
    });
  });

  it('leaves nothing of the former task that could be pressed', async () => {
    await visit(async ({ page, tasks: [weeds, rows] }) => {
      assert.ok(weeds && rows);
      await label(page, 'maize').click();
      await page.locator('#toast-action').waitFor();
      await page.locator('#viewer[data-held="false"]').waitFor();
      await page.keyboard.press('n');
      await page.keyboard.type('nettle');
      await page.evaluate("location.hash = '#task=rows'");
      await label(page, 'left').waitFor();
      // Its "Change" would correct the sample for the wrong task.
      assert.equal(await page.locator('#toast').isVisible(), false);
      assert.equal(await page.locator('#new-label-text').inputValue(), '');
    });
  });

  it('falls back to the first task when the robot does not have the chosen one', async () => {
    await visit(
      async ({ page, url }) => {
        await page.locator('#toast-text', { hasText: 'No task is named "soil"' }).waitFor();
        await page.locator('#toast-text', { hasText: 'weeds, rows' }).waitFor();
        await page.locator('#decision-label', { hasText: 'maize' }).waitFor();
        assert.equal(await radio(page, 'weeds').isChecked(), true);
        assert.equal(page.url(), url);
      },
      { hash: '#task=soil', expected: /status of 404/ },
    );
  });

  it('offers the cameras on which the task decides', async () => {
    await visit(
      async ({ page, tasks: [, rows] }) => {
        assert.ok(rows);
        const tiles = page.locator('.tile');
        await page.locator('.other-cameras', { hasText: 'side' }).waitFor();
        assert.deepEqual(
          await tiles.evaluateAll((all) => all.map((each) => each.getAttribute('data-camera'))),
          ['main', 'rear'],
        );
        await radio(page, 'rows').click();
        await page.locator('#decision-label', { hasText: 'left' }).waitFor();
        await page.locator('.other-cameras', { hasText: 'rear' }).waitFor();
        assert.equal(await tiles.count(), 0, 'one camera is large at once');
        const cameras = rows.status().cameras.map((camera) => ({ ...camera, decided: false }));
        rows.facts = { cameras };
        rows.emit({ type: 'status' });
        await page.reload();
        await page
          .locator('#no-cameras', { hasText: 'The task rows decides on no camera.' })
          .waitFor();
      },
      {
        prepare: async (source, tasks) => {
          await prepare(source, tasks);
          const camera = source.status().cameras[0]!;
          for (const [index, task] of tasks.entries()) {
            const other = { ...camera, decided: false, name: 'side' };
            task.facts = {
              cameras: [camera, { ...camera, name: 'rear', decided: index === 0 }, other],
            };
          }
        },
      },
    );
  });

  it('fits sixteen long names, and shows the chosen one, from a phone to a desk', async () => {
    const names = Array.from(
      { length: 16 },
      (_, index) => `task-with-a-name-of-32-letters-${String.fromCharCode(97 + index)}`,
    );
    await visit(
      async ({ page }) => {
        for (const width of [320, 360, 720, 1280]) {
          await page.setViewportSize({ width, height: 800 });
          await page.reload();
          const chosen = radio(page, names[12]!);
          await chosen.waitFor();
          assert.equal(await chosen.isChecked(), true);
          const box = (await chosen.boundingBox())!;
          assert.ok(box.x >= 0 && box.x + box.width <= width + 1, `${width} px: ${box.x}`);
          assert.ok(box.height >= 44, 'a finger can hit it');
          const wide = await page.evaluate('document.documentElement.scrollWidth');
          assert.ok(Number(wide) <= width, `${width} px: the page is ${wide} px wide`);
        }
      },
      {
        names,
        hash: `#task=${names[12]}`,
        prepare: async (_, tasks) => {
          for (const task of tasks) await task.advance(null);
        },
      },
    );
  });
});
