import type { Asked } from './requests.js';
import type { Target } from './targets.js';

/** What an attacker has: nothing of it admits anybody. */
export interface Loot {
  host: string;
  /** A session that may do everything: to show that an attack is refused for what it is. */
  cookie: string;
  expiredCookie: string;
}

export interface Attack {
  name: string;
  /** Null: the attack does not fit the route. */
  on(target: Target, loot: Loot): Asked | null;
  /** Statuses that refuse it rightly. */
  statuses: readonly number[];
  /** The robot may end the connection while the rest still comes. */
  mayHangUp?: boolean;
}

const WRITE = { 'content-type': 'application/json', 'x-headland': '1' };
const METHODS = ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'HEAD', 'POST', 'GET', 'PROPFIND'];
const TOO_LARGE_BYTES = 8 * 2 ** 30;
const DEPTH = 20_000;

/** A request that is right but for the attack. */
function right(
  { method, path, body }: Target,
  loot: Loot,
): Asked & { headers: Record<string, string> } {
  return {
    method,
    path,
    headers: { host: loot.host, cookie: loot.cookie, ...(method === 'GET' ? {} : WRITE) },
    ...(body === null ? {} : { body: '{}' }),
  };
}

function withHeaders(target: Target, loot: Loot, headers: Record<string, string>): Asked {
  const asked = right(target, loot);
  return { ...asked, headers: { ...asked.headers, ...headers } };
}

function withoutCookie(target: Target, loot: Loot, headers: Record<string, string>): Asked | null {
  if (target.isOpen) return null;
  const asked = right(target, loot);
  const { cookie: _, ...rest } = asked.headers;
  return { ...asked, headers: { ...rest, ...headers } };
}

function withBody(target: Target, loot: Loot, body: string): Asked | null {
  return target.body === 'json' ? { ...right(target, loot), body } : null;
}

/** 404: the robot has no such route. */
const REFUSED_BODY = [400, 404];

const TRAVERSALS: readonly (readonly [string, string])[] = [
  ['plain', '../../../../../../etc/passwd'],
  ['encoded', '..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd'],
  ['encoded twice', '..%252f..%252f..%252f..%252fetc%252fpasswd'],
  ['backslash', '..%5c..%5c..%5cetc%5cpasswd'],
  ['to the token', '..%2f..%2fconsole-token'],
  ['NUL', '..%2f..%2fetc%2fpasswd%00.jpg'],
  ['overlong UTF-8', '%c0%ae%c0%ae%c0%afetc%c0%afpasswd'],
];

export const ATTACKS: readonly Attack[] = [
  {
    name: 'no token',
    on: (target, loot) => withoutCookie(target, loot, {}),
    statuses: [401],
  },
  {
    name: 'expired session',
    on: (target, loot) => withoutCookie(target, loot, { cookie: loot.expiredCookie }),
    statuses: [401],
  },
  {
    name: 'invented session',
    on: (target, loot) =>
      withoutCookie(target, loot, { cookie: loot.cookie.replace(/.{8}$/, 'AAAAAAAA') }),
    statuses: [401],
  },
  {
    name: 'foreign Host',
    on: (target, loot) => withHeaders(target, loot, { host: 'evil.example' }),
    statuses: [421],
  },
  {
    name: 'foreign Origin',
    on: (target, loot) => withHeaders(target, loot, { origin: 'http://evil.example' }),
    statuses: [403],
  },
  {
    name: 'foreign site',
    on: (target, loot) =>
      withHeaders(target, loot, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }),
    statuses: [403],
  },
  {
    name: 'no write header',
    on(target, loot) {
      if (target.method === 'GET') return null;
      const asked = right(target, loot);
      const { 'x-headland': _, ...rest } = asked.headers;
      return { ...asked, headers: rest };
    },
    statuses: [403],
  },
  ...METHODS.map(
    (method): Attack => ({
      name: `method ${method}`,
      on: (target, loot) =>
        target.methods.includes(method)
          ? null
          : {
              ...right(target, loot),
              method,
              headers: { ...right(target, loot).headers, ...WRITE },
            },
      statuses: [405],
    }),
  ),
  {
    name: 'oversize body, announced',
    on: (target, loot) =>
      target.body === 'json'
        ? withHeaders(target, loot, { 'content-length': String(TOO_LARGE_BYTES) })
        : null,
    statuses: [413],
  },
  {
    name: 'oversize body, in chunks',
    on: (target, loot) =>
      target.body === 'json'
        ? {
            ...withHeaders(target, loot, { 'transfer-encoding': 'chunked' }),
            body: `"${'x'.repeat(100_000)}"`,
          }
        : null,
    statuses: [413],
  },
  {
    name: 'huge body, in chunks',
    on: (target, loot) =>
      target.body === 'json'
        ? {
            ...withHeaders(target, loot, { 'transfer-encoding': 'chunked' }),
            body: `"${'x'.repeat(16 << 20)}"`,
          }
        : null,
    statuses: [413],
    mayHangUp: true,
  },
  {
    name: 'another media type',
    on: (target, loot) =>
      target.body === null ? null : withHeaders(target, loot, { 'content-type': 'text/plain' }),
    statuses: [415],
  },
  ...['', '{', '[]', 'null', '"{}"', '{"a":1}}', '\u0000'].map(
    (body): Attack => ({
      name: `bad JSON ${JSON.stringify(body)}`,
      on: (target, loot) => withBody(target, loot, body),
      statuses: REFUSED_BODY,
    }),
  ),
  {
    name: 'deep JSON',
    on: (target, loot) => withBody(target, loot, '['.repeat(DEPTH) + ']'.repeat(DEPTH)),
    statuses: REFUSED_BODY,
  },
  {
    name: 'deep JSON in a field',
    on: (target, loot) =>
      withBody(target, loot, `{"label":${'{"a":'.repeat(DEPTH / 4)}1${'}'.repeat(DEPTH / 4)}}`),
    statuses: REFUSED_BODY,
  },
  {
    name: '__proto__',
    on: (target, loot) =>
      withBody(
        target,
        loot,
        '{"__proto__":{"open":true},"constructor":{"prototype":{"open":true}}}',
      ),
    statuses: REFUSED_BODY,
  },
  ...TRAVERSALS.map(
    ([how, part]): Attack => ({
      name: `path traversal, ${how}`,
      on: (target, loot) => ({ ...right(target, loot), path: target.pathWith(part) }),
      statuses: [400, 404, 405, 415],
    }),
  ),
];

/** Last, because the robot then answers no token of this client for a while. */
export const WRONG_TOKEN: Attack = {
  name: 'wrong token',
  on: (target, loot) =>
    withoutCookie(target, loot, { authorization: 'Bearer wrong-wrong-wrong-wrong' }),
  statuses: [401, 429],
};
