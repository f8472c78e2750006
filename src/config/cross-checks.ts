import { eyeOf, eyesOf } from '../base/words/eye.js';
import { decidesOn } from '../base/words/task.js';
import { buttonProblems, gpioProblems } from './gpio-checks.js';
import type { ConfigProblem } from './mistakes/config-problem.js';
import { noneNamed } from './mistakes/nearest-name.js';
import type { AlertCondition, AlertRuleConfig, Config } from './schema.js';
import { pathText } from './settings/setting-path.js';
import { tasksOf } from './tasks-of.js';
import { trainingTemperatures } from './training-temperatures.js';

/** Problems between settings, which no single field of the schema can show. */
export function crossChecks(config: Config): ConfigProblem[] {
  const problems = [
    ...config.cameras.flatMap((_, index) => cameraProblems(config, index)),
    ...taskProblems(config),
    ...config.alerts.rules.flatMap((_, index) => ruleProblems(config, index)),
    ...sectionChecks(config),
    ...buttonProblems(config),
    ...boardProblems(config),
    ...consoleProblems(config),
    ...addressProblems(config),
    ...brokerProblems(config),
  ];
  if (config.cameraBackoff.maxMs < config.cameraBackoff.initialMs) {
    problems.push({ path: 'cameraBackoff.maxMs', message: 'must not be below initialMs' });
  }
  return problems;
}

/** Problems between settings of one section, which are also found where it is read alone. */
export function sectionChecks({ gpio }: Config): ConfigProblem[] {
  return gpioProblems(gpio);
}

/**
 * Logins in addresses that nothing could tell from the text around them, so that they would show in a
 * message. The problem does not name the value.
 */
function addressProblems(value: unknown, path: (string | number)[] = []): ConfigProblem[] {
  if (typeof value === 'string') {
    const address = value.trim();
    const login = address.slice(0, Math.max(0, address.lastIndexOf('@')));
    if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(login) || !/[\s"<>]/.test(login)) return [];
    return [
      {
        path: pathText(path),
        message:
          'write white space, quotes, "<" and ">" of a user name or password as %20, %22, %3C and %3E',
      },
    ];
  }
  if (typeof value !== 'object' || value === null) return [];
  const isList = Array.isArray(value);
  return Object.entries(value).flatMap(([key, inner]) =>
    addressProblems(inner, [...path, isList ? Number(key) : key]),
  );
}

/** A training that pauses as soon as it starts, or goes on while it is too hot to run. */
function boardProblems({ board }: Config): ConfigProblem[] {
  const { pauseTrainingAboveC, resumeTrainingBelowC } = trainingTemperatures(board);
  const problems: ConfigProblem[] = [];
  if (board.trainBelowC > pauseTrainingAboveC) {
    problems.push({
      path: 'board.pauseTrainingAboveC',
      message: `must not be below trainBelowC (${board.trainBelowC})`,
    });
  }
  if (board.resumeTrainingBelowC !== null && resumeTrainingBelowC > pauseTrainingAboveC) {
    problems.push({
      path: 'board.resumeTrainingBelowC',
      message: `must not exceed pauseTrainingAboveC (${pauseTrainingAboveC})`,
    });
  }
  return problems;
}

/** More brokers than none. */
function brokerProblems({ mqtt }: Config): ConfigProblem[] {
  if (mqtt.url !== null || mqtt.otherUrls.length === 0) return [];
  return [{ path: 'mqtt.otherUrls', message: 'is used with mqtt.url only' }];
}

/** A certificate that the page could not use, or would not. */
function consoleProblems({ console: { tls } }: Config): ConfigProblem[] {
  const isUsed = tls.mode === 'files';
  return (['certFile', 'key'] as const)
    .filter((setting) => (tls[setting] !== null) !== isUsed)
    .map((setting) => ({
      path: `console.tls.${setting}`,
      message: isUsed ? 'is needed for mode files' : 'is used with mode files only',
    }));
}

function cameraProblems({ cameras }: Config, index: number): ConfigProblem[] {
  const camera = cameras[index]!;
  const path = `cameras[${index}]`;
  const problems: ConfigProblem[] = [];
  if (cameras.findIndex(({ name }) => name === camera.name) !== index) {
    problems.push({ path: `${path}.name`, message: `"${camera.name}" is already in use` });
  }
  if (camera.driver !== 'ffmpeg' || camera.input.startsWith('/dev/')) return problems;
  const controls = Object.keys(camera.v4l2Controls).length > 0 && 'v4l2Controls';
  const setting = camera.exposureMicroseconds !== null ? 'exposureMicroseconds' : controls;
  if (setting) {
    problems.push({
      path: `${path}.${setting}`,
      message: 'only a V4L2 device (/dev/video<number>) has this setting',
    });
  }
  return problems;
}

/** Names that nothing has, and images that no task would decide on. */
function taskProblems({ tasks, cameras }: Config): ConfigProblem[] {
  const eyes = cameras.flatMap((camera) => eyesOf(camera));
  const unknownNames = tasks.flatMap((task, index) => [
    ...task.cameras
      .filter((name) => !cameras.some((camera) => camera.name === name))
      .map((name) => ({
        path: `tasks[${index}].cameras`,
        message: noneNamed(
          'no camera',
          name,
          cameras.map((each) => each.name),
        ),
      })),
    ...task.regions
      .filter((name) => !eyes.some(({ region }) => region === name))
      .map((name) => ({
        path: `tasks[${index}].regions`,
        message: noneNamed(
          'no region of a camera',
          name,
          eyes.flatMap(({ region }) => region ?? []),
        ),
      })),
  ]);
  if (unknownNames.length > 0 || tasks.length === 0) return unknownNames;
  return eyes
    .filter((eye) => !tasks.some((task) => decidesOn(task, eye)))
    .map((eye) => ({
      path: 'tasks',
      message: `no task decides on the images of ${eyeOf(eye)}: give it to a task, or remove it from cameras`,
    }));
}

function ruleProblems(config: Config, index: number): ConfigProblem[] {
  const { alerts, cameras, gpio } = config;
  const rule = alerts.rules[index]!;
  const path = `alerts.rules[${index}]`;
  const problems: ConfigProblem[] = [];
  problems.push(...triggerProblems(rule, path), ...actionProblems(config, index));
  if (rule.matches > rule.ofFrames) {
    problems.push({
      path: `${path}.matches`,
      message: `must not exceed ofFrames (${rule.matches} matches in ${rule.ofFrames} frames)`,
    });
  }
  if (rule.task !== null && !tasksOf(config).some(({ name }) => name === rule.task)) {
    problems.push({
      path: `${path}.task`,
      message: noneNamed(
        'no task',
        rule.task,
        tasksOf(config).map((each) => each.name),
      ),
    });
  }
  if (rule.camera !== null && !cameras.some(({ name }) => name === rule.camera)) {
    problems.push({
      path: `${path}.camera`,
      message: noneNamed(
        'no camera',
        rule.camera,
        cameras.map((each) => each.name),
      ),
    });
  }
  if (rule.delayMeters !== null && rule.delayMs > 0) {
    problems.push({ path: `${path}.delayMeters`, message: 'cannot be combined with delayMs' });
  }
  if (rule.delayMeters !== null && alerts.metersPerSecond === null) {
    problems.push({
      path: 'alerts.metersPerSecond',
      message: `must be set, because ${path} has delayMeters`,
    });
  }
  if (rule.output !== null && !gpio.outputs.some(({ name }) => name === rule.output)) {
    problems.push({
      path: `${path}.output`,
      message: noneNamed(
        'no output in gpio.outputs',
        rule.output,
        gpio.outputs.map((each) => each.name),
      ),
    });
  }
  return problems;
}

/** What raises the alert, and which settings go with it. */
function triggerProblems(rule: AlertRuleConfig, path: string): ConfigProblem[] {
  const { labels, noveltyBelow, on, clearBelowProbability, minProbability, region } = rule;
  const triggers = [labels.length > 0, noveltyBelow !== null, on.length > 0];
  const problems: ConfigProblem[] = [];
  if (triggers.filter(Boolean).length !== 1) {
    problems.push({ path, message: 'must have exactly one of labels, noveltyBelow and on' });
  }
  if (clearBelowProbability !== null) {
    const at = `${path}.clearBelowProbability`;
    if (labels.length === 0) problems.push({ path: at, message: 'is only for rules with labels' });
    if (clearBelowProbability > minProbability) {
      problems.push({ path: at, message: `must not exceed minProbability (${minProbability})` });
    }
  }
  if (on.length > 0 && region !== null) {
    problems.push({
      path: `${path}.region`,
      message: 'does not go with on: no state has a region',
    });
  }
  rule.schedule.forEach(({ from, to }, index) => {
    if (from !== to) return;
    problems.push({
      path: `${path}.schedule[${index}].to`,
      message: `must differ from from (${from}); a whole day is from 00:00 to 24:00`,
    });
  });
  return problems;
}

/** Conditions of one camera; the others belong to the whole robot or to a task. */
const OF_CAMERAS: readonly AlertCondition[] = ['camera_lost', 'camera_dirty'];

function actionProblems(config: Config, index: number): ConfigProblem[] {
  const { alerts, cameras } = config;
  const rule = alerts.rules[index]!;
  const path = `alerts.rules[${index}]`;
  const problems: ConfigProblem[] = [];
  const pictured = (['snapshot', 'clip'] as const).filter((action) => Boolean(rule[action]));
  const placeless = rule.on.filter((condition) => !OF_CAMERAS.includes(condition));
  if (placeless.length > 0 && cameras.length > 1 && rule.camera === null) {
    for (const action of pictured) {
      problems.push({
        path: `${path}.${action}`,
        message: `needs camera: ${placeless.join(', ')} belongs to none`,
      });
    }
  }
  const asked = tasksOf(config).filter(({ name }) => rule.task === null || rule.task === name);
  if (rule.snapshot && asked.every(({ settings }) => settings.samples.askMaxWaiting === 0)) {
    problems.push({ path: `${path}.snapshot`, message: 'needs samples.askMaxWaiting above 0' });
  }
  const acts = rule.snapshot || rule.clip !== null || rule.command !== null;
  if (acts && alerts.rules.some((other, at) => at !== index && other.name === rule.name)) {
    problems.push({ path: `${path}.name`, message: `"${rule.name}" is already in use` });
  }
  if (rule.clip !== null && alerts.clips.maxBytes < alerts.clips.ringMaxBytes) {
    problems.push({
      path: 'alerts.clips.maxBytes',
      message: `must not be below ringMaxBytes (${alerts.clips.ringMaxBytes})`,
    });
  }
  return problems;
}
