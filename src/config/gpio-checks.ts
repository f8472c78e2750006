import { isHeadlandError } from '../base/errors.js';
import { regionNames } from '../base/words/eye.js';
import { normaliseLabel } from '../base/words/label.js';
import type { ConfigProblem } from './config-problem.js';
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
  return driver === 'onoff' ? [...twice, ...onoffProblems(outputs, inputs)] : twice;
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
  return config.gpio.inputs.flatMap(({ action }, index) =>
    actionProblems(config, action).map(({ path, message }) => ({
      path: `gpio.inputs[${index}].action.${path}`,
      message,
    })),
  );
}

function actionProblems(config: Config, action: Action): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const task = 'task' in action ? action.task : null;
  const named = config.tasks.map(({ name }) => name);
  if (task !== null && !tasksOf(config).some(({ name }) => name === task)) {
    problems.push({ path: 'task', message: `no task is named "${task}"` });
  }
  if (action.kind === 'retrain' && task === null && named.length > 1) {
    problems.push({ path: 'task', message: `must be one of: ${named.join(', ')}` });
  }
  if (action.kind === 'acknowledge' && action.rule !== null) {
    const { rules } = config.alerts;
    if (!rules.some(({ name }) => name === action.rule)) {
      problems.push({ path: 'rule', message: `no rule in alerts.rules is named "${action.rule}"` });
    }
  }
  if (!('camera' in action)) return problems;
  const camera = config.cameras.find(({ name }) => name === action.camera);
  if (!camera) {
    problems.push({ path: 'camera', message: `no camera is named "${action.camera}"` });
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

function labelFault(label: string): string | null {
  try {
    normaliseLabel(label);
    return null;
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return error.message;
  }
}
