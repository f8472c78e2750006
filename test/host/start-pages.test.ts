import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { parseMappings } from '../../src/host/start-pages.js';

const MODULE = fileURLToPath(new URL('../../src/host/start-pages.js', import.meta.url));

const PROGRAM = `
import { readFileSync } from 'node:fs';
import { releaseStartPages } from ${JSON.stringify(MODULE)};
const residentKib = () => Number(/RssFile:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
const before = residentKib();
const releasedBytes = releaseStartPages();
const after = residentKib();
const again = await import('node:zlib').then(({ gunzipSync, gzipSync }) => String(gunzipSync(gzipSync('still runs'))));
console.log(JSON.stringify({ before, after, releasedBytes, again }));
`;

describe('the pages of the start', () => {
  test('leave the memory of the process, which runs on', async () => {
    const args = ['--input-type=module', '-e', PROGRAM];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { before, after, releasedBytes, again } = JSON.parse(stdout);
    assert.ok(releasedBytes > 0);
    assert.ok(after < before, `${after} kB of files are resident after it, ${before} before`);
    assert.equal(again, 'still runs');
  });

  test('are those of unchanged files', () => {
    const mappings = parseMappings(readFileSync('/proc/self/smaps', 'utf8'));
    const own = mappings.filter(({ path }) => path === process.execPath);
    const code = own.find(({ permissions }) => permissions === 'r-xp');
    assert.ok(code && code.residentBytes > 0 && code.end > code.start);
    const heap = mappings.find(({ path }) => path === '[heap]');
    assert.equal(heap?.unchanged, false);
    const data = own.find(({ permissions }) => permissions === 'rw-p');
    assert.equal(data?.unchanged, false);
  });

  test('of a text that is no list of mappings are none', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const found = parseMappings(text);
        return found.every(({ unchanged, residentBytes }) => !unchanged || residentBytes >= 0);
      }),
    );
    assert.deepEqual(parseMappings(''), []);
  });
});
