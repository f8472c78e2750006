/**
 * Removes secrets from all output. All text that leaves headland (log, MQTT, web page, command
 * line, reports, output of child processes) passes through here, so that no other code has to
 * handle secrets in addresses.
 */

const HIDDEN = '[redacted]';
/** A URL in running text: up to white space, a quote or an angle bracket. */
const ADDRESS = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"<>]+/gi;
/**
 * Names of secrets in paths and queries of cameras and services; also as a suffix
 * (`user_password=`).
 */
const SECRET_NAME =
  /(user|usr|name|login|loginuse|loginpas|pass|passwd|password|passphrase|pwd|psw|pw|token|key|secret|auth|code|sig|signature|session|sid|credential)s?$/i;
/** `name=value` in a path: some cameras take user and password there. */
const ASSIGNMENT = /([a-z][a-z0-9_.-]*)=([^/&;?#]*)/gi;
const AUTHORIZATION = /(authorization["']?\s*[:=]\s*["']?[a-z]+\s+)[^"'\r\n]+/gi;

/**
 * Redacts a URL: user and password, all values in the query and fragment, and values in the path
 * whose name is that of a secret.
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

function redactPath(path: string): string {
  return path.replace(ASSIGNMENT, (whole, name: string) =>
    SECRET_NAME.test(name) ? `${name}=${HIDDEN}` : whole,
  );
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

/** Redacts every URL and every `Authorization` header in a text. */
export function redactText(text: string): string {
  const addresses = text.includes('://') ? text.replace(ADDRESS, redactAddress) : text;
  return addresses.replace(AUTHORIZATION, `$1${HIDDEN}`);
}

/** Redacts every string in a value, keys included. Bytes and class instances stay unchanged. */
export function redactValue<T>(value: T): T {
  return redacted(value) as T;
}

function redacted(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [redactText(key), redacted(inner)]),
  );
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
  return text.includes('://') || /authorization/i.test(text);
}
