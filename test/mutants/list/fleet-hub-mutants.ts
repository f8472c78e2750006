import type { Mutant } from '../mutant.js';

const HUB = 'src/fleet/hub';
const TABLES = `${HUB}/store/tables`;

const STORE_TESTS = (names: string) => [
  { file: 'test/fleet/store.test.ts', names: `^SQLite: .*(${names})` },
];
const RULES = (names: string) => [{ file: 'test/fleet/rules.test.ts', names }];
const ATTACKS = (names: string) => [{ file: 'test/fleet/hub-attacks.test.ts', names }];
const HUB_TESTS = (names: string) => [{ file: 'test/fleet/hub.test.ts', names }];

export const FLEET_HUB_MUTANTS: readonly Mutant[] = [
  {
    promise: 'an object that is not newer than the one before is a replay',
    file: `${HUB}/ingest/chunk-intake.ts`,
    text: 'version <= known.version',
    replacement: 'version < 0',
    tests: STORE_TESTS('chunks in any order'),
  },
  {
    promise: 'an epoch that was replaced stays replaced',
    file: `${TABLES}/robot-rows.ts`,
    text: 'if (retired !== null) return null;',
    replacement: '',
    tests: STORE_TESTS('an earlier epoch'),
  },
  {
    promise: 'an older report changes nothing',
    file: `${HUB}/ingest/report-intake.ts`,
    text: 'report.number <= row.reportNumber',
    replacement: 'report.number < 0',
    tests: STORE_TESTS('an earlier epoch'),
  },
  {
    promise: 'the bytes of an object are those of its id',
    file: `${HUB}/ingest/chunk-intake.ts`,
    text: 'sha256Hex(whole) !== object',
    replacement: 'object === ""',
    tests: STORE_TESTS('refused with its code'),
  },
  {
    promise: 'sums in another basis are refused',
    file: `${HUB}/ingest/object-check.ts`,
    text: 'sums.basisChecksum !== scope.basisChecksum || sums.directions !== scope.directions',
    replacement: 'sums.directions < 0',
    tests: STORE_TESTS('refused with its code'),
  },
  {
    promise: 'labels that stay on robots are refused',
    file: `${HUB}/ingest/object-check.ts`,
    text: 'neverShared.includes(label)',
    replacement: 'label === ""',
    tests: STORE_TESTS('refused with its code'),
  },
  {
    promise: 'unfinished objects of a robot are bounded',
    file: `${HUB}/ingest/chunk-intake.ts`,
    text: 'others.length - i >= MAX_UPLOADS',
    replacement: 'i < 0',
    tests: STORE_TESTS('unfinished objects'),
  },
  {
    promise: 'what was merged of a robot is subtracted before the newest is added',
    file: `${HUB}/lead/exact-merge.ts`,
    text: 'merged.sums.subtract(flatten(sums));',
    replacement: '',
    tests: STORE_TESTS('chunks in any order'),
  },
  {
    promise: 'what is merged is kept until it is subtracted',
    file: `${TABLES}/contribution-rows.ts`,
    text: 'THEN contributions.bytes ELSE contributions.merged_bytes END',
    replacement: 'THEN NULL ELSE contributions.merged_bytes END',
    tests: STORE_TESTS('chunks in any order'),
  },
  {
    promise: 'nothing of a robot in quarantine is used',
    file: `${TABLES}/contribution-rows.ts`,
    text: " AND (r.quarantine IS NULL OR r.quarantine = 'flagged')",
    replacement: '',
    tests: STORE_TESTS('leave no trace'),
  },
  {
    promise: 'a robot that stops sharing is forgotten',
    file: `${HUB}/ingest/report-intake.ts`,
    text: 'if (!report.share && row.share === 1)',
    replacement: 'if (report.share && row.share !== 1)',
    tests: STORE_TESTS('leave no trace'),
  },
  {
    promise: 'a recomputation compares fine parts, too',
    file: `${HUB}/lead/exact-merge.ts`,
    text: 'Buffer.compare(a.low, b.low) === 0',
    replacement: 'a.label === b.label',
    tests: STORE_TESTS('finds and replaces'),
  },
  {
    promise: 'a hub that leads no more cannot write',
    file: `${HUB}/store/hub-store.ts`,
    text: 'if (row?.term !== term) throw notLeader(term);',
    replacement: 'if (row === undefined) throw notLeader(term);',
    tests: STORE_TESTS('one leads'),
  },
  {
    promise: 'only one hub leads',
    file: `${HUB}/store/sql/sqlite-sql.ts`,
    text: 'if (isTaken && !isOurs) return null;',
    replacement: '',
    tests: STORE_TESTS('one leads'),
  },
  {
    promise: 'a stage waits for the robots that are online',
    file: `${HUB}/lead/rollout-rules.ts`,
    text: 'counts.waiting > 0 || ',
    replacement: '',
    tests: RULES('a rollout goes on'),
  },
  {
    promise: 'refusals stop a rollout',
    file: `${HUB}/lead/rollout-rules.ts`,
    text: 'refused > maxRefusedShare * answers',
    replacement: 'refused > answers',
    tests: [...RULES('refusals'), ...HUB_TESTS('a rollout stops')],
  },
  {
    promise: 'heads that robots rolled back stop a rollout',
    file: `${HUB}/lead/rollout-rules.ts`,
    text: 'rolledBack > maxRolledBackShare * answers',
    replacement: 'rolledBack > answers',
    tests: RULES('refusals'),
  },
  {
    promise: 'a stopped rollout reaches no further robot',
    file: `${HUB}/lead/wanted-version.ts`,
    text: '(stage ?? stages - 1) <= rollout.stage',
    replacement: 'stages > 0',
    tests: RULES('which head'),
  },
  {
    promise: 'after a rollback the next rollout waits for an operator',
    file: `${HUB}/server/hub-commands.ts`,
    text: 'await tables.scopes.holdRollouts(scope.id, true);',
    replacement: '',
    tests: HUB_TESTS('a rollout stops'),
  },
  {
    promise: 'a robot in an unlike place is flagged, not quarantined',
    file: `${HUB}/lead/outliers.ts`,
    text: ' && robot.accuracy < usual / 2',
    replacement: '',
    tests: RULES('an outlier'),
  },
  {
    promise: 'no head is made with sums of a robot that its round quarantines',
    file: `${HUB}/lead/round-step.ts`,
    text: "quarantine === 'quarantined' && atMs >= sinceMs",
    replacement: 'atMs < 0 && sinceMs < 0 && quarantine === null',
    tests: HUB_TESTS('hostile robots'),
  },
  {
    promise: 'candidates of a robot are made without it',
    file: `${HUB}/round/fleet-sums.ts`,
    text: 'for (const { label, sums } of own) this.#move(label, sums, -1);',
    replacement:
      'for (const { label, sums } of own.slice(own.length)) this.#move(label, sums, -1);',
    tests: HUB_TESTS('moments fix a basis'),
  },
  {
    promise: 'who may only view cannot operate',
    file: `${HUB}/server/hub-server.ts`,
    text: "if (person.role !== 'operate') throw notAllowed(person);",
    replacement: '',
    tests: HUB_TESTS('roles, tokens'),
  },
  {
    promise: 'a message is acknowledged when it is stored',
    file: `${HUB}/ingest/hub-link.ts`,
    text: 'this.#handling = this.#take(topic, bytesOf(payload)).then((taken) => {',
    replacement:
      'done(); this.#handling = this.#take(topic, bytesOf(payload)).then((taken) => { if (taken) return;',
    tests: [{ file: 'test/fleet/hub-crash.test.ts', names: 'of two hubs' }],
  },
  {
    promise: 'a hub hears robots over MQTT 3.1.1, too',
    file: `${HUB}/ingest/hub-link.ts`,
    text: '(created) => this.#listen(created)',
    replacement:
      '(created) => { if (created.options.protocolVersion === 5) this.#listen(created); }',
    tests: ATTACKS('a fleet of MQTT 3.1.1'),
  },
  {
    promise: 'one listener for all publications',
    file: `${HUB}/ingest/hub-link.ts`,
    text: 'this.#unacknowledged.add(lost);',
    replacement: "client.once('close', lost);",
    tests: ATTACKS('warn of no leak'),
  },
  {
    promise: 'no round begins with withdrawn sums',
    file: `${HUB}/lead/round-step.ts`,
    text: 'if (await tables.contributions.holdWithdrawn(scope.id)) return;',
    replacement: '',
    tests: ATTACKS('no round begins'),
  },
  {
    promise: 'a round that a withdrawal has ended makes no head',
    file: `${HUB}/lead/round-step.ts`,
    text: "if ((await tables.rounds.newest(scope.id))?.state !== 'judging') return;",
    replacement: '',
    tests: ATTACKS('withdrawn while it was made'),
  },
  {
    promise: 'no head with sums of a robot that was quarantined meanwhile',
    file: `${HUB}/lead/round-step.ts`,
    text: 'if ((await quarantinedSince(tables, round.startedAtMs)).length > 0) return;',
    replacement: '',
    tests: ATTACKS('quarantined while it was made'),
  },
  {
    promise: 'a chunk with a wrong header does not keep its object out',
    file: `${HUB}/ingest/chunk-intake.ts`,
    text: 'await tables.uploads.remove(upload.robot, upload.object);',
    replacement: 'if (upload.bytes > 0) return;',
    tests: ATTACKS('a lie in its header'),
  },
  {
    promise: 'a chunk whose header is damaged is refused',
    file: 'src/fleet/contract/chunk-codec.ts',
    text: "if (!sum.equals(sumOf(buffer.subarray(PREFIX_BYTES)))) throw invalid('it is damaged');",
    replacement: 'if (sum.length !== SUM_BYTES) return { header: parseHeader(sum), payload: sum };',
    tests: ATTACKS('a damaged chunk'),
  },
  {
    promise: 'a fleet has more samples than a robot',
    file: 'src/head/sums/task-sums.ts',
    text: 'const MAX_SAMPLES = 2 ** 33;',
    replacement: 'const MAX_SAMPLES = MAX_ROBOT_SAMPLES;',
    tests: ATTACKS('a fleet may have more'),
  },
  {
    promise: 'sums of a robot are neither too heavy, too light nor too noisy',
    file: `${HUB}/ingest/object-check.ts`,
    text: 'if (fault !== null) throw invalidObject(fault);',
    replacement: "if (fault === '') throw invalidObject(fault);",
    tests: ATTACKS('a fleet may have more'),
  },
];
