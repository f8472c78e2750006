import type { Mutant } from '../mutant.js';

const SHARING = 'src/fleet/robot/task-sharing.ts';
const FOLLOWING = 'src/fleet/robot/task-following.ts';
const FOLDER = 'src/fleet/robot/objects/object-folder.ts';
const SAMPLES = 'src/fleet/robot/job/contributed-samples.ts';
const GIVEN = 'src/fleet/robot/job/given-samples.ts';
const OUTBOX = 'src/telemetry/outbox/outbox.ts';
const CONTRIBUTION = 'test/fleet/robot/contribution.test.ts';
const TAKEN = 'test/fleet/robot/taken-heads.test.ts';
const JUDGED = 'test/fleet/robot/judged-heads.test.ts';

export const FLEET_ROBOT_MUTANTS: readonly Mutant[] = [
  {
    promise: 'samples of a label that is never shared are in no sum',
    file: SAMPLES,
    text: '!holdout && !withheld.has(label)',
    replacement: '!holdout',
    tests: [{ file: CONTRIBUTION, names: 'nothing of a single one' }],
  },
  {
    promise: 'samples of the holdout are in no sum',
    file: SAMPLES,
    text: '!holdout && !withheld.has(label)',
    replacement: '!withheld.has(label)',
    tests: [{ file: CONTRIBUTION, names: 'nothing of a single one' }],
  },
  {
    promise: 'a class with few samples is not sent',
    file: SAMPLES,
    text: '>= minSamplesPerClass - ROUNDING;',
    replacement: '>= minSamplesPerClass * ROUNDING;',
    tests: [{ file: CONTRIBUTION, names: 'nothing of a single one' }],
  },
  {
    promise: 'a moment is sent again when there is much more, and not before',
    file: SHARING,
    text: 'return labelled >= GROWTH * moment.samples;',
    replacement: 'return labelled >= moment.samples;',
    tests: [{ file: CONTRIBUTION, names: 'half as much' }],
  },
  {
    promise: 'a fleet that began with few samples gets its basis',
    file: SHARING,
    text: 'else if (wanted.moment_wanted || this.#hasGrown(memory)) {',
    replacement: 'else if (wanted.moment_wanted) {',
    tests: [{ file: CONTRIBUTION, names: 'half as much' }],
  },
  {
    promise: 'a class that differs in few samples is not sent again',
    file: GIVEN,
    text: 'return change > ROUNDING && change',
    replacement: 'return change < 0 && change',
    tests: [{ file: CONTRIBUTION, names: 'several of its samples' }],
  },
  {
    promise: 'a class that was sent once is remembered by the moment too',
    file: SHARING,
    text: 'memory.given = given ?? memory.given;',
    replacement: 'if (memory.sums) memory.given = given ?? memory.given;',
    tests: [{ file: CONTRIBUTION, names: 'several others' }],
  },
  {
    promise: 'a class stays as it was sent although a sample of it is gone',
    file: GIVEN,
    text: 'else if (known) copied.push(known);',
    replacement: 'else if (!known) continue;',
    tests: [{ file: CONTRIBUTION, names: 'several of its samples' }],
  },
  {
    promise: 'an evaluation says nothing of a label that is never shared',
    file: SAMPLES,
    text: "holdout === (part === 'holdout') && !withheld.has(label)",
    replacement: "holdout === (part === 'holdout') && (withheld.size < 0 || label !== '')",
    tests: [{ file: CONTRIBUTION, names: 'by the names of the fleet' }],
  },
  {
    promise: 'a robot with noise stops when its releases are used up',
    file: SHARING,
    text: 'const isUsedUp = epsilon !== null && releases >= limit;',
    replacement: 'const isUsedUp = epsilon !== null && releases > limit;',
    tests: [{ file: CONTRIBUTION, names: 'with noise' }],
  },
  {
    promise: 'a robot that shares no more forgets what it has sent',
    file: SHARING,
    text: '    memory.sums = null;\n    memory.moment = null;\n    memory.evaluated = null;\n    this.context.save();\n    this.#tried.clear();\n  }\n\n  /** Objects',
    replacement: '  }\n\n  /** Objects',
    tests: [{ file: CONTRIBUTION, names: 'shares no more' }],
  },
  {
    promise: 'a state from a backup begins a new epoch',
    file: SHARING,
    text: '    robot.renewEpoch();\n',
    replacement: '',
    tests: [{ file: CONTRIBUTION, names: 'from a backup' }],
  },
  {
    promise: 'an object is what its name says',
    file: FOLDER,
    text: 'at !== bytes || sha256Hex(whole) !== object',
    replacement: 'at !== bytes',
    tests: [{ file: TAKEN, names: 'damaged object' }],
  },
  {
    promise: 'chunks of the hub may come in any order',
    file: FOLDER,
    text: '\n      .sort((one, other) => one.index - other.index)',
    replacement: '',
    tests: [{ file: 'test/fleet/robot/object-folder.test.ts', names: 'whatever order' }],
  },
  {
    promise: 'a robot that does not follow takes no head',
    file: FOLLOWING,
    text: "    if (!settings.follow) return 'fleet.follow is false';\n",
    replacement: '',
    tests: [{ file: TAKEN, names: 'does not follow' }],
  },
  {
    promise: 'a head waits while another is pinned, and says so',
    file: FOLLOWING,
    text: 'if (pinned !== null) return',
    replacement: 'if (pinned === null) return',
    tests: [{ file: JUDGED, names: 'pinned head' }],
  },
  {
    promise: 'what the fleet has taught stays in later heads of the robot',
    file: 'src/agent/learning/training-service.ts',
    text: 'fleet: FleetTraining | null = this.#parts.fleet?.() ?? null,',
    replacement: 'fleet: FleetTraining | null = null,',
    tests: [{ file: JUDGED, names: 'classes of others' }],
  },
  {
    promise: 'samples of the fleet count as labels that a head has newly learnt',
    file: 'src/training/verdict/judge.ts',
    text: 'newlyLearnt: evidence.newlyLearnt + Math.max(0, challenger - champion),',
    replacement: 'newlyLearnt: evidence.newlyLearnt,',
    tests: [{ file: JUDGED, names: 'classes of others' }],
  },
  {
    promise: 'a robot keeps its own word for a class',
    file: 'src/training/fit/fit-fleet.ts',
    text: 'label: local.get(label) ?? label, sums',
    replacement: 'label, sums',
    tests: [{ file: JUDGED, names: 'own words' }],
  },
  {
    promise: 'a newer object replaces the chunks of an older one',
    file: OUTBOX,
    text: '          this.#table.delete(victim.id);\n          count(totals[name], -1, -victim.bytes);\n          replaced.push(victim);',
    replacement: '',
    tests: [{ file: 'test/telemetry/outbox.test.ts', names: 'newer object' }],
  },
];
