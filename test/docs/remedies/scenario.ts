import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What a person reads about an error. Notes of an import have no remedy of their own. */
export interface Said {
  code: string;
  message: string;
  remedy: string | null;
}

/** One situation in which a code is raised, and the part of its remedy that ends it. */
export interface Situation {
  code: string;
  /** Tells situations of one code apart. */
  when?: string;
  /** The words that are followed: in what the product says, and in errors.md. */
  follows: string;
}

export function titleOf({ code, when, follows }: Situation): string {
  return `${code}${when === undefined ? '' : ` (${when})`}: ${follows}`;
}

/** What the product said holds the words that are followed, and so does its page. */
export function checkSaid(situation: Situation, said: Said): void {
  const { code, follows } = situation;
  assert.equal(said.code, code, `${said.code}: ${said.message}`);
  assert.ok(said.message.length > 0, code);
  if (said.remedy !== null) assert.ok(holds(said.remedy, follows), `${code}: ${said.remedy}`);
  const entry = documented().get(code);
  assert.ok(holds(entry ?? '', follows), `errors.md, ${code}: ${entry}`);
}

/** The same words may begin a sentence in one place and stand within one in the other. */
function holds(text: string, words: string): boolean {
  return text.toLowerCase().includes(words.toLowerCase());
}

/** Remedies of docs/reference/errors.md by code. */
export function documented(): ReadonlyMap<string, string> {
  const page = fileURLToPath(new URL('../../../../docs/reference/errors.md', import.meta.url));
  const rows = readFileSync(page, 'utf8').matchAll(/^\| `(HL_[A-Z0-9_]+)`\s*\|(.*)\|$/gm);
  return new Map([...rows].map(([, code, text]) => [code!, text!.trim()]));
}

/** Finds a code, its message and its remedy in what a command or the daemon's log prints. */
export function saidIn(output: string, code: string): Said | null {
  const lines = output.split('\n');
  const at = lines.findIndex((line) => line.includes(`${code}: `));
  if (at === -1) return null;
  const first = lines[at]!;
  // A message may have several lines: each fault of a configuration has its own.
  const after = lines.slice(at + 1);
  const end = after.findIndex((each) => /^\s*what to do: |HL_/.test(each));
  const remedy = /^\s*what to do: (.*)$/.exec(after[end] ?? '')?.[1] ?? null;
  const message = [
    first.slice(first.indexOf(`${code}: `) + code.length + 2),
    ...(end === -1 ? [] : after.slice(0, end)),
  ].join('\n');
  return { code, message, remedy };
}
