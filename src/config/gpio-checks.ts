import { isHeadlandError } from '../base/errors.js';
import { regionNames } from '../base/words/eye.js';
import { normaliseLabel } from '../base/words/label.js';
import { decidesOn } from '../base/words/task.js';
import type { ConfigProblem } from './mistakes/config-problem.js';
import { noneNamed } from './mistakes/nearest-name.js';
import type { Config } from './schema.js';
import { tasksOf } from './tasks-of.js';

type Gpio = Config['gpio'];
type Action = Gpio['inputs'][number]['action'];

/** Problems within the section gpio. */
export function gpioProblems({ driver, outputs, inputs }: Gpio): ConfigProblem[] {
  const lines = [
    ...outputs.map(({ name }, index) => ({ name, path: `gpio.outputs[${index}]` })),
    ...inputs.map(({ name }, index) => ({ name, path: `gpio.inputs[${index}]` })),
  ];
  const twice = lines
    .filter(({ name }, index) => lines.findIndex((each) => each.name === name) !== index)
    .map(({ name, path }) => ({ path: `${path}.name`, message: `"${name}" is already in use` }));
  const problems = [...twice, ...sharedLineProblems(outputs, inputs)];
  return driver === 'onoff' ? [...problems, ...onoffProblems(outputs, inputs)] : problems;
}

/** The same line cannot be claimed twice. */
function sharedLineProblems(outputs: Gpio['outputs'], inputs: Gpio['inputs']): ConfigProblem[] {
  const lines = [
    ...outputs.map((output, index) => ({ ...output, path: `gpio.outputs[${index}]` })),
    ...inputs.map((input, index) => ({ ...input, path: `gpio.inputs[${index}]` })),
  ];
  return lines.flatMap(({ path, line, lineName, chipLabel }, index) => {
    const other = lines
      .slice(0, index)
      .find(
        (each) => each.line === line && each.lineName === lineName && each.chipLabel === chipLabel,
      );
    if (!other) return [];
    const setting = line === null ? 'lineName' : 'line';
    return [{ path: `${path}.${setting}`, message: `"${other.name}" uses the same line` }];
  });
}

/** sysfs sets neither pull resistors nor drives, and a setting must not be without effect. */
function onoffProblems(outputs: Gpio['outputs'], inputs: Gpio['inputs']): ConfigProblem[] {
  const message = 'gpio.driver onoff cannot set this: fit a resistor, or use the driver gpiochip';
  return [
    ...outputs.flatMap(({ bias, drive }, index) => [
      ...(bias === null || bias === 'as-is' ? [] : [`outputs[${index}].bias`]),
      ...(drive === 'push-pull' ? [] : [`outputs[${index}].drive`]),
    ]),
    ...inputs.flatMap(({ bias }, index) => (bias === 'as-is' ? [] : [`inputs[${index}].bias`])),
  ].map((path) => ({
    path: `gpio.${path}`,
    message: path.endsWith('bias') ? `${message}; with onoff, write bias: as-is` : message,
  }));
}

/** Names in the actions of buttons that nothing has. */
export function buttonProblems(config: Config): ConfigProblem[] {
  return config.gpio.inputs.flatMap(({ action }, index) => {
    const problems = actionProblems(config, action);
    // Which task is meant can be said of a camera and region that exist.
    if (problems.length === 0 && action.kind === 'label') {
      problems.push(...decidingProblems(config, action));
    }
    return problems.map(({ path, message }) => ({
      path: `gpio.inputs[${index}].action.${path}`,
      message,
    }));
  });
}

function actionProblems(config: Config, action: Action): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const task = 'task' in action ? action.task : null;
  const named = config.tasks.map(({ name }) => name);
  if (task !== null && !tasksOf(config).some(({ name }) => name === task)) {
    problems.push({ path: 'task', message: noneNamed('no task', task, named) });
  }
  if (action.kind === 'retrain' && task === null && named.length > 1) {
    problems.push({ path: 'task', message: `must be one of: ${named.join(', ')}` });
  }
  if (action.kind === 'acknowledge' && action.rule !== null) {
    const { rules } = config.alerts;
    if (!rules.some(({ name }) => name === action.rule)) {
      problems.push({
        path: 'rule',
        message: noneNamed(
          'no rule in alerts.rules',
          action.rule,
          rules.map(({ name }) => name),
        ),
      });
    }
  }
  if (!('camera' in action)) return problems;
  const camera = config.cameras.find(({ name }) => name === action.camera);
  if (!camera) {
    problems.push({
      path: 'camera',
      message: noneNamed(
        'no camera',
        action.camera,
        config.cameras.map(({ name }) => name),
      ),
    });
  }
  if (action.kind !== 'label') return problems;
  const regions = camera ? regionNames(camera.regions) : [];
  if (
    camera &&
    !(action.region === null ? regions.length === 0 : regions.includes(action.region))
  ) {
    const wanted = regions.length === 0 ? 'must be null' : `must be one of: ${regions.join(', ')}`;
    problems.push({ path: 'region', message: wanted });
  }
  const fault = labelFault(action.label);
  if (fault !== null) problems.push({ path: 'label', message: fault });
  return problems;
}

/** A press labels for the task that decides on the image: it must be one, and only one. */
function decidingProblems(
  config: Config,
  { camera, region, task }: Extract<Action, { kind: 'label' }>,
): ConfigProblem[] {
  const deciding = tasksOf(config).filter((each) => decidesOn(each, { camera, region }));
  const meant = deciding.filter(({ name }) => task === null || name === task);
  // Images on which no task decides are a problem of the tasks.
  if (meant.length === 1 || deciding.length === 0) return [];
  const names = deciding.map(({ name }) => name).join(', ');
  return [{ path: 'task', message: `must be one of: ${names}` }];
}

function labelFault(label: string): string | null {
  try {
    normaliseLabel(label);
    return null;
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return error.message;
  }
}
