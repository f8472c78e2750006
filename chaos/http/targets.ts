import { CONTRACT, type RouteKey } from '../../src/console/contract/contract.js';
import { isBytes, type RouteContract } from '../../src/console/contract/route-contract.js';
import { loadAssets } from '../../src/console/server/assets.js';

/** A route, with a path that matches it. */
export interface Target {
  method: string;
  path: string;
  /** The path with this in the place of its last part: of a variable one, if it has one. */
  pathWith(part: string): string;
  isOpen: boolean;
  /** What its body is; null: it takes none. */
  body: 'json' | 'bytes' | null;
  /** Methods of all routes with this path. */
  methods: readonly string[];
}

/** Every route of the console: those of the contract, and the files of the page. */
export function targets(): Target[] {
  const keys = Object.keys(CONTRACT) as RouteKey[];
  const api = keys.map((key): Target => {
    const contract: RouteContract = CONTRACT[key];
    const [method = '', pattern = ''] = key.split(' ');
    const isVariable = pattern.includes('{');
    const bodyKind = contract.body !== undefined && isBytes(contract.body) ? 'bytes' : 'json';
    return {
      method,
      path: pattern.replaceAll(/\{\w+\}/g, '1'),
      pathWith: (part) =>
        isVariable ? pattern.replaceAll(/\{\w+\}/g, part) : pattern.replace(/[^/]+$/, part),
      isOpen: contract.open === true,
      body: method === 'POST' ? bodyKind : null,
      methods: methodsOf(keys, pattern.replaceAll(/\{\w+\}/g, '1')),
    };
  });
  const page = [...loadAssets().keys()].map((path): Target => {
    const folder = path.replace(/[^/]+$/, '');
    return {
      method: 'GET',
      path,
      pathWith: (part) => folder + part,
      isOpen: true,
      body: null,
      methods: ['GET'],
    };
  });
  return [...page, ...api];
}

/** Of all routes that a path belongs to: `/api/pictures/set` is also the picture of a sample named so. */
function methodsOf(keys: readonly RouteKey[], path: string): string[] {
  return keys.flatMap((key) => {
    const [method = '', pattern = ''] = key.split(' ');
    const whole = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    return whole.test(path) ? [method] : [];
  });
}
