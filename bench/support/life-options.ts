import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ALTERATIONS, type Kind } from './life-alter.js';
import type { Part } from './life-data.js';
import { SCENARIOS, type Scenario } from './life-plan.js';
import { sharedFolder } from './places.js';

export interface LifeOptions {
  data: { name: string; folder: string }[];
  part: Part;
  orders: number;
  sizes: number[];
  scenarios: Scenario[];
  kinds: Kind[];
  fresh: boolean;
  /** One life through the command line and its twin in this process. */
  process: boolean;
}

const DEFAULT_SETS = ['grocery', 'roads', 'fruit-copies'];

/** @throws Error that names the option */
export function parseLifeOptions(options: string[]): LifeOptions {
  const { values } = parseArgs({
    args: options,
    options: {
      data: { type: 'string', multiple: true },
      part: { type: 'string', default: 'test' },
      orders: { type: 'string' },
      sizes: { type: 'string' },
      scenario: { type: 'string', multiple: true },
      alter: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      process: { type: 'boolean', default: false },
    },
  });
  const { part, quick } = values;
  if (part !== 'train' && part !== 'test') throw new Error('--part is train or test');
  const scenarios = (values.scenario ?? ['clean']).flatMap((text) => text.split(','));
  return {
    data: (values.data ?? defaultSets()).map(namedFolder),
    part,
    orders: whole(values.orders ?? (quick ? '1' : '5')),
    sizes: (values.sizes ?? (quick ? '5,20' : '3,5,10,20,50')).split(',').map(whole),
    scenarios: scenarios.flatMap(scenarioOf),
    kinds: ['original', ...(values.alter ? ALTERATIONS : [])],
    fresh: values.fresh,
    process: values.process,
  };
}

function defaultSets(): string[] {
  const shared = sharedFolder();
  return DEFAULT_SETS.flatMap((name) => {
    const folder = shared && join(shared, 'data', name);
    return folder && existsSync(folder) ? [`${name}=${folder}`] : [];
  });
}

function namedFolder(text: string): { name: string; folder: string } {
  const at = text.indexOf('=');
  const folder = text.slice(at + 1);
  return { name: at < 0 ? basename(folder) : text.slice(0, at), folder };
}

function scenarioOf(text: string): Scenario[] {
  if (text === 'all') return [...SCENARIOS];
  const known = SCENARIOS.filter((scenario) => scenario === text);
  if (known.length === 0) throw new Error(`--scenario is all, or of: ${SCENARIOS.join(', ')}`);
  return known;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`not a whole number above 0: ${text}`);
  return value;
}
