import { z } from 'zod';
import { configSchema } from './schema.js';

/** The JSON Schema (draft 2020-12) of the configuration file, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    $id: 'https://headland.invalid/schema/config.json',
    title: 'headland configuration',
    ...z.toJSONSchema(configSchema, { io: 'input' }),
  };
}
