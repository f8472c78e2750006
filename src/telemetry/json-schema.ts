import { z } from 'zod';
import { COMMANDS, responseSchema } from './command-contract.js';
import { MESSAGES } from './contract.js';

/**
 * The MQTT contract as one JSON Schema document (draft 2020-12): `$defs` holds a schema per
 * message (`message_<name>`), command (`command_<name>`) and the `response`; `x-topics` says
 * which of them flows on which topic, with which QoS and retain flag.
 */
export function contractJsonSchema(): Record<string, unknown> {
  const defs: Record<string, unknown> = {};
  const topics: Record<string, unknown> = {};
  for (const [name, message] of Object.entries(MESSAGES)) {
    defs[`message_${name}`] = toJsonSchema(message.schema);
    topics[`headland/<robot>/${message.topic}`] = {
      direction: 'from the robot',
      qos: message.qos,
      retain: message.retain,
      $ref: `#/$defs/message_${name}`,
    };
  }
  for (const [name, schema] of Object.entries(COMMANDS)) {
    defs[`command_${name}`] = toJsonSchema(schema);
    topics[`headland/<robot>/cmd/${name}`] = {
      direction: 'to the robot',
      qos: 1,
      retain: false,
      $ref: `#/$defs/command_${name}`,
    };
    topics[`headland/<robot>/cmd/${name}/response`] = {
      direction: 'from the robot, unless the command names another response topic',
      qos: 1,
      retain: false,
      $ref: '#/$defs/response',
    };
  }
  defs.response = toJsonSchema(responseSchema);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'headland: MQTT messages and commands',
    'x-topics': topics,
    $defs: defs,
  };
}

function toJsonSchema(schema: z.ZodType): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema);
  return rest;
}
