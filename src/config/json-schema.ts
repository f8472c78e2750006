import { z } from 'zod';
import { configSchema } from './schema.js';

/**
 * The JSON Schema (draft 2020-12) of the configuration file, for editors and the page. A reload applies a
 * changed setting, except one with `requiresRestart`. The page does not set those with `onlyByHand`.
 */
export function configJsonSchema(): Record<string, unknown> {
  return {
    $id: 'https://headland.invalid/schema/config.json',
    title: 'headland configuration',
    ...z.toJSONSchema(configSchema, { io: 'input' }),
  };
}
