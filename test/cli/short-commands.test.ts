import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../../src/cli/commands.js';
import { isShort } from '../../src/cli/short-commands.js';
import { CLI } from '../agent/daemon.js';
import { folderWith, temporaryFolder } from '../temporary-folder.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const PACKAGE: { bin: { headland: string }; files: string[] } = JSON.parse(
  readFileSync(join(PROJECT, 'package.json'), 'utf8'),
);
/** What `headland` is on the path. */
const HEADLAND = join(PROJECT, PACKAGE.bin.headland);

/** libsql and what it needs. */
const DATABASE = ['libsql', '@neon-rs/load', 'detect-libc'];

type Places = Record<'config' | 'state', string>;

/** Command lines of commands that answer at once, and the packages that each loads. */
const SHORT: [words: (places: Places) => string[], packages: string[]][] = [
  [() => ['--version'], []],
  [() => ['--help'], []],
  [({ config }) => ['config', 'check', config], []],
  [({ config }) => ['config', 'print', config], []],
  [() => ['config', 'schema'], []],
  [() => ['status', '--help'], []],
  [({ config }) => ['audit', '--config', config], DATABASE],
  [({ config }) => ['pair', '--config', config], DATABASE],
  [({ config }) => ['models', 'heads', '--config', config], DATABASE],
  [({ config }) => ['models', 'list', '--config', config], []],
  [({ config }) => ['classes', 'list', '--config', config], DATABASE],
  [({ config }) => ['label', '--config', config], DATABASE],
];

/** Paths of the scripts that a command line loads, as V8 reports them. */
function scriptsOf(folder: string, words: readonly string[]): string[] {
  spawnSync(process.execPath, [HEADLAND, ...words], {
    env: { ...process.env, NODE_V8_COVERAGE: folder },
  });
  const urls = readdirSync(folder).flatMap((file) => {
    const report: { result: { url: string }[] } = JSON.parse(
      readFileSync(join(folder, file), 'utf8'),
    );
    return report.result.map(({ url }) => url);
  });
  assert.notEqual(urls.length, 0);
  return urls.filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url));
}

/** Names of the packages in node_modules that scripts belong to. */
function packagesOf(scripts: readonly string[]): string[] {
  const names = scripts.flatMap(
    (path) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  );
  return [...new Set(names)];
}

function answer(program: string, words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('short commands', () => {
  test('are in the package', () => {
    assert.ok(PACKAGE.files.includes('dist/commands'));
  });

  test('load few files, and no package that they do not need', (t) => {
    const places = placesIn(folderWith(t, {}));
    // So that each finds a state.
    answer(HEADLAND, ['audit', '--config', places.config]);
    for (const [wordsAt, packages] of SHORT) {
      const words = wordsAt(places);
      const scripts = scriptsOf(temporaryFolder(t), words);
      const others = packagesOf(scripts).filter((name) => !packages.includes(name));
      assert.deepEqual(others, [], words.join(' '));
      const modules = scripts.filter((path) => path.startsWith(join(PROJECT, 'dist/')));
      assert.ok(modules.length <= 25, `${words.join(' ')}: ${modules.join('\n')}`);
    }
  });

  test('answer as the modules do that they are bundled from', (t) => {
    const places = placesIn(folderWith(t, {}));
    const broken = join(places.state, '..', 'broken.yaml');
    writeFileSync(broken, 'robot: { idd: a }\n');
    const lines = [
      ...SHORT.map(([wordsAt]) => wordsAt(places)),
      ['config', 'check', broken],
      ['config', 'check', '--json', join(places.state, 'none.yaml')],
      ['audit', '--bogus'],
      ['bogus'],
      ['help', 'models', 'heads'],
      ['models'],
      ['models', 'list', '--json', '--config', places.config],
      ['models', 'why', '7', '--config', places.config],
      ['rollback', '7', '--config', places.config, '--json'],
      ['run', '--help'],
    ];
    for (const words of lines) {
      assert.deepEqual(answer(HEADLAND, words), answer(CLI, words), words.join(' '));
    }
  });

  test('the help of a command loads neither logger, decoder, engine nor broker client', (t) => {
    for (const { name } of COMMANDS) {
      const scripts = scriptsOf(temporaryFolder(t), [name, '--help']);
      const others = packagesOf(scripts).filter((each) => !DATABASE.includes(each));
      assert.deepEqual(others, [], name);
    }
  });

  test('what runs for long runs as modules', (t) => {
    for (const name of ['run', 'demo', 'train', 'doctor', 'models pull', 'models quantize']) {
      assert.equal(isShort(name.split(' ')), false, name);
    }
    const { config } = placesIn(folderWith(t, {}));
    const scripts = scriptsOf(temporaryFolder(t), ['evaluate', '--config', config]);
    assert.ok(scripts.includes(join(PROJECT, 'dist/src/cli/main.js')));
    assert.deepEqual(
      scripts.filter((path) => path.startsWith(join(PROJECT, 'dist/commands/'))),
      [],
    );
  });
});

/** A configuration of a robot with nothing on it yet. */
function placesIn(folder: string): Places {
  const places = { config: join(folder, 'headland.yaml'), state: join(folder, 'state') };
  writeFileSync(
    places.config,
    `robot: { id: short }\npaths: { stateDir: ${places.state}, cacheDir: ${folder}/cache }\n`,
  );
  return places;
}
