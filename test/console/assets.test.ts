import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { isHeadlandError } from '../../src/base/errors.js';
import { type Asset, loadAssets } from '../../src/console/server/assets.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const MAX_GZIPPED_BYTES = 150 * 1_024;

/** Addresses that the page names, as the browser resolves them. */
function named(page: Asset): string[] {
  const html = Buffer.from(page.bytes).toString();
  return [...html.matchAll(/(?:src|href)="([^"]+)"/g)]
    .map(([, address]) => address!)
    .filter((address) => !address.startsWith('data:'))
    .map((address) => new URL(address, 'http://robot/').pathname);
}

describe('the built page', { timeout: TEST_HANG_MS }, () => {
  it('references exactly the served files, each with its media type', () => {
    const { '/': page, ...files } = Object.fromEntries(loadAssets());
    assert.ok(page !== undefined);
    assert.equal(page.cacheControl, 'no-cache');
    const scripts = Object.entries(files).filter(([path]) => path.endsWith('.js'));
    // The catalogues of other languages are loaded by the script, when they are chosen.
    const loaded = scripts.flatMap(([, { bytes }]) =>
      [
        ...Buffer.from(bytes)
          .toString()
          .matchAll(/import\([`'"]\.\/([\w-]+\.js)/g),
      ].map(([, name]) => `/assets/${name}`),
    );
    assert.equal(loaded.length, 2);
    assert.deepEqual([...named(page), ...loaded].sort(), Object.keys(files).sort());
    for (const [path, { type, cacheControl }] of Object.entries(files)) {
      assert.match(path, /^\/assets\/[\w-]+\.(css|js)$/);
      assert.equal(type.startsWith('text/css'), path.endsWith('.css'));
      assert.match(cacheControl, /immutable/);
    }
  });

  it('has no inline script or style', () => {
    const html = Buffer.from(loadAssets().get('/')!.bytes).toString();
    assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/i);
  });

  it('is small enough for a slow link', () => {
    const sizes = [...loadAssets().values()].map(({ bytes }) => gzipSync(bytes).length);
    assert.ok(sizes.reduce((sum, size) => sum + size) < MAX_GZIPPED_BYTES);
  });

  it('is part of the package, where the server finds it', async (t) => {
    const target = temporaryFolder(t);
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', target];
    const { status, stdout, stderr } = spawnSync('npm', pack, { cwd: root, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    assert.equal(spawnSync('tar', ['-xzf', join(target, filename), '-C', target]).status, 0);
    const module = join(target, 'package/dist/src/console/server/assets.js');
    const packed: { loadAssets: typeof loadAssets } = await import(pathToFileURL(module).href);
    assert.deepEqual(packed.loadAssets(), loadAssets());
  });
});

describe('loadAssets', () => {
  const missing = (error: unknown) => isHeadlandError(error, 'HL_CONSOLE_PAGE_MISSING');

  it('refuses a folder without the page', (t) => {
    assert.throws(() => loadAssets(temporaryFolder(t)), missing);
  });

  it('refuses a file whose media type it does not know', (t) => {
    const page = temporaryFolder(t);
    writeFileSync(join(page, 'index.html'), '<!doctype html>');
    mkdirSync(join(page, 'assets'));
    writeFileSync(join(page, 'assets/page-1.js'), '');
    assert.deepEqual([...loadAssets(page).keys()], ['/', '/assets/page-1.js']);
    writeFileSync(join(page, 'assets/page-1.wasm'), '');
    assert.throws(() => loadAssets(page), missing);
  });
});
