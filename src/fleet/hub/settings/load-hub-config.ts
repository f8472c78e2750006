import { readFileSync } from 'node:fs';
import { HeadlandError, messageOf } from '../../../base/errors.js';
import { issueText } from '../../../base/words/issue-text.js';
import { readYaml } from '../../../base/words/read-yaml.js';
import { decodeText } from '../../../base/words/text.js';
import { type HubConfig, hubConfigSchema } from './hub-schema.js';

/**
 * Reads and validates the configuration file of the hub.
 * @throws HeadlandError HL_CONFIG_NOT_FOUND, HL_CONFIG_SYNTAX, HL_CONFIG_INVALID
 */
export function loadHubConfig(path: string): HubConfig {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new HeadlandError('HL_CONFIG_NOT_FOUND', `cannot read ${path}: ${messageOf(cause)}`, {
      remedy: 'Write a configuration file (docs/reference/fleet-hub.md), or name it with --config.',
      details: { path },
      cause,
    });
  }
  const { value, fault } = readYaml(decodeText(bytes).text ?? '');
  if (fault !== null) {
    throw new HeadlandError('HL_CONFIG_SYNTAX', `${path}: ${fault}`, {
      remedy: 'Correct the YAML at the named place.',
      details: { path },
    });
  }
  return checkHubConfig(value, path);
}

/** @throws HeadlandError HL_CONFIG_INVALID */
export function checkHubConfig(value: unknown, path: string): HubConfig {
  const parsed = hubConfigSchema.safeParse(value, { error: issueText });
  if (parsed.success) {
    const { stages } = parsed.data.rollout;
    const ascends = stages.every((share, i) => i === 0 || share > (stages[i - 1] ?? 0));
    if (ascends && stages.at(-1) === 1) return parsed.data;
    throw invalid(path, ['rollout.stages: must ascend to 1']);
  }
  throw invalid(
    path,
    parsed.error.issues.map(({ path: at, message }) => `${at.join('.') || 'file'}: ${message}`),
  );
}

function invalid(path: string, problems: string[]): HeadlandError {
  return new HeadlandError('HL_CONFIG_INVALID', `${path}: ${problems.join('; ')}`, {
    remedy: 'Correct the named fields; docs/reference/fleet-hub.md describes each.',
    details: { path, problems },
  });
}
