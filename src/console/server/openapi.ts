import { z } from 'zod';
import { CONTRACT } from '../contract/contract.js';
import { type BytesContract, isBytes, type RouteContract } from '../contract/route-contract.js';

type Json = Record<string, unknown>;

/**
 * The routes of the console as an OpenAPI 3.1 document, made from the same schemas that check requests.
 * @param version of headland
 */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [key, contract] of Object.entries(CONTRACT) as [string, RouteContract][]) {
    const [method, path] = key.split(' ') as [string, string];
    paths[path] ??= {};
    paths[path][method.toLowerCase()] = operation(method, contract);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'headland console',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: { Refusal: schemaOf(refusal, 'output') },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'headland_session' },
      },
    },
    security: [{ token: [] }, { session: [] }],
  };
}

const refusal = z.object({
  error: z.object({ code: z.string(), message: z.string(), remedy: z.string() }),
});

function operation(method: string, contract: RouteContract): Json {
  const { summary, open, ofRobot, params, query, body, answer, status = 200 } = contract;
  const task: Json = {
    name: 'task',
    in: 'query',
    required: false,
    description: 'Name of the task; by default the first of the robot.',
    schema: { type: 'string' },
  };
  const parameters = [
    ...fields(params, 'path'),
    ...(open || ofRobot ? [] : [task]),
    ...fields(query, 'query'),
    ...(method === 'GET' ? [] : [WRITE_HEADER]),
  ];
  const responses: Json = {
    [status]: { description: 'Success', content: content(answer, 'output') },
    default: {
      description: 'Refused',
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } },
    },
  };
  if (isBytes(answer) && method === 'GET') responses['204'] = { description: 'Nothing yet' };
  const described: Json = { summary, parameters, responses };
  if (open) described.security = [];
  if (method === 'POST') {
    described.requestBody = {
      required: true,
      content: content(body ?? z.strictObject({}), 'input'),
    };
  }
  return described;
}

const WRITE_HEADER: Json = {
  name: 'X-Headland',
  in: 'header',
  required: true,
  description: 'Proves that no form of another web site sends the request.',
  schema: { const: '1' },
};

function content(contract: z.ZodType | BytesContract, side: 'input' | 'output'): Json {
  if (!isBytes(contract)) return { 'application/json': { schema: schemaOf(contract, side) } };
  return Object.fromEntries(contract.mediaTypes.map((type) => [type, {}]));
}

function fields(schema: z.ZodObject | undefined, place: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, each]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: each,
  }));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
