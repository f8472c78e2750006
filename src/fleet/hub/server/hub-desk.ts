import type { Alarm } from '../../../base/alarms.js';
import { HeadlandError } from '../../../base/errors.js';
import type { HubCommandPath, HubMe, HubOverview, Person } from '../../contract/hub-api.js';
import type { HubConfig } from '../settings/hub-schema.js';
import type { HubStore, HubTables } from '../store/hub-store.js';
import { doHubCommand } from './hub-commands.js';
import { invalidRequest } from './hub-http.js';
import { robotDetail, robotList } from './robot-views.js';
import { taskDetail, taskSummary } from './task-views.js';

const MAX_AUDIT = 1_000;

export interface HubDeskOptions {
  config: HubConfig;
  store: HubStore;
  replica: string;
  version: string;
  /** Of the hub that answers. */
  present(): { connected: boolean; problem: HeadlandError | null; alarms: readonly Alarm[] };
}

/** Answers what the API asks, for the server and for commands that work on the store. */
export class HubDesk {
  readonly #options: HubDeskOptions;

  constructor(options: HubDeskOptions) {
    this.#options = options;
  }

  /** Does a command. @param body as it came @throws HeadlandError as {@link doHubCommand} */
  command(path: HubCommandPath, { name }: Pick<Person, 'name'>, body: unknown): Promise<object> {
    const { store, config } = this.#options;
    const stages = config.rollout.stages.length;
    return store.transaction((tables) =>
      doHubCommand(path, { tables, by: name, nowMs: Date.now(), stages }, body),
    );
  }

  /** What `GET` of a path answers. @throws HeadlandError HL_FLEET_NOT_FOUND, HL_FLEET_REQUEST_INVALID */
  async read(url: URL, person: Person): Promise<unknown> {
    const { config, store, version } = this.#options;
    const [, api, what, one, two] = url.pathname.split('/').map(decoded);
    if (api !== 'api') throw notFound(url.pathname);
    const nowMs = Date.now();
    if (what === 'me') {
      const me: HubMe = { name: person.name, role: person.role, fleet: config.fleet, version };
      return me;
    }
    if (what === 'overview') return this.overview(nowMs);
    const found = await store.transaction(async (tables) => {
      if (what === 'robots' && one === undefined) return robotList(tables, config, nowMs);
      if (what === 'robots' && one !== undefined) return robotDetail(tables, config, one, nowMs);
      if (what === 'people') return { people: await tables.people.list() };
      if (what === 'audit') return { entries: await auditOf(tables, url.searchParams) };
      if (what !== 'tasks' || one === undefined || two === undefined) return null;
      const scope = await tables.scopes.find(one, two);
      return scope === null ? null : taskDetail(tables, config, scope, nowMs);
    });
    if (found === null) throw notFound(url.pathname);
    return found;
  }

  async overview(nowMs: number): Promise<HubOverview> {
    const { config, store, version, replica, present } = this.#options;
    const { connected, problem, alarms } = present();
    const leader = await store.leader();
    return store.transaction(async (tables) => {
      const robots = await tables.robots.counts(nowMs - config.onlineMs);
      const tasks = [];
      for (const scope of await tables.scopes.list()) {
        tasks.push(await taskSummary(tables, config, scope, nowMs));
      }
      return {
        fleet: config.fleet,
        version,
        replica,
        leader,
        store: store.dialect,
        broker: { connected, problem: problem?.message ?? null },
        alarms: alarms.map(({ name, error, since }) => {
          const { code, message, remedy } = error;
          return { name, code, message, remedy, sinceMs: since.ms };
        }),
        robots,
        tasks,
      };
    });
  }
}

async function auditOf(tables: HubTables, query: URLSearchParams) {
  const whole = (name: string): number | null => {
    const text = query.get(name);
    if (text === null) return null;
    if (!/^\d{1,15}$/.test(text)) throw invalidRequest(`${name} is no whole number`);
    return Number(text);
  };
  const limit = Math.min(MAX_AUDIT, whole('limit') ?? 100);
  return tables.audit.list(limit, query.get('robot'), whole('before'));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalidRequest('the path is not UTF-8');
  }
}

export function notFound(path: string): HeadlandError {
  return new HeadlandError('HL_FLEET_NOT_FOUND', `there is nothing at ${path}`, {
    remedy: 'See the paths in docs/reference/fleet-hub.md.',
  });
}
