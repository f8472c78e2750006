import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { silentLog } from '../../src/base/log.js';
import { ConsoleServer } from '../../src/console/server/console-server.js';
import { quietScheduler } from '../recorder.js';
import { createFieldSource, createTasks, type FieldSource, sourcesOf } from './field-source.js';
import { newAccess } from './test-access.js';

const CHROMIUM = '/usr/bin/chromium';

/** Why a test of the page cannot run; false: it can. */
export const skipWithoutBrowser = existsSync(CHROMIUM)
  ? false
  : `no ${CHROMIUM}: apt-get install chromium`;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}

export interface Visit {
  page: Page;
  /** The first task. */
  source: FieldSource;
  tasks: FieldSource[];
  /** Of the page, with a slash at its end. */
  url: string;
}

export interface VisitOptions {
  token?: string;
  /** Fragment of the address. */
  hash?: string;
  /** Names of the tasks; empty: one task without a name. */
  names?: readonly string[];
  /** A message of the browser that belongs to the test. */
  expected?: RegExp;
  prepare?: (source: FieldSource, tasks: FieldSource[]) => Promise<void>;
}

/** A robot, its console and a page on it that fails the test on any error or foreign request. */
export async function visit(
  browser: Browser,
  work: (visit: Visit) => Promise<void>,
  { token, hash = '', names = [], expected, prepare }: VisitOptions = {},
): Promise<void> {
  const tasks = names.length === 0 ? [createFieldSource()] : createTasks(...names);
  const source = tasks[0]!;
  await prepare?.(source, tasks);
  const server = new ConsoleServer({
    host: '127.0.0.1',
    port: 0,
    token: token ?? null,
    sources: sourcesOf(tasks),
    access: newAccess(),
    version: '0.0.0',
    repeats: quietScheduler(),
    log: silentLog(),
  });
  const { url } = await server.start();
  try {
    await openPage(browser, url, (page) => work({ page, source, tasks, url }), { hash, expected });
  } finally {
    await server.stop();
  }
}

export interface PageOptions {
  /** Fragment of the address. */
  hash?: string;
  /** A message of the browser that belongs to the test. */
  expected?: RegExp | undefined;
  context?: BrowserContextOptions;
}

/** A page at the address of a robot that fails the test on any error or foreign request. */
export async function openPage(
  browser: Browser,
  url: string,
  work: (page: Page) => Promise<void>,
  { hash = '', expected, context: settings = {} }: PageOptions = {},
): Promise<void> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en',
    ...settings,
  });
  try {
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'log' || expected?.test(message.text())) return;
      problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(url)) {
        problems.push(`request to ${request.url()}`);
      }
    });
    page.setDefaultTimeout(20_000);
    await page.goto(url + hash);
    await work(page);
    assert.deepEqual(problems, []);
  } finally {
    await context.close();
  }
}
