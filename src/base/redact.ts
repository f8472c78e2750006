/**
 * The one place that keeps secrets out of what headland says. Everything that leaves it as text (log,
 * MQTT, web page, command line, reports, what child processes said) passes through here, so that a
 * secret which stands in an address needs no care anywhere else.
 */

const HIDDEN = '[redacted]';
/** An address in running text: up to white space or what usually encloses it. */
const ADDRESS = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"<>]+/gi;
/** What cameras and services call a secret in a path or query; also inside one (`user_password=`). */
const SECRET_NAME =
  /(user|usr|name|login|loginuse|loginpas|pass|passwd|password|passphrase|pwd|psw|pw|token|key|secret|auth|code|sig|signature|session|sid|credential)s?$/i;
/** `name=value` in a path: some cameras take user and password there. */
const ASSIGNMENT = /([a-z][a-z0-9_.-]*)=([^/&;?#]*)/gi;
const AUTHORIZATION = /(authorization["']?\s*[:=]\s*["']?[a-z]+\s+)[^"'\r\n]+/gi;

/**
 * An address without what may be secret in it: user and password, the values of its query and
 * fragment, and values in its path that are named as secrets.
 */
export function redactAddress(address: string): string {
  const found = /^\s*([a-z][a-z0-9+.-]*:\/\/)(.*)$/is.exec(address);
  if (!found) return address;
  const [, scheme = '', rest = ''] = found;
  // A password may hold "/", "?", ":" and "@" although they should be escaped, so that it cannot be
  // told from a host with a path: what stands before the last "@" is hidden in any case.
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

/** Names say what the address is for, values may be anything. */
function redactQuery(query: string): string {
  return query.replace(/([?&;#])([^=&;#]*)(=?)([^&;#]*)/g, (_, separator, name, equals, value) => {
    if (equals === '') return separator + (isPlainWord(name) ? name : HIDDEN);
    return `${separator}${name}=${value === '' ? '' : HIDDEN}`;
  });
}

/** `?real_stream`, `?tcp`: a switch, no token. */
function isPlainWord(text: string): boolean {
  return text === '' || /^[a-z_-]{1,24}$/i.test(text);
}

/** Text with every address and every `Authorization` header in it redacted. */
export function redactText(text: string): string {
  const addresses = text.includes('://') ? text.replace(ADDRESS, redactAddress) : text;
  return addresses.replace(AUTHORIZATION, `$1${HIDDEN}`);
}

/** The same value with every text in it redacted, keys too; bytes and what is no plain data stay. */
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

/** JSON of a value, redacted; values without anything to hide, which is nearly all, are written once. */
export function redactedJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent);
  return mayHoldSecret(text) ? JSON.stringify(redacted(JSON.parse(text)), null, indent) : text;
}

/** One line of JSON, redacted; what is no JSON is redacted as text. */
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
