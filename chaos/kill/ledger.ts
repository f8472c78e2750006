import { readdirSync } from 'node:fs';
import { openState, type State } from '../../src/agent/open-state.js';
import { textOf } from '../../src/agent/settings/settings-trial.js';
import { pageChangesPath } from '../../src/config/settings/page-changes.js';
import { findDamage } from '../../src/storage/database.js';
import { crashPicture } from '../../test/samples/crash-picture.js';
import { configOf, openOutbox, registryIn, stateDirOf } from '../power/facts.js';

export type ActionKind = 'sample' | 'label' | 'message' | 'audit' | 'counter' | 'head' | 'settings';

/** Of one kind, by their numbers. */
interface Actions {
  begun: Set<number>;
  /** With what the program said of it. */
  done: Map<number, string>;
}

const NONE = 'none';

/** What killed programs have begun and acknowledged, and whether their state still holds it. */
export class Ledger {
  #acknowledged = 0;
  readonly #actions = new Map<string, Actions>();
  /** Versions of heads by the number of their action. */
  readonly #versions = new Map<number, number>();
  /** The highest version that there was. */
  #newest = 0;

  constructor(private readonly root: string) {}

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get next(): number {
    const begun = [...this.#actions.values()].flatMap((actions) => [...actions.begun]);
    return begun.reduce((highest, number) => Math.max(highest, number), -1) + 1;
  }

  /** Takes what a program said. */
  take(line: string): void {
    const [verb = '', kind = '', number = '', known = ''] = line.split(' ');
    if (verb === 'begin') this.#of(kind).begun.add(Number(number));
    else if (verb === 'done') {
      this.#of(kind).done.set(Number(number), known);
      this.#acknowledged += 1;
    } else if (verb === 'version') this.#versions.set(Number(kind), Number(number));
  }

  /** Starts from the state, as the daemon does. @returns what was promised and does not hold */
  async check(): Promise<string[]> {
    const state = openState(configOf(this.root));
    try {
      openOutbox(state);
      const damage = findDamage(state.database);
      const found = [
        ...damage.map((line) => `the database is damaged: ${line}`),
        ...this.#checkSamples(state),
        ...this.#checkSet('message', messagesIn(state)),
        ...this.#checkSet('audit', auditIn(state)),
        ...this.#checkLast('counter', state.meta.get('counter')),
        ...this.#checkLast('settings', settingsIn(this.root)),
      ];
      return [...found, ...(await this.#checkHeads())];
    } finally {
      state.close();
    }
  }

  #of(kind: string): Actions {
    const known = this.#actions.get(kind) ?? { begun: new Set(), done: new Map() };
    this.#actions.set(kind, known);
    return known;
  }

  #checkSamples({ tasks: [{ samples }] }: State): string[] {
    const found: string[] = [];
    const { begun, done } = this.#of('sample');
    const labelled = this.#of('label');
    for (const [number, id] of done) {
      const sample = samples.get(id);
      const wish = `weed ${number}`;
      if (!sample) found.push(`sample ${number} is lost`);
      else if (labelled.done.has(number) && sample.label !== wish)
        found.push(`label ${number} is lost: "${sample.label}"`);
      else if (sample.label !== wish && sample.label !== 'new')
        found.push(`label ${number} was never given: "${sample.label}"`);
      if (sample && !crashPicture(number).equals(samples.picture(id) ?? Buffer.alloc(0)))
        found.push(`picture ${number} is not the one that was admitted`);
    }
    const ids = new Set(done.values());
    const others = samples.list({ limit: 100_000 }).filter(({ id }) => !ids.has(id));
    for (const { id, group } of others) {
      const number = Number(group.slice(1));
      if (!begun.has(number) || done.has(number)) found.push(`sample ${id} is invented`);
      // It was admitted, but the program could not say so.
      else done.set(number, id);
    }
    return found;
  }

  /** Each that was acknowledged is there once, and no other than one that was begun. */
  #checkSet(kind: ActionKind, present: readonly number[]): string[] {
    const { begun, done } = this.#of(kind);
    const there = new Set(present);
    const found = [...done.keys()]
      .filter((number) => !there.has(number))
      .map((number) => `${kind} ${number} is lost`);
    if (there.size < present.length) found.push(`a ${kind} is there twice`);
    for (const number of there) {
      if (!begun.has(number)) found.push(`${kind} ${number} is invented`);
      else done.set(number, NONE);
    }
    return found;
  }

  /** A value that each action replaces. */
  #checkLast(kind: ActionKind, present: string | null): string[] {
    const { begun, done } = this.#of(kind);
    const last = Math.max(-1, ...done.keys());
    const possible = [...begun].filter((number) => number >= last).map(String);
    if (present === null ? last === -1 : possible.includes(present)) {
      if (present !== null) done.set(Number(present), NONE);
      return [];
    }
    return [`${kind} is ${present}, not ${last}`];
  }

  async #checkHeads(): Promise<string[]> {
    const registry = registryIn(this.root);
    const pointed = await registry.current();
    await registry.recover();
    const serving = await registry.openServing();
    const found: string[] = [];
    if ((serving?.card.version ?? null) !== pointed) found.push(`head ${pointed} cannot serve`);
    const { begun, done } = this.#of('head');
    const last = Math.max(-1, ...done.keys());
    const possible = [...begun].filter((number) => number >= last);
    const number = possible.find((each) => this.#versions.get(each) === pointed);
    if (number !== undefined) done.set(number, String(pointed));
    else if (pointed !== null || last !== -1)
      found.push(`head ${pointed} serves, not ${this.#versions.get(last)}`);
    for (const { version, card } of await registry.list()) {
      if (card === null) found.push(`head ${version} is damaged`);
    }
    const newest = (await registry.newest()) ?? 0;
    if (newest < this.#newest) found.push(`head ${this.#newest} is lost, and its number is free`);
    this.#newest = newest;
    for (const entry of readdirSync(registry.dir)) {
      if (/^\.|corrupt/.test(entry)) found.push(`${entry} is left in the folder of the heads`);
    }
    const served = (await registry.history()).switches.map(({ version }) => version);
    for (const each of done.values()) {
      if (!served.includes(Number(each))) found.push(`head ${each} is not in the history`);
    }
    return found;
  }
}

function messagesIn({ database }: State): number[] {
  return database
    .prepare<{ payload: Uint8Array }>('SELECT payload FROM telemetry_outbox')
    .all()
    .map(({ payload }) => Number(/^message (\d+)$/.exec(Buffer.from(payload).toString())?.[1]));
}

function auditIn({ audit }: State): number[] {
  return audit.list({ kind: 'command', limit: 100_000 }).map(({ detail }) => Number(detail.number));
}

function settingsIn(root: string): string | null {
  const text = textOf(pageChangesPath(stateDirOf(root)));
  return text === null ? null : (/^\{"number":(\d+)\}$/.exec(text)?.[1] ?? `damaged: ${text}`);
}
