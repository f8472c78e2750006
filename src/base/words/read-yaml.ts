import { type Document, isNode, isScalar, Lexer, LineCounter, parseDocument, visit } from 'yaml';
import { messageOf } from '../errors.js';

/** No file that headland reads is nested as deep; the parser is recursive and slow far below. */
const MAX_DEPTH = 32;
const MAX_ALIASES = 100;

/** A parsed text. */
export interface ReadYaml {
  /** Null: see `fault`. */
  document: Document.Parsed | null;
  /** The plain values; `{}` for an empty text, undefined if there is a fault. */
  value: unknown;
  lines: LineCounter;
  /** What is wrong, with line and column if they are known; null: nothing is. */
  fault: string | null;
  /** Aliases (`*name`) would make the text very much larger. */
  isBomb: boolean;
}

/**
 * Parses YAML 1.2. The time is proportional to the length of the text, whatever it holds: what is nested
 * deeper than 32 levels, has a name twice in one map, or a map as a name, is a fault.
 */
export function readYaml(text: string): ReadYaml {
  const lines = new LineCounter();
  const refused = (fault: string, isBomb = false): ReadYaml => ({
    document: null,
    value: undefined,
    lines,
    fault,
    isBomb,
  });
  const deep = tooDeepAt(text);
  if (deep !== null) {
    return refused(`it is nested deeper than ${MAX_DEPTH} levels${whereIn(text, deep)}`);
  }
  const document = parsed(text, lines);
  if (document === null) return refused('it is nested too deeply');
  const [error] = document.errors;
  if (error) return refused(error.message + whereIn(text, error.pos[0]));
  const { fault, aliases } = survey(document);
  if (fault !== null) return refused(fault.text + whereIn(text, fault.at));
  if (aliases > MAX_ALIASES) return refused(`it uses more than ${MAX_ALIASES} aliases`, true);
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {};
    return { document, value, lines, fault: null, isBomb: false };
  } catch (cause) {
    return refused(messageOf(cause), true);
  }
}

/** Null: the stack of calls was full. */
function parsed(text: string, lineCounter: LineCounter): Document.Parsed | null {
  const { stackTraceLimit } = Error;
  // The parser goes on after an error. A trace for each of thousands takes most of the time.
  Error.stackTraceLimit = 0;
  try {
    // It compares each name with all others of its map, and finds the line of every error.
    return parseDocument(text, {
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter,
      logLevel: 'silent',
    });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Offset of the first token that is too deep; null: none is. */
function tooDeepAt(text: string): number | null {
  let offset = 0;
  let brackets = 0;
  let marks = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') brackets++;
    else if (token === ']' || token === '}') brackets--;
    // Each mark of a line opens a level; deeper ones of a map need a line and a space each.
    else if (token === '-' || token === '?' || (token === ':' && brackets === 0)) marks++;
    else if (token.includes('\n')) marks = 0;
    if (brackets + marks > MAX_DEPTH) return offset;
    if (!isControl(token)) offset += token.length;
  }
  return null;
}

/** Tokens that stand for no character of the text: start of a document, scalar, or error. */
function isControl(token: string): boolean {
  return token === '\u{2}' || token === '\u{18}' || token === '\u{1f}';
}

interface Survey {
  aliases: number;
  /** The first one. */
  fault: { text: string; at: number } | null;
}

function survey(document: Document.Parsed): Survey {
  const found: Survey = { aliases: 0, fault: null };
  visit(document, {
    Alias: () => void found.aliases++,
    Map(_, { items }) {
      const names = new Set<unknown>();
      for (const { key } of items) {
        const at = isNode(key) ? (key.range?.[0] ?? 0) : 0;
        if (!isScalar(key)) {
          const text = 'A name must be a plain word or text, not a map, list or alias';
          found.fault = { text, at };
          return visit.BREAK;
        }
        if (names.has(key.value)) {
          found.fault = { text: 'Map keys must be unique', at };
          return visit.BREAK;
        }
        names.add(key.value);
      }
      return undefined;
    },
  });
  return found;
}

/** " at line 2, column 3:", and the line with a mark below it. */
function whereIn(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const next = text.indexOf('\n', offset);
  const line = text.slice(start, next === -1 ? text.length : next);
  const column = offset - start;
  const from = Math.max(0, Math.min(column - 40, line.length - 79));
  const shown = line.slice(from, from + 79).replace(/[^\P{C}\t]/gu, '?');
  const number = text.slice(0, start).split('\n').length;
  return ` at line ${number}, column ${column + 1}:\n\n${shown}\n${' '.repeat(column - from)}^\n`;
}
