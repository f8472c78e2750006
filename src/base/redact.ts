/**
 * Removes secrets from all output. All text that leaves headland (log, MQTT, web page, command
 * line, reports, output of child processes) passes through here, so that no other code has to
 * handle secrets in addresses, headers and arguments of commands.
 */
import { looksLikeToken } from './words/token-shape.js';

const HIDDEN = '[redacted]';
/** A URL in running text: up to white space, a quote or an angle bracket. */
const ADDRESS = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"<>]+/gi;
/**
 * A login with white space, quotes or angle brackets in it. What stands after its colon is no port, and
 * no other address stands before its "@".
 */
const LOOSE_LOGIN =
  /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"<>/:@]*:(?!\d{1,5}(?![^\s"<>/?#.,;:)\]]))(?:(?!:\/\/)[^@\r\n])*@/gi;
/**
 * Names of secrets in paths and queries of cameras and services; also as a suffix
 * (`user_password=`).
 */
const SECRET_NAME =
  /(user|usr|name|login|loginuse|loginpas|pass|passwd|password|passphrase|pwd|psw|pw|token|key|secret|auth|code|sig|signature|session|sid|credential)s?$/i;
/** `name=value` in a path: some cameras take user and password there. */
const ASSIGNMENT = /([a-z][a-z0-9_.-]*)=([^/&;?#]*)/gi;
/** A part of a path, without the punctuation of a sentence behind it. */
const PATH_PART = /\/([^/]*[^/.,:;!)\]}'])/g;
/** Values up to a quote or the end of the line; the scheme of an authorisation is no secret. */
const HEADER =
  /(\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:[a-z]+\s+)?|\b(?:set-)?cookie["']?\s*[:=]\s*["']?|\b(?:x-[a-z-]*(?:key|token|secret|auth)|(?:api|access|auth)-(?:key|token))["']?\s*[:=]\s*["']?)(?=[^\s"'])[^"'\r\n]+/gi;
const BEARER = /(\bbearer\s+)(?=\S*\d)[A-Za-z0-9._~+/=-]{6,}/gi;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g;
/** Ends of the names of settings, options, variables and fields that hold secrets. */
const SECRET_END =
  'passwor[dt]|passwd|passphrase|pwd|secret|token|(?:api|access|private|secret)[_-]?key|authorization';
/** `--token=x` and `DB_PASSWORD="x"`. With a colon it is prose, such as "mqtt.password: is missing". */
const SECRET_ASSIGNMENT = new RegExp(
  `((?:^|[^\\w.-])-{0,2}[a-z0-9_.-]*(?:${SECRET_END})=)("[^"\\r\\n]+"|'[^'\\r\\n]+'|(?!null\\b|\\[redacted\\])[^\\s"'{}\\[\\],;&]+)`,
  'gi',
);
const SECRET_FIELD = new RegExp(
  `^(?:.*[_.-])?(?:${SECRET_END}|cookie|x-[a-z-]*(?:key|token|secret|auth)|[a-z]+(?:Password|Token|Secret))$`,
);
const SECRET_FIELD_ANY_CASE = new RegExp(`^(?:.*[_.-])?(?:${SECRET_END}|set-cookie|cookie)$`, 'i');
/** The next argument of a command is a secret. */
const SECRET_OPTION = new RegExp(`^--?(?:[a-z0-9-]*-)?(?:${SECRET_END})$`, 'i');
/** Cheap test for a text that needs a closer look. */
const SUSPECT = new RegExp(`://|bearer|cookie|private key|\\bx-|-key|-token|${SECRET_END}`, 'i');

/**
 * Redacts a URL: user and password, all values in the query and fragment, values in the path whose
 * name is that of a secret, and parts of the path that look like a token ({@link looksLikeToken}).
 */
export function redactAddress(address: string): string {
  const found = /^\s*([a-z][a-z0-9+.-]*:\/\/)(.*)$/is.exec(address);
  if (!found) return address;
  const [, scheme = '', rest = ''] = found;
  // A password may hold unescaped "/", "?", ":" and "@", which makes it look like a host with a
  // path: everything before the last "@" is hidden.
  const at = rest.lastIndexOf('@');
  const login = at < 0 ? '' : `${HIDDEN}@`;
  const [, path = '', query = ''] = /^([^?#]*)(.*)$/s.exec(rest.slice(at + 1)) ?? [];
  return scheme + login + redactPath(path) + redactQuery(query);
}

/** @param path with the host before it */
function redactPath(path: string): string {
  return path
    .replace(ASSIGNMENT, (whole, name: string) =>
      SECRET_NAME.test(name) ? `${name}=${HIDDEN}` : whole,
    )
    .replace(PATH_PART, (whole, part: string) => (looksLikeToken(part) ? `/${HIDDEN}` : whole));
}

/** Keeps the names of parameters; any value may be a secret. */
function redactQuery(query: string): string {
  return query.replace(/([?&;#])([^=&;#]*)(=?)([^&;#]*)/g, (_, separator, name, equals, value) => {
    if (equals === '') return separator + (isPlainWord(name) ? name : HIDDEN);
    return `${separator}${name}=${value === '' ? '' : HIDDEN}`;
  });
}

/** `?real_stream`, `?tcp`: a flag rather than a token. */
function isPlainWord(text: string): boolean {
  return text === '' || /^[a-z_-]{1,24}$/i.test(text);
}

/**
 * Redacts every URL, headers with secrets (`Authorization`, `Cookie`, `X-Api-Key`), private keys, and
 * assignments to the name of a secret (`--token=x`) in a text.
 */
export function redactText(text: string): string {
  if (!mayHoldSecret(text)) return text;
  const addresses = text.includes('://')
    ? text.replace(LOOSE_LOGIN, `$1${HIDDEN}@`).replace(ADDRESS, redactAddress)
    : text;
  return addresses
    .replace(PRIVATE_KEY, HIDDEN)
    .replace(HEADER, `$1${HIDDEN}`)
    .replace(BEARER, `$1${HIDDEN}`)
    .replace(SECRET_ASSIGNMENT, `$1${HIDDEN}`);
}

/**
 * Redacts every string in a value, keys included, and whole strings under the name of a secret or after
 * an option that names one. Bytes and class instances stay unchanged.
 */
export function redactValue<T>(value: T): T {
  return redacted(value) as T;
}

function redacted(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) {
    return value.map((inner, index) =>
      isText(inner) && isText(value[index - 1]) && SECRET_OPTION.test(String(value[index - 1]))
        ? HIDDEN
        : redacted(inner),
    );
  }
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      redactText(key),
      isText(inner) && namesSecret(key) ? HIDDEN : redacted(inner),
    ]),
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function namesSecret(key: string): boolean {
  return SECRET_FIELD.test(key) || SECRET_FIELD_ANY_CASE.test(key);
}

/** Redacted JSON of a value. Nearly all values hold no secret and are serialised only once. */
export function redactedJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent);
  return mayHoldSecret(text) ? JSON.stringify(redacted(JSON.parse(text)), null, indent) : text;
}

/** Redacts one line of JSON; a line that is not JSON is redacted as text. */
export function redactJsonLine(line: string): string {
  if (!mayHoldSecret(line)) return line;
  try {
    return `${JSON.stringify(redacted(JSON.parse(line)))}${line.endsWith('\n') ? '\n' : ''}`;
  } catch {
    return redactText(line);
  }
}

function mayHoldSecret(text: string): boolean {
  return SUSPECT.test(text);
}
