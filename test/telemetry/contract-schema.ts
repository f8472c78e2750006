import { z } from 'zod';
import { COMMANDS, responseSchema } from '../../src/telemetry/contract/command-contract.js';
import { MESSAGES, type MessageName } from '../../src/telemetry/contract/messages.js';
import {
  signedCommandSchema,
  statementSchema,
} from '../../src/telemetry/contract/signed-command-contract.js';
import {
  CONTRACT,
  commandTopic,
  pictureTopic,
  type Route,
  responseTopic,
} from '../../src/telemetry/contract/topics.js';

/**
 * The MQTT contract as one JSON Schema document (draft 2020-12): `$defs` holds a schema per
 * message (`message_<name>`), command (`command_<name>`) and the `response`; `x-topics` says
 * which of them flows on which topic, with which QoS, retain flag and expiry.
 */
export function contractJsonSchema(): Record<string, unknown> {
  const defs: Record<string, unknown> = {};
  const topics: Record<string, unknown> = {};
  for (const name of Object.keys(MESSAGES) as MessageName[]) {
    defs[`message_${name}`] = toJsonSchema(MESSAGES[name]);
    topics[`headland/<robot>/${CONTRACT[name].topic}`] = {
      direction: 'from the robot',
      ...guarantees(CONTRACT[name]),
      $ref: `#/$defs/message_${name}`,
    };
  }
  topics[`headland/<robot>/${pictureTopic('<camera>')}`] = {
    direction: 'from the robot',
    ...guarantees(CONTRACT.picture),
    content_type: 'image/jpeg',
  };
  for (const [name, schema] of Object.entries(COMMANDS)) {
    defs[`command_${name}`] = toJsonSchema(schema);
    topics[`headland/<robot>/${commandTopic(name)}`] = {
      direction: 'to the robot',
      ...guarantees(CONTRACT.command),
      $ref: `#/$defs/command_${name}`,
    };
    topics[`headland/<robot>/${responseTopic(name)}`] = {
      direction: 'from the robot, unless the command names another response topic',
      ...guarantees(CONTRACT.response),
      $ref: '#/$defs/response',
    };
  }
  defs.response = toJsonSchema(responseSchema);
  defs.signed_command = toJsonSchema(signedCommandSchema);
  defs.signed_command_statement = toJsonSchema(statementSchema);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'headland: MQTT messages and commands',
    'x-topics': topics,
    $defs: defs,
  };
}

function guarantees({ qos, retain, expirySeconds }: Route): Record<string, unknown> {
  return { qos, retain, expiry_seconds: expirySeconds };
}

function toJsonSchema(schema: z.ZodType): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema);
  return rest;
}
