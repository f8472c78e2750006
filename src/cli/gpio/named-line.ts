import { HeadlandError } from '../../base/errors.js';

/**
 * The output or input with a name.
 * @throws HeadlandError HL_GPIO_NAME_UNKNOWN
 */
export function namedLine<Line extends { name: string }>(
  kind: 'output' | 'input',
  name: string,
  lines: readonly Line[],
): Line {
  const found = lines.find((line) => line.name === name);
  if (found) return found;
  const names = lines.map((line) => line.name);
  throw new HeadlandError('HL_GPIO_NAME_UNKNOWN', `there is no ${kind} "${name}"`, {
    remedy:
      names.length > 0
        ? `Use one of: ${names.join(', ')}.`
        : `Add it to gpio.${kind}s, and name the configuration: --config FILE.`,
    details: { name, names },
  });
}
