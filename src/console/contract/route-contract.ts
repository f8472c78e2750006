import { z } from 'zod';

/** An answer or a body that is not JSON: the media types that it may have. */
export interface BytesContract {
  readonly mediaTypes: readonly string[];
}

/** What a route of the console takes and answers. Types, checks and the OpenAPI document follow from it. */
export interface RouteContract {
  /** One sentence for programmers, in the imperative. */
  readonly summary: string;
  /** Needs no session and no token, because the answer reveals nothing about the robot. */
  readonly open?: true;
  /** About the robot as a whole: a `task` changes nothing. */
  readonly ofRobot?: true;
  /** The variable parts of the path, `{name}` each. */
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Absent: a POST takes an empty JSON object. */
  readonly body?: z.ZodType | BytesContract;
  /** Default: the limit of the server. */
  readonly maxBodyBytes?: number;
  readonly answer: z.ZodType | BytesContract;
  /** Of a success with an answer; default 200. */
  readonly status?: 202;
}

/** Routes by method and path, such as `GET /api/samples/{id}/picture`. */
export type RouteContracts = Readonly<
  Record<`${'GET' | 'POST' | 'DELETE'} /${string}`, RouteContract>
>;

export function isBytes(contract: z.ZodType | BytesContract): contract is BytesContract {
  return 'mediaTypes' in contract;
}

/** Query values are text. */
export const wholeNumber = (least: number, most: number): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^-?\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(least).max(most));

/** A sentence that the page translates: its key in the catalogue, its values, and the English text. */
export const message = z.object({
  key: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
  text: z.string(),
});
export type Message = z.infer<typeof message>;

export const sampleId = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be the id of a sample');
export const probability = z.number().min(0).max(1);
export const count = z.int().min(0);
export const label = z.string();
/** Unix time, milliseconds. */
export const atMs = z.number();

export const scoredLabel = z.object({ label, probability });

/** Names the change of an operation, so that {@link undo} can take it back; null: nothing changed. */
export const undoHandle = z.string().nullable();

/** Where the answer of the robot has no fields. */
export const nothing = z.object({});
