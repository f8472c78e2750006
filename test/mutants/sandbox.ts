import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { compiledPath, isOfPage, type TestSelection } from './mutant.js';

/** How a run of tests ended. */
export interface TestRun {
  outcome: 'green' | 'red' | 'timed-out';
  /** Tests that ran to a good end. */
  passed: number;
  /** Why a test skipped itself; null: none did. */
  skipped: string | null;
  durationMs: number;
  /** What was written last. */
  tail: string;
}

const TAIL_CHARACTERS = 4_000;
/** Node 20 calls tests skipped that were not asked for, too. */
const SKIPPED = /^\s*ok .* # SKIP (?!test name does not match)(.+)$/m;

/** A copy of the repository in which a source may be spoilt and tests run; node_modules is a link. */
export class Sandbox {
  readonly #temporary: string;
  #running: ChildProcess | null = null;

  /** @param root a folder that does not exist yet */
  constructor(
    repository: string,
    private readonly root: string,
  ) {
    mkdirSync(root);
    for (const entry of readdirSync(repository)) {
      if (entry.startsWith('.') || entry === 'node_modules') continue;
      cpSync(join(repository, entry), join(root, entry), { recursive: true });
    }
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
    this.#temporary = join(root, 'tmp');
  }

  /**
   * Replaces a file; of a source of the page, the page is built again.
   *
   * @param file from the root of the repository
   * @returns puts the file back as it was
   */
  replace(file: string, content: string): () => void {
    const path = join(this.root, file);
    const before = readFileSync(path);
    const write = (bytes: string | Uint8Array): void => {
      writeFileSync(path, bytes);
      if (isOfPage(file)) this.#buildPages();
    };
    write(content);
    return () => write(before);
  }

  #buildPages(): void {
    const vite = join(this.root, 'node_modules/vite/bin/vite.js');
    for (const page of ['dist/vite.config.js', 'dist/vite.fleet.config.js']) {
      const config = ['--config', page, '--configLoader', 'native'];
      execFileSync(process.execPath, [vite, 'build', ...config], { cwd: this.root, stdio: 'pipe' });
    }
  }

  /** Runs tests to their end, or for `limitMs`. @param until also to the first failure */
  run(
    { file, names }: TestSelection,
    { limitMs, until }: { limitMs: number; until: 'failure' | 'end' },
  ): Promise<TestRun> {
    // A run that was cut short leaves its temporary files behind.
    rmSync(this.#temporary, { recursive: true, force: true });
    mkdirSync(this.#temporary);
    const startMs = performance.now();
    const child = spawn(
      process.execPath,
      [
        '--test-reporter=tap',
        ...(names === undefined ? [] : [`--test-name-pattern=/${names}/`]),
        join(this.root, compiledPath(file)),
      ],
      {
        cwd: this.root,
        // A group of its own: what the tests have started ends with them.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TMPDIR: this.#temporary, NODE_TEST_CONTEXT: undefined },
      },
    );
    this.#running = child;
    let outcome: TestRun['outcome'] | null = null;
    let [stdout, stderr] = ['', ''];
    const end = (as: TestRun['outcome']): void => {
      outcome ??= as;
      this.stop();
    };
    const timer = setTimeout(end, limitMs, 'timed-out');
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (until === 'failure' && /^\s*not ok /m.test(stdout)) end('red');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-TAIL_CHARACTERS);
    });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      // Whatever a test left running would keep the output open.
      child.once('exit', () => this.stop());
      child.once('close', (code) => {
        clearTimeout(timer);
        this.#running = null;
        resolve({
          outcome: outcome ?? (code === 0 ? 'green' : 'red'),
          passed: Number(/^# pass (\d+)$/m.exec(stdout)?.[1] ?? 0),
          skipped: SKIPPED.exec(stdout)?.[1] ?? null,
          durationMs: performance.now() - startMs,
          tail: `${stdout.slice(-TAIL_CHARACTERS)}${stderr}`,
        });
      });
    });
  }

  /** Ends the tests that run, and all that they have started. */
  stop(): void {
    const processId = this.#running?.pid;
    if (processId === undefined) return;
    try {
      process.kill(-processId, 'SIGKILL');
    } catch {
      // The last of the group is gone.
    }
  }

  remove(): void {
    this.stop();
    rmSync(this.root, { recursive: true, force: true });
  }
}
