import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { TestAgent } from '../agent/support.js';
import { TEST_HANG_MS } from '../liveness.js';
import { someCard, someHead } from '../training/fixture.js';
import { assertAccessible, assertFits } from './accessible.js';
import { openBrowser, openPage, skipWithoutBrowser as skip } from './visit.js';

type Test = Parameters<typeof TestAgent.start>[0];

const HASH = '#place=teach';

/** A robot with questions about `count` frames, and a head of two classes that guesses. */
async function startRobot(t: Test, count: number, settings: Record<string, unknown> = {}) {
  const photos = Array.from({ length: count }, (_, index) => (index % 2 ? 'weed' : 'crop'));
  const running = await TestAgent.start(t, photos, settings);
  const { agent } = running;
  const [task] = agent.tasks;
  for (const frame of running.decisions.all) task.labelling.keepWaiting(frame);
  const head = { ...someHead(1), backboneChecksum: agent.perception.backbone!.checksum };
  const version = await task.state.heads.publish(head, someCard(head), []);
  await agent.operations.promote(version, { source: 'console' });
  return running;
}

/** Labels by sample; null: it waits. */
function labelsOf({ agent }: TestAgent): Map<string, string | null> {
  const { samples } = agent.state.task();
  const all = [true, false].flatMap((labelled) =>
    samples.list({ labelled, order: 'newest', limit: 500 }),
  );
  return new Map(all.map(({ id, label }) => [id, label]));
}

const countOf = (running: TestAgent, label: string | null) =>
  [...labelsOf(running).values()].filter((each) => each === label).length;

/** Waits until the image of a question is on the screen. @returns its id */
async function shown(page: Page, former: string | null = null): Promise<string> {
  const other = former === null ? '' : `:not([data-id="${former}"])`;
  const question = page.locator(`#question${other}:has(#question-picture)`);
  await question.waitFor();
  // Earlier than this, a key is taken for the former question.
  await page.waitForTimeout(200);
  return (await question.getAttribute('data-id'))!;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!holds()) {
    assert.ok(performance.now() < deadlineMs, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('Teach', { skip, timeout: TEST_HANG_MS }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  const open = (running: TestAgent, work: (page: Page) => Promise<void>, expected?: RegExp) =>
    openPage(browser, `${running.url}/`, work, { hash: HASH, expected });

  it('takes thirty confirmed guesses by keyboard alone, and takes them all back', async (t) => {
    const running = await startRobot(t, 30);
    await open(running, async (page) => {
      const given = new Map<string, string>();
      let id: string | null = null;
      for (let count = 0; count < 30; count += 1) {
        id = await shown(page, id);
        const guess = await page.locator('#confirm-guess').getAttribute('data-label');
        given.set(id, guess!);
        await page.keyboard.press('Enter');
      }
      await page.locator('#no-questions').waitFor();
      await until('all labels', () => countOf(running, null) === 0);
      assert.deepEqual(labelsOf(running), given);

      await page.locator('#undo', { hasText: '30' }).waitFor();
      for (let left = 30; left > 0; left -= 1) {
        await page.keyboard.press(left % 2 === 0 ? 'u' : 'Control+z');
        if (left > 1) await page.locator('#undo', { hasText: String(left - 1) }).waitFor();
      }
      await page.locator('#undo:disabled').waitFor();
      await until('all wait again', () => countOf(running, null) === 30);
      assert.equal(await shown(page), [...given.keys()][0], 'the first one is on the screen again');
    });
  });

  it('takes other classes, nothing, cannot tell, bad image and a skip by their keys', async (t) => {
    const running = await startRobot(t, 6);
    await open(running, async (page) => {
      const first = await shown(page);
      await page.keyboard.press('s');
      const weed = await shown(page, first);
      await page.keyboard.press('2');
      const nothing = await shown(page, weed);
      await page.keyboard.press('0');
      const doubtful = await shown(page, nothing);
      await page.keyboard.press('?');
      const bad = await shown(page, doubtful);
      await page.keyboard.press('x');
      await shown(page, bad);
      await until('two labels and two excluded', () => countOf(running, null) === 2);
      const labels = labelsOf(running);
      assert.deepEqual(
        [weed, nothing, doubtful, bad].map((id) => labels.get(id)),
        ['weed', 'nothing', undefined, undefined],
      );
      // What was skipped comes last.
      await page.keyboard.press('1');
      await until('one question', () => countOf(running, null) === 1);
      assert.equal(await shown(page), first);
    });
  });

  it('asks what a new class means before a slip becomes one', async (t) => {
    const running = await startRobot(t, 6);
    await open(running, async (page) => {
      const { agent } = running;
      const [a] = [...labelsOf(running).keys()];
      await agent.operations.label({ sample: a! }, 'crop', { source: 'console' });
      let id = await shown(page);
      const type = async (text: string) => {
        await page.keyboard.press('n');
        await page.keyboard.type(text);
        await page.keyboard.press('Enter');
      };
      // It looks like a class: that class is the main choice, and no new one is offered.
      await type('Crop');
      await page.locator('#near[open] h2', { hasText: 'Did you mean crop?' }).waitFor();
      assert.equal(await page.locator('#near-new').count(), 0);
      await assertAccessible(page, 'did you mean');
      await page.keyboard.press('Enter');
      id = await shown(page, id);
      // It is nearly spelt like one: the person may insist.
      await type('crops');
      await page.locator('#near[open] h2', { hasText: 'Did you mean crop?' }).waitFor();
      await page.locator('#near-new').click();
      id = await shown(page, id);
      await until('three labels', () => countOf(running, null) === 3);
      assert.deepEqual([countOf(running, 'crop'), countOf(running, 'crops')], [2, 1]);
      // Escape goes back to the text.
      await type('corp');
      await page.locator('#near[open]').waitFor();
      await page.keyboard.press('Escape');
      await page.locator('#near:not([open])').waitFor({ state: 'attached' });
      assert.equal(await page.locator('#class-field').inputValue(), 'corp');
      assert.equal(countOf(running, 'corp'), 0);
    });
  });

  it('sends an answer again when the robot does not respond, in the order given', async (t) => {
    const running = await startRobot(t, 6);
    await open(
      running,
      async (page) => {
        const isLabel = (url: URL) => url.pathname === '/api/label';
        await page.route(isLabel, (route) => route.abort());
        const first = await shown(page);
        await page.keyboard.press('1');
        const second = await shown(page, first);
        await page.keyboard.press('2');
        await shown(page, second);
        await page.locator('#unsent', { hasText: '2' }).waitFor();
        assert.equal(countOf(running, null), 6);
        const sent: string[] = [];
        page.on('requestfinished', (request) => {
          if (isLabel(new URL(request.url()))) sent.push(request.postDataJSON().sampleId);
        });
        await page.unroute(isLabel);
        await until('both labels', () => countOf(running, null) === 4);
        await page.locator('#unsent').waitFor({ state: 'detached' });
        const labels = labelsOf(running);
        assert.deepEqual([labels.get(first), labels.get(second)], ['crop', 'weed']);
        await until('both confirmed', () => sent.length === 2);
        assert.deepEqual(sent, [first, second]);
      },
      /ERR_FAILED/,
    );
  });

  it('gives a refused answer back with the reason', async (t) => {
    const running = await startRobot(t, 3);
    await open(
      running,
      async (page) => {
        const first = await shown(page);
        await page.keyboard.press('n');
        await page.keyboard.type('unknown');
        await page.keyboard.press('Enter');
        const toast = page.locator('#toast[data-kind="problem"]', { hasText: '“unknown”' });
        await toast.waitFor();
        const second = await shown(page, first);
        await page.keyboard.press('1');
        assert.equal(await shown(page, second), first, 'it comes next');
        assert.equal(labelsOf(running).get(first), null);
      },
      /status of 422/,
    );
  });

  it('shows the live picture to label from while there are no questions', async (t) => {
    const running = await startRobot(t, 1);
    await open(running, async (page) => {
      await shown(page);
      await page.keyboard.press('1');
      await page.locator('#no-questions').waitFor();
      await page.locator('#picture[src^="blob:"]').waitFor();
      await page.locator('#labels button[data-label="weed"]:not([disabled])').click();
      await page.locator('#toast-text', { hasText: 'Labelled weed' }).waitFor();
      await assertAccessible(page, 'no questions');
    });
  });

  it('fits a phone without a finding of axe, in three languages, light and dark', async (t) => {
    const running = await startRobot(t, 4);
    for (const [locale, colorScheme] of [
      ['en', 'light'],
      ['de', 'dark'],
      ['zh', 'light'],
    ] as const) {
      const context = { viewport: { width: 360, height: 740 }, locale, colorScheme };
      await openPage(
        browser,
        `${running.url}/`,
        async (page) => {
          await shown(page);
          await assertFits(page, locale);
          await assertAccessible(page, locale);
          assert.equal(await page.getAttribute('html', 'lang'), locale);
        },
        { hash: HASH, context },
      );
    }
  });
});
