import assert from 'node:assert/strict';
import axe from 'axe-core';
import type { Page } from 'playwright-core';

interface Finding {
  id: string;
  help: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Fails the test on any finding of axe, by WCAG 2.2 AA and best practices. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // By the protocol of the browser, which the page's Content-Security-Policy does not bind.
  const { violations } = await page.evaluate<{ violations: Finding[] }>(
    `${axe.source};\naxe.run(document, { resultTypes: ['violations'] })`,
  );
  const found = violations.map(({ id, help, nodes }) => {
    return `${id}: ${help}\n${nodes.map((node) => `  ${node.html}\n  ${node.failureSummary}`).join('\n')}`;
  });
  assert.deepEqual(found, [], what);
}

/** Fails the test when the page is wider than the screen. */
export async function assertFits(page: Page, what: string): Promise<void> {
  const wide = await page.evaluate<number>(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  assert.ok(wide <= 0, `${what}: ${wide} px too wide`);
}
