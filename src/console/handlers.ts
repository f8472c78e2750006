import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { ACCESS } from './contract/access-contract.js';
import type { AnswerOf, CONTRACT, HasBytes, PartOf, RouteKey } from './contract/contract.js';

type Parsed<Given> = Given extends z.ZodType ? z.output<Given> : Record<string, never>;

/** A request that matches the contract of its route. */
export interface Visit<Key extends RouteKey> {
  params: Parsed<PartOf<Key, 'params'>>;
  query: Parsed<PartOf<Key, 'query'>>;
  body: HasBytes<Key, 'body'> extends true ? BytesBody : Parsed<PartOf<Key, 'body'>>;
}

/** A body that is not JSON, not yet read. */
export interface BytesBody {
  mediaType: string;
  bytes: Readable;
}

/** An answer that is not JSON. */
export interface BytesAnswer {
  mediaType: string;
  bytes: Uint8Array | Readable;
  headers?: Record<string, string>;
}

/** The answer of a route; null in place of bytes: there are none yet. */
export type ResultOf<Key extends RouteKey> =
  HasBytes<Key, 'answer'> extends true ? BytesAnswer | null : AnswerOf<Key>;

/** Answers the requests of one route. Throws HeadlandErrors. */
export type Handler<Key extends RouteKey> = (
  visit: Visit<Key>,
) => ResultOf<Key> | Promise<ResultOf<Key>>;

/** Handlers for all routes of some contracts, such as `HandlersOf<keyof typeof PICTURES>`. */
export type HandlersOf<Keys extends RouteKey> = { readonly [Key in Keys]: Handler<Key> };

/** Routes that the server answers itself, from what every source offers. */
export type OwnKey =
  | 'GET /healthz'
  | 'GET /readyz'
  | 'GET /api/status'
  | 'GET /api/latest'
  | 'GET /api/frame.jpg'
  | 'GET /api/stream'
  | keyof typeof ACCESS;

/** Handlers for all routes that a source answers. */
export type SourceHandlers = HandlersOf<Exclude<keyof typeof CONTRACT, OwnKey>>;
