import { HeadlandError } from '../../../base/errors.js';
import { PostgresSql } from './sql/postgres-sql.js';
import type { LeaderSeat, Sql, SqlDatabase } from './sql/sql.js';
import { SqliteSql } from './sql/sqlite-sql.js';
import { AuditRows } from './tables/audit-rows.js';
import { ContributionRows } from './tables/contribution-rows.js';
import { HeadRows } from './tables/head-rows.js';
import { MergedRows } from './tables/merged-rows.js';
import { NameRows } from './tables/name-rows.js';
import { ObjectRows } from './tables/object-rows.js';
import { PeopleRows } from './tables/people-rows.js';
import { PolicyRows } from './tables/policy-rows.js';
import { RobotRows } from './tables/robot-rows.js';
import { RobotTaskRows } from './tables/robot-task-rows.js';
import { RolloutRows } from './tables/rollout-rows.js';
import { RoundRows } from './tables/round-rows.js';
import { ScopeRows } from './tables/scope-rows.js';
import { UploadRows } from './tables/upload-rows.js';

/** The tables of the hub within one transaction. */
export class HubTables {
  readonly robots: RobotRows;
  readonly robotTasks: RobotTaskRows;
  readonly scopes: ScopeRows;
  readonly uploads: UploadRows;
  readonly contributions: ContributionRows;
  readonly merged: MergedRows;
  readonly objects: ObjectRows;
  readonly rounds: RoundRows;
  readonly heads: HeadRows;
  readonly rollouts: RolloutRows;
  readonly policies: PolicyRows;
  readonly names: NameRows;
  readonly audit: AuditRows;
  readonly people: PeopleRows;

  constructor(readonly sql: Sql) {
    this.robots = new RobotRows(sql);
    this.robotTasks = new RobotTaskRows(sql);
    this.scopes = new ScopeRows(sql);
    this.uploads = new UploadRows(sql);
    this.contributions = new ContributionRows(sql);
    this.merged = new MergedRows(sql);
    this.objects = new ObjectRows(sql);
    this.rounds = new RoundRows(sql);
    this.heads = new HeadRows(sql);
    this.rollouts = new RolloutRows(sql);
    this.policies = new PolicyRows(sql);
    this.names = new NameRows(sql);
    this.audit = new AuditRows(sql);
    this.people = new PeopleRows(sql);
  }
}

/** Where the store is. */
export type StorePlace =
  | { sqlite: string }
  | {
      /** postgres://… */
      postgres: string;
      password: string | null;
    };

/** Everything that hubs of one fleet know: they keep nothing of their own. */
export class HubStore {
  constructor(private readonly database: SqlDatabase) {}

  /** @throws HeadlandError HL_STORE_…, HL_FLEET_STORE_UNAVAILABLE */
  static async open(place: StorePlace): Promise<HubStore> {
    const database =
      'sqlite' in place
        ? new SqliteSql(place.sqlite)
        : await PostgresSql.open(place.postgres, place.password);
    return new HubStore(database);
  }

  get dialect(): Sql['dialect'] {
    return this.database.dialect;
  }

  /**
   * Commits what `work` writes, or nothing when it throws. `work` may run twice.
   * @throws HeadlandError HL_FLEET_STORE_UNAVAILABLE, HL_STORE_…
   */
  transaction<T>(work: (tables: HubTables) => Promise<T>): Promise<T> {
    return this.database.transaction((sql) => work(new HubTables(sql)));
  }

  /**
   * A transaction of the leader.
   * @param term that it got with the seat
   * @throws HeadlandError HL_FLEET_NOT_LEADER: another hub leads meanwhile, and nothing is written
   */
  lead<T>(term: number, work: (tables: HubTables) => Promise<T>): Promise<T> {
    return this.transaction(async (tables) => {
      const row = await tables.sql.first<{ term: number }>(
        `SELECT term FROM leader${tables.sql.forShare}`,
      );
      if (row?.term !== term) throw notLeader(term);
      return work(tables);
    });
  }

  /** Name of the replica that leads, or led last; null: none yet. */
  leader(): Promise<string | null> {
    return this.transaction(async ({ sql }) => {
      const row = await sql.first<{ holder: string }>('SELECT holder FROM leader');
      return row?.holder ?? null;
    });
  }

  seat(): LeaderSeat {
    return this.database.seat();
  }

  close(): Promise<void> {
    return this.database.close();
  }
}

function notLeader(term: number): HeadlandError {
  return new HeadlandError('HL_FLEET_NOT_LEADER', 'another hub leads now', {
    remedy: 'Nothing: the other hub goes on with the work.',
    details: { term },
  });
}
