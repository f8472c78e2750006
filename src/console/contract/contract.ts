import type { z } from 'zod';
import { ACCESS } from './access-contract.js';
import { BRAIN } from './brain-contract.js';
import { LIVE } from './live-contract.js';
import { PICTURES } from './pictures-contract.js';
import { ROBOT } from './robot-contract.js';
import type { BytesContract, RouteContract } from './route-contract.js';
import { TEACH } from './teach-contract.js';

/** Every route of the console, for the server, the page, the tests and the OpenAPI document. */
export const CONTRACT = {
  ...ACCESS,
  ...LIVE,
  ...TEACH,
  ...PICTURES,
  ...BRAIN,
  ...ROBOT,
} as const;

export type RouteKey = keyof typeof CONTRACT;

type ContractOf<Key extends RouteKey> = (typeof CONTRACT)[Key];

/** A part of a contract; undefined where it has none. */
export type PartOf<Key extends RouteKey, Name extends keyof RouteContract> =
  ContractOf<Key> extends Record<Name, infer Given> ? Given : undefined;

type Sent<Given> = Given extends z.ZodType ? z.input<Given> : Record<string, never>;

/** What a client sends. */
export type ParamsOf<Key extends RouteKey> = Sent<PartOf<Key, 'params'>>;
export type QueryOf<Key extends RouteKey> = Sent<PartOf<Key, 'query'>>;
export type BodyOf<Key extends RouteKey> = Sent<PartOf<Key, 'body'>>;

/** The JSON of an answer. */
export type AnswerOf<Key extends RouteKey> =
  PartOf<Key, 'answer'> extends z.ZodType ? z.output<PartOf<Key, 'answer'>> : never;

/** Whether a route answers or takes bytes that are not JSON. */
export type HasBytes<Key extends RouteKey, Name extends 'body' | 'answer'> =
  PartOf<Key, Name> extends BytesContract ? true : false;

/** Keys of the routes whose answer is JSON. */
export type JsonKey = {
  [Key in RouteKey]: HasBytes<Key, 'answer'> extends true ? never : Key;
}[RouteKey];

/** JSON response of every refused request. */
export interface RefusalBody {
  error: { code: string; message: string; remedy: string };
}
