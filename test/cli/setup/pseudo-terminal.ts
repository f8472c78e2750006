import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { HANG_MS } from '../../liveness.js';

/** For `test(…, { skip })`: false when there is `script` of util-linux. */
export const withoutScript: string | false =
  spawnSync('script', ['--version']).status === 0
    ? false
    : 'script is missing: apt-get install bsdutils';

/** A program at a real terminal, at which a person types. */
export class PseudoTerminal {
  readonly #child: ChildProcess;
  #shown = '';
  #read = 0;
  #ended = false;
  #wake: () => void = () => {};

  constructor(t: TestContext, command: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    // A shell that stays between, as dash does without `exec`, ends by the key of the program itself.
    this.#child = spawn('script', ['-qefc', `exec ${quoted}`, '/dev/null'], {
      env: { ...process.env, SHELL: '/bin/sh', TERM: 'dumb', COLUMNS: '200', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: HANG_MS,
    });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#shown += text;
      this.#wake();
    });
    this.#child.once('close', () => {
      this.#ended = true;
      this.#wake();
    });
    t.after(() => this.#child.kill('SIGKILL'));
  }

  /** Everything on the screen so far. */
  get shown(): string {
    return this.#shown;
  }

  /** Waits for a text that has not been waited for yet, then types a line. */
  async answer(question: string, line: string): Promise<void> {
    await this.until(question);
    this.#child.stdin!.write(`${line}\n`);
  }

  async until(text: string): Promise<void> {
    for (;;) {
      const at = this.#shown.indexOf(text, this.#read);
      if (at >= 0) {
        this.#read = at + text.length;
        return;
      }
      if (this.#ended) throw new Error(`"${text}" did not come:\n${this.#shown}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  press(key: string): void {
    this.#child.stdin!.write(key);
  }

  /** @returns the exit code of the program */
  async end(): Promise<number | null> {
    if (!this.#ended) await once(this.#child, 'close');
    return this.#child.exitCode;
  }
}
