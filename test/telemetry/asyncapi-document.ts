import { z } from 'zod';
import { COMMANDS, responseSchema } from '../../src/telemetry/contract/command-contract.js';
import { MESSAGES, type MessageName } from '../../src/telemetry/contract/messages.js';
import {
  CONTRACT,
  commandTopic,
  messageTopic,
  type Route,
  responseTopic,
} from '../../src/telemetry/contract/topics.js';

type Json = Record<string, unknown>;

const SCHEMA_FORMAT = 'application/schema+json;version=draft-07';
const PARAMETERS = {
  robot: { description: 'robot.id of the settings' },
  task: { description: 'Name of a task, for robots whose settings name tasks' },
  camera: { description: 'Name of a camera' },
};

/** The MQTT contract as an AsyncAPI 3 document, from the side of the robot: it sends messages. */
export function asyncApiDocument(): Json {
  const parts = { channels: {} as Json, operations: {} as Json, messages: {} as Json };
  const message = (name: string, title: string, schema: z.ZodType): void => {
    parts.messages[name] = {
      name,
      title,
      ...(schema.description === undefined ? {} : { summary: schema.description }),
      contentType: 'application/json',
      payload: { schemaFormat: SCHEMA_FORMAT, schema: draft7(schema) },
    };
  };
  const channel = (name: string, topic: string, messageName: string): void => {
    const address = `headland/{robot}/${topic.replaceAll('<', '{').replaceAll('>', '}')}`;
    const parameters = Object.entries(PARAMETERS).filter(([each]) => address.includes(`{${each}}`));
    parts.channels[name] = {
      address,
      messages: { [messageName]: { $ref: `#/components/messages/${messageName}` } },
      parameters: Object.fromEntries(parameters),
    };
  };
  for (const name of Object.keys(MESSAGES) as MessageName[]) {
    const route = CONTRACT[name];
    message(name, name.replaceAll('_', ' '), MESSAGES[name]);
    channel(name, route.topic, name);
    parts.operations[name] = operation('send', name, name, route);
    const unnamed = messageTopic(name, null);
    if (unnamed === route.topic) continue;
    const single = `${name}_without_tasks`;
    channel(single, unnamed, name);
    parts.operations[single] = operation('send', single, name, route);
  }
  parts.messages.picture = {
    name: 'picture',
    title: 'picture',
    summary: 'Newest picture of a camera; empty: it is taken back',
    contentType: 'image/jpeg',
    payload: { type: 'string', contentMediaType: 'image/jpeg' },
  };
  channel('picture', CONTRACT.picture.topic, 'picture');
  parts.operations.picture = operation('send', 'picture', 'picture', CONTRACT.picture);
  message('response', 'response', responseSchema);
  for (const [name, schema] of Object.entries(COMMANDS)) {
    const [command, response] = [`command_${name}`, `response_${name}`];
    message(command, `command ${name}`, schema);
    channel(command, commandTopic(name), command);
    channel(response, responseTopic(name), 'response');
    parts.operations[command] = {
      ...operation('receive', command, command, CONTRACT.command),
      reply: {
        channel: { $ref: `#/channels/${response}` },
        messages: [{ $ref: `#/channels/${response}/messages/response` }],
      },
    };
    parts.operations[response] = operation('send', response, 'response', CONTRACT.response);
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'headland: MQTT messages and commands',
      // Each message names the version of its schema.
      version: '1',
      description: 'Guarantees and examples: docs/reference/mqtt.md',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      broker: {
        host: '{host}:{port}',
        protocol: 'mqtt',
        description: 'The broker of mqtt.url; without it, one that headland embeds',
        variables: { host: { default: '127.0.0.1' }, port: { default: '1883' } },
      },
    },
    channels: parts.channels,
    operations: parts.operations,
    components: { messages: parts.messages },
  };
}

function operation(
  action: 'send' | 'receive',
  channel: string,
  message: string,
  { qos, retain, expirySeconds }: Route,
): Json {
  const expiry =
    expirySeconds === 'mqtt.outboxMaxAgeMs'
      ? { type: 'integer', description: 'The setting mqtt.outboxMaxAgeMs, in seconds' }
      : expirySeconds;
  return {
    action,
    channel: { $ref: `#/channels/${channel}` },
    messages: [{ $ref: `#/channels/${channel}/messages/${message}` }],
    bindings: {
      mqtt: {
        qos,
        retain,
        ...(expiry === null ? {} : { messageExpiryInterval: expiry }),
        bindingVersion: '0.2.0',
      },
    },
  };
}

function draft7(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7' });
  return rest;
}
