import type { Mutant } from '../mutant.js';

const RULES = 'src/alerts/rules.ts';
const RULES_TESTS = [{ file: 'test/alerts/rules.test.ts' }];
const BELIEFS = 'src/perception/beliefs.ts';
const BELIEFS_TESTS = [{ file: 'test/perception/beliefs.test.ts' }];
const TIMELINE = 'src/alerts/output-timeline.ts';
const TIMELINE_TESTS = [{ file: 'test/alerts/output-timeline.test.ts' }];
const ODOMETER = 'src/alerts/odometer.ts';
const ODOMETER_TESTS = [{ file: 'test/alerts/odometer.test.ts' }];
const CUTTER_TESTS = [{ file: 'test/camera/stage/cutter.test.ts' }];

const SIMULATION = 'src/agent/simulate-alerts.ts';
const SIMULATION_TESTS = [{ file: 'test/cli/alerts.test.ts' }];

/** Regions of an image, decisions over time, and the outputs that they switch. */
export const REGION_MUTANTS: readonly Mutant[] = [
  {
    promise: 'regions of a grid leave no pixel out',
    file: 'src/camera/stage/regions.ts',
    text: 'edge(from + length, pixels)',
    replacement: 'begin + edge(length, pixels)',
    tests: CUTTER_TESTS,
  },
  {
    promise: 'a region gets its part of the masks',
    file: 'src/camera/stage/cutter.ts',
    text: 'this.#mask.blacken(image.data, image.width, image.height, image.channels);',
    replacement: '',
    tests: CUTTER_TESTS,
  },
  {
    promise: 'motion in one region passes no other',
    file: 'src/camera/stage/frame-stage.ts',
    text: 'this.#motion.get(region)',
    replacement: "this.#motion.get('2')",
    tests: [{ file: 'test/camera/stage/frame-stage.test.ts' }],
  },
  {
    promise: 'frames of two regions do not replace each other',
    file: 'src/perception/perception.ts',
    text: 'this.#waiting.set(eye, { frame, settled });',
    replacement: 'this.#waiting.set(frame.camera, { frame, settled });',
    tests: [{ file: 'test/perception/perception.test.ts', names: 'two regions' }],
  },
  {
    promise: 'a scene is that of one camera and region',
    file: BELIEFS,
    text: '${task} ${eyeOf(frame)}',
    replacement: '${task}',
    tests: BELIEFS_TESTS,
  },
  {
    promise: 'a scene that is not certain enough is a guess',
    file: BELIEFS,
    text: 'isGuess({ label, probability: belief }, settings)',
    replacement: 'false',
    tests: BELIEFS_TESTS,
  },
  {
    promise: 'other parameters begin a new scene',
    file: BELIEFS,
    text: 'watched?.parameters === parameters',
    replacement: 'watched',
    tests: BELIEFS_TESTS,
  },
  {
    promise: 'scene changes are measured where the novelty model locates frames',
    file: BELIEFS,
    text: 'novelty && point ? { model: novelty, point } : null',
    replacement: 'novelty && point ? null : null',
    tests: BELIEFS_TESTS,
  },
  {
    promise: 'the worker says where a frame lies',
    file: 'src/perception/answer.ts',
    text: 'point: point ?? null,',
    replacement: 'point: null,',
    tests: BELIEFS_TESTS,
  },
  {
    promise: 'distances of a scene are measured in the spread of its most probable class',
    file: 'src/head/belief/scene-run.ts',
    text: 'indexOfLargest(this.#known, 0, this.#known.length)',
    replacement: '0',
    tests: [{ file: 'test/head/belief/belief-filter.test.ts', names: 'spread' }],
  },
  {
    promise: 'points of two novelty models are not compared',
    file: 'src/head/belief/scene-centre.ts',
    text: 'if (!place || place.model !== this.#model) return null;',
    replacement: 'if (!place || !this.#model) return null;',
    tests: [{ file: 'test/head/belief/scene-centre.test.ts' }],
  },
  {
    promise: 'the distance from one frame counts half of that from many',
    file: 'src/head/belief/scene-centre.ts',
    text: 'squared / (1 + 1 / this.#frames)',
    replacement: 'squared',
    tests: [{ file: 'test/head/belief/scene-centre.test.ts' }],
  },
  {
    promise: 'a training fits the parameters of decisions over time',
    file: 'src/training/job/run-training.ts',
    text: 'return fitBelief(labels, novelty, groups).parameters;',
    replacement: 'return fitBelief(labels, novelty, groups.slice(0, 0)).parameters;',
    tests: [{ file: 'test/training/training.test.ts', names: 'promotes a first head' }],
  },
  {
    promise: 'a rule of a region ignores the others',
    file: RULES,
    text: '(rule.region === null || rule.region === region)',
    replacement: 'true',
    tests: RULES_TESTS,
  },
  {
    promise: 'a rule uses the decision that it asks for',
    file: RULES,
    text: 'observation[rule.decision]',
    replacement: 'observation.frame',
    tests: RULES_TESTS,
  },
  {
    promise: 'an output follows its alert by the delay of the rule',
    file: RULES,
    text: 'atMs: atMs + delayMs',
    replacement: 'atMs: atMs',
    tests: RULES_TESTS,
  },
  {
    promise: 'an output stays on while another alert wants it on',
    file: TIMELINE,
    text: 'this.#on.set(change.alert, change.output)',
    replacement: 'this.#on.set(change.output, change.output)',
    tests: TIMELINE_TESTS,
  },
  {
    promise: 'no switch comes before its time',
    file: TIMELINE,
    text: 'dueMs === null || dueMs > nowMs',
    replacement: 'dueMs === null || dueMs > nowMs + 5',
    tests: TIMELINE_TESTS,
  },
  {
    promise: 'the next switch is the first that is due',
    file: TIMELINE,
    text: 'dueMs < nextMs',
    replacement: 'dueMs > nextMs',
    tests: TIMELINE_TESTS,
  },
  {
    promise: 'switches do not pile up while the robot stands',
    file: TIMELINE,
    text: 'if (undone) this.#waiting.delete(last);',
    replacement: 'if (undone) this.#waiting.add(change);',
    tests: TIMELINE_TESTS,
  },
  {
    promise: 'a camera keeps its name in an import',
    file: 'src/samples/folder/manifest.ts',
    text: '...entry, holdout: entry.holdout ?? entry.exam',
    replacement:
      "...entry, source: entry.source.replace('exam', 'holdout'), holdout: entry.holdout ?? entry.exam",
    tests: [{ file: 'test/base/words/old-names.test.ts' }],
  },
  {
    promise: 'a distance is travelled at the reported speed',
    file: ODOMETER,
    text: 'this.#metersPerSecond = metersPerSecond;',
    replacement: '',
    tests: ODOMETER_TESTS,
  },
  {
    promise: 'a reported speed applies for a limited time',
    file: ODOMETER,
    text: 'this.#untilMs = nowMs + this.maxAgeMs;',
    replacement: 'this.#untilMs = null;',
    tests: ODOMETER_TESTS,
  },
  {
    promise: 'an output follows the distance, not the time',
    file: RULES,
    text: 'atMeters: this.#odometer.metersAt(atMs) + delayMeters',
    replacement: 'atMs: atMs + 1_000 * delayMeters',
    tests: RULES_TESTS,
  },
  {
    promise: 'a head from before the holdout had its name serves',
    file: 'src/registry/head-card.ts',
    text: 'cardSchema.safeParse(withPresentNames(card))',
    replacement: 'cardSchema.safeParse(card)',
    tests: [{ file: 'test/agent/old-state.test.ts' }],
  },
  {
    promise: 'a simulated alert ends although the recording does',
    file: SIMULATION,
    text: 'timeline.end(durationMs);',
    replacement: '',
    tests: SIMULATION_TESTS,
  },
  {
    promise: 'a simulation uses the regions of the camera',
    file: SIMULATION,
    text: 'new FrameStage(\n    camera,',
    replacement: 'new FrameStage(\n    { ...camera, regions: [] },',
    tests: SIMULATION_TESTS,
  },
  {
    promise: 'a region is asked for together with its camera',
    file: 'src/telemetry/contract/command-contract.ts',
    text: 'region === undefined || camera !== undefined',
    replacement: 'true',
    tests: [{ file: 'test/telemetry/commands.test.ts' }],
  },
  {
    promise: 'the id of every frame can be labelled',
    file: 'src/telemetry/contract/command-contract.ts',
    text: '{0,191}',
    replacement: '{0,127}',
    tests: [{ file: 'test/telemetry/commands.test.ts' }],
  },
  {
    promise: 'a pipe gets whole lines',
    file: 'src/cli/support/prose.ts',
    text: 'return Number.POSITIVE_INFINITY;',
    replacement: 'return 80;',
    tests: [{ file: 'test/cli/output.test.ts', names: 'takes its width' }],
  },
  {
    promise: 'a YOLO class has the number of its line',
    file: 'src/samples/folder/annotations/yolo.ts',
    text: '[...lines.map((line) => line.trim()).entries()]',
    replacement: '[...lines.map((line) => line.trim()).filter(Boolean).entries()]',
    tests: [{ file: 'test/samples/folder/annotations.test.ts', names: 'without a name' }],
  },
  {
    promise: 'damaged lines of JSON annotations are named',
    file: 'src/samples/folder/annotations/read-annotations.ts',
    text: 'if (invalid > 0)',
    replacement: 'if (invalid < 0)',
    tests: [{ file: 'test/samples/folder/annotations.test.ts', names: 'broken ones are named' }],
  },
  {
    promise: 'a key that TLS does not use keeps no robot from its broker',
    file: 'src/agent/reporting/broker-access.ts',
    text: 'if (/^(?:mqtts|wss|tls):/i.test(mqtt.url)) checkKey(files);',
    replacement: 'checkKey(files);',
    tests: [{ file: 'test/agent/reporting/telemetry-service.test.ts', names: 'does not need' }],
  },
  {
    promise: 'alerts are cleared when the daemon stops',
    file: 'src/agent/reporting/alerting.ts',
    text: 'for (const alert of this.#rules.end(this.nowMs())) this.#tell(alert);',
    replacement: '',
    tests: [{ file: 'test/agent/reporting/alerting.test.ts', names: 'end with the watch' }],
  },
  {
    promise: 'no alert is raised once the watch has ended',
    file: 'src/agent/reporting/alerting.ts',
    text: 'this.#over = true;',
    replacement: '',
    tests: [{ file: 'test/agent/reporting/alerting.test.ts', names: 'end with the watch' }],
  },
  {
    promise: 'nothing switches an output on while the daemon stops',
    file: 'src/agent/reporting/alerting.ts',
    text: 'if (this.#ended) return;',
    replacement: '',
    tests: [{ file: 'test/agent/reporting/alerting.test.ts', names: 'real lines' }],
  },
  {
    promise: 'ffmpeg makes no whole pictures of damaged JPEGs',
    file: 'src/camera/drivers/ffmpeg.ts',
    text: "way !== 'encode' || !this.#sendsDamagedJpegs",
    replacement: 'true',
    tests: [{ file: 'test/camera/drivers/jpeg/http-manners.test.ts', names: 'cut off' }],
  },
  {
    promise: 'an authority file without a certificate is named',
    file: 'src/telemetry/connection/tls-files.ts',
    text: 'new X509Certificate(text);',
    replacement: '',
    tests: [{ file: 'test/agent/reporting/telemetry-service.test.ts', names: 'holds none' }],
  },
  {
    promise: 'a date that is shown twice is the same',
    file: 'src/base/moment.ts',
    text: 'this.#shownMs === null || Math.abs(dateMs - this.#shownMs) >= CLOCK_SET_MS',
    replacement: 'true',
    tests: [{ file: 'test/base/moment.test.ts' }],
  },
];
