import type { Sql } from './sql.js';

const TYPES = {
  sqlite: {
    '{int}': 'INTEGER',
    '{real}': 'REAL',
    '{blob}': 'BLOB',
    '{id}': 'INTEGER PRIMARY KEY AUTOINCREMENT',
  },
  postgresql: {
    '{int}': 'BIGINT',
    '{real}': 'DOUBLE PRECISION',
    '{blob}': 'BYTEA',
    '{id}': 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
  },
} as const;

/**
 * The tables of the hub, one step for each version. Never edit a released step; append a new one.
 *
 * `contributions`: `bytes` is the newest object that was taken of a robot (null: withdrawn), and
 * `merged_object` names what the merged sums hold of it. While both differ, `merged_bytes` keeps what must be
 * subtracted. `due` counts the changes that the leader has not looked at; it finds them without reading all rows. Objects
 * stand last in a row: what follows one in SQLite costs a walk through all pages of it.
 */
const STEPS: readonly string[] = [
  `
  CREATE TABLE leader (holder TEXT NOT NULL, term {int} NOT NULL, until_ms {int} NOT NULL);
  CREATE TABLE scopes (
    id {id},
    task TEXT NOT NULL,
    backbone TEXT NOT NULL,
    backbone_name TEXT NOT NULL,
    feature_size {int} NOT NULL,
    basis_checksum TEXT,
    basis_object TEXT,
    directions {int},
    basis_at_ms {int},
    settled_version {int},
    roll_back {int} NOT NULL DEFAULT 0,
    hold_rollouts {int} NOT NULL DEFAULT 0,
    round_requested {int} NOT NULL DEFAULT 0,
    changes {int} NOT NULL DEFAULT 0,
    changes_of_round {int} NOT NULL DEFAULT 0,
    recomputed_at_ms {int} NOT NULL DEFAULT 0,
    UNIQUE (task, backbone)
  );
  CREATE TABLE robots (
    robot TEXT PRIMARY KEY,
    team TEXT,
    epoch TEXT NOT NULL,
    report_number {int} NOT NULL,
    seen_at_ms {int} NOT NULL,
    report TEXT,
    share {int} NOT NULL,
    private {int} NOT NULL,
    quarantine TEXT,
    quarantine_detail TEXT,
    released_at_ms {int} NOT NULL DEFAULT 0,
    dirty {int} NOT NULL,
    replayed {int} NOT NULL DEFAULT 0,
    refused {int} NOT NULL DEFAULT 0,
    accepted {int} NOT NULL DEFAULT 0
  );
  CREATE INDEX dirty_robots ON robots (robot) WHERE dirty = 1;
  CREATE TABLE retired_epochs (
    robot TEXT NOT NULL, epoch TEXT NOT NULL, PRIMARY KEY (robot, epoch)
  );
  CREATE TABLE robot_tasks (
    robot TEXT NOT NULL,
    scope {int} NOT NULL,
    listed {int} NOT NULL,
    report TEXT,
    head_version {int},
    head_state TEXT,
    refusal TEXT,
    left_out TEXT,
    prior_version {int},
    prior_object TEXT,
    PRIMARY KEY (robot, scope)
  );
  CREATE INDEX robot_tasks_of_scope ON robot_tasks (scope);
  CREATE TABLE policies (
    subject TEXT NOT NULL,
    scope {int} NOT NULL,
    follow TEXT NOT NULL,
    version {int},
    PRIMARY KEY (subject, scope)
  );
  CREATE TABLE uploads (
    robot TEXT NOT NULL,
    object TEXT NOT NULL,
    header TEXT NOT NULL,
    chunks {int} NOT NULL,
    bytes {int} NOT NULL,
    at_ms {int} NOT NULL,
    PRIMARY KEY (robot, object)
  );
  CREATE TABLE chunks (
    robot TEXT NOT NULL,
    object TEXT NOT NULL,
    place {int} NOT NULL,
    start_byte {int} NOT NULL,
    payload {blob} NOT NULL,
    PRIMARY KEY (robot, object, place)
  );
  CREATE TABLE contributions (
    scope {int} NOT NULL,
    robot TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    epoch TEXT NOT NULL,
    version {int} NOT NULL,
    samples {real} NOT NULL,
    sigma {real} NOT NULL,
    classes TEXT NOT NULL,
    at_ms {int} NOT NULL,
    merged_object TEXT,
    due {int} NOT NULL DEFAULT 1,
    bytes {blob},
    merged_bytes {blob},
    PRIMARY KEY (scope, robot, kind)
  );
  CREATE INDEX due_contributions ON contributions (scope, at_ms, robot) WHERE due > 0;
  CREATE INDEX contributions_of_robot ON contributions (robot);
  CREATE INDEX contributions_by_time ON contributions (scope, kind, at_ms);
  CREATE INDEX noisy_contributions ON contributions (scope, robot) WHERE sigma > 0;
  CREATE TABLE merged (
    scope {int} NOT NULL,
    label TEXT NOT NULL,
    robots {int} NOT NULL,
    high {blob} NOT NULL,
    low {blob} NOT NULL,
    PRIMARY KEY (scope, label)
  );
  CREATE TABLE objects (
    object TEXT NOT NULL,
    robot TEXT NOT NULL,
    kind TEXT NOT NULL,
    scope {int} NOT NULL,
    purpose {int} NOT NULL,
    chunk_bytes {int} NOT NULL,
    at_ms {int} NOT NULL,
    bytes {blob} NOT NULL,
    PRIMARY KEY (object, robot)
  );
  CREATE INDEX objects_of_robot ON objects (robot, scope, kind);
  CREATE TABLE rounds (
    scope {int} NOT NULL,
    round {int} NOT NULL,
    state TEXT NOT NULL,
    started_at_ms {int} NOT NULL,
    ended_at_ms {int},
    robots {int} NOT NULL,
    samples {real} NOT NULL,
    labels TEXT NOT NULL,
    snapshot {blob},
    reason TEXT,
    head_version {int},
    PRIMARY KEY (scope, round)
  );
  CREATE TABLE round_robots (
    scope {int} NOT NULL,
    round {int} NOT NULL,
    robot TEXT NOT NULL,
    candidates TEXT NOT NULL,
    answers {blob},
    answered_at_ms {int},
    PRIMARY KEY (scope, round, robot)
  );
  CREATE TABLE heads (
    scope {int} NOT NULL,
    version {int} NOT NULL,
    at_ms {int} NOT NULL,
    round {int} NOT NULL,
    object TEXT NOT NULL,
    bytes {int} NOT NULL,
    labels TEXT NOT NULL,
    lambda_index {int} NOT NULL,
    lambda {real} NOT NULL,
    scale {real} NOT NULL,
    samples {real} NOT NULL,
    robots {int} NOT NULL,
    left_out TEXT,
    PRIMARY KEY (scope, version)
  );
  CREATE TABLE rollouts (
    scope {int} NOT NULL,
    version {int} NOT NULL,
    state TEXT NOT NULL,
    stage {int} NOT NULL,
    stage_started_at_ms {int} NOT NULL,
    previous_version {int},
    reason TEXT,
    started_by TEXT NOT NULL,
    PRIMARY KEY (scope, version)
  );
  CREATE TABLE rollout_robots (
    scope {int} NOT NULL,
    version {int} NOT NULL,
    robot TEXT NOT NULL,
    stage {int} NOT NULL,
    PRIMARY KEY (scope, version, robot)
  );
  CREATE TABLE aliases (
    scope {int} NOT NULL, label TEXT NOT NULL, instead TEXT NOT NULL, PRIMARY KEY (scope, label)
  );
  CREATE TABLE never_shared (scope {int} NOT NULL, label TEXT NOT NULL, PRIMARY KEY (scope, label));
  CREATE TABLE audit (
    id {id},
    at_ms {int} NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    robot TEXT,
    task TEXT,
    detail TEXT NOT NULL
  );
  CREATE INDEX audit_of_robot ON audit (robot, id);
  CREATE TABLE people (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at_ms {int} NOT NULL,
    last_seen_at_ms {int}
  );
  `,
];

/** The steps in the words of a dialect. */
export function hubTables(dialect: Sql['dialect']): string[] {
  const words = Object.entries(TYPES[dialect]);
  return STEPS.map((step) =>
    words.reduce((text, [word, type]) => text.replaceAll(word, type), step),
  );
}
