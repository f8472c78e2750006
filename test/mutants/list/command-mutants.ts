import type { Mutant } from '../mutant.js';

const DESK = 'src/telemetry/commands/command-desk.ts';
const PARSER = 'src/telemetry/commands/command-parser.ts';
const JSON_PARSER = 'src/telemetry/commands/strict-json.ts';
const PARSER_TESTS = [{ file: 'test/telemetry/commands.test.ts', names: 'refuses:|answers stay' }];
const DESK_TESTS = [{ file: 'test/telemetry/commands.test.ts' }];

export const COMMAND_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a retained command is not executed',
    file: DESK,
    text: 'if (incoming.retain) {',
    replacement: 'if (incoming.retain && name === "") {',
    tests: DESK_TESTS,
  },
  {
    promise: 'a retained command is known as such also when it comes live',
    file: 'src/telemetry/connection/connection.ts',
    text: '{ qos, rap: true }',
    replacement: '{ qos, rap: false }',
    tests: DESK_TESTS,
  },
  {
    promise: 'a command is acknowledged after it was done',
    file: DESK,
    text: '(await handler(command, meta)) ?? null',
    replacement: 'handler(command, meta)',
    tests: DESK_TESTS,
  },
  {
    promise: 'a transaction that comes again is not executed a second time',
    file: DESK,
    text: 'if (known) return known.answer;',
    replacement: '',
    tests: DESK_TESTS,
  },
  {
    promise: 'a transaction stands for one command',
    file: DESK,
    text: 'known.fingerprint !== fingerprint',
    replacement: "known.fingerprint === ''",
    tests: DESK_TESTS,
  },
  {
    promise: 'a transaction is remembered for ten minutes',
    file: DESK,
    text: 'const REMEMBER_MS = 600_000;',
    replacement: 'const REMEMBER_MS = 60_000;',
    tests: DESK_TESTS,
  },
  {
    promise: 'no more commands are executed than a minute may have',
    file: DESK,
    text: 'if (!this.#commands.take()) {',
    replacement: 'if (!this.#commands.take() && name === "") {',
    tests: DESK_TESTS,
  },
  {
    promise: 'after a rest no more commands are allowed at once than in a minute',
    file: 'src/telemetry/commands/token-bucket.ts',
    text: 'Math.min(\n      this.#capacity,',
    replacement: 'Math.max(\n      this.#capacity,',
    tests: DESK_TESTS,
  },
  {
    promise: 'a flood of bad commands writes at most 60 answers a minute',
    file: DESK,
    text: 'if (!this.#refusals.take()) {',
    replacement: "if (!this.#refusals.take() && name === '') {",
    tests: DESK_TESTS,
  },
  {
    promise: 'no stack and no details leave the robot',
    file: DESK,
    text: 'return { code, message, remedy };',
    replacement: 'return { ...serialiseError(error), code, message, remedy };',
    tests: DESK_TESTS,
  },
  {
    promise: 'a command beyond its size is not read',
    file: PARSER,
    text: 'payload.byteLength > maxBytes',
    replacement: 'payload.byteLength > 2 * maxBytes',
    tests: PARSER_TESTS,
  },
  {
    promise: 'a field that a command does not have is refused',
    file: 'src/telemetry/contract/command-contract.ts',
    text: 'retrain: z.strictObject(',
    replacement: 'retrain: z.object(',
    tests: DESK_TESTS,
  },
  {
    promise: "a robot does not answer on another robot's topics",
    file: PARSER,
    text: '!requested.startsWith(prefix) ||',
    replacement: '',
    tests: PARSER_TESTS,
  },
  {
    promise: 'an answer cannot be made to look like a report',
    file: PARSER,
    text: '|| RESERVED_TOPICS.has(rest)',
    replacement: '',
    tests: PARSER_TESTS,
  },
  {
    promise: 'an answer cannot be a command',
    file: PARSER,
    text: "|| rest.startsWith('cmd/')",
    replacement: '',
    tests: PARSER_TESTS,
  },
  {
    promise: 'a command has each key once',
    file: JSON_PARSER,
    text: 'if (keys.has(key))',
    replacement: "if (key === '')",
    tests: PARSER_TESTS,
  },
  {
    promise: 'no command reaches into prototypes',
    file: JSON_PARSER,
    text: 'if (FORBIDDEN_KEYS.has(key))',
    replacement: "if (key === '')",
    tests: PARSER_TESTS,
  },
  {
    promise: 'a command is nested at most 16 deep',
    file: JSON_PARSER,
    text: 'open.length > maxDepth',
    replacement: 'open.length > maxDepth + 1',
    tests: PARSER_TESTS,
  },
  {
    promise: 'a command that was carried out is in the audit',
    file: 'src/agent/audit-trail.ts',
    text: "this.#append('command', { ...entry, ok: true });",
    replacement: '',
    tests: [{ file: 'test/agent/audit-trail.test.ts' }],
  },
  {
    promise: 'a command that was refused is in the audit',
    file: 'src/agent/audit-trail.ts',
    text: "this.#append('command', { ...entry, ok: false, code });",
    replacement: '',
    tests: [{ file: 'test/agent/audit-trail.test.ts' }],
  },
];
