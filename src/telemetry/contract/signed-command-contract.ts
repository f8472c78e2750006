import { z } from 'zod';

/** What a signed command carries instead of its fields, and what the signature covers. */

/** Longest time from `iat` to `exp`. */
export const MAX_LIFETIME_SECONDS = 600;

export const signedCommandSchema = z
  .strictObject({
    key: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .describe('Id of the key, as `headland keys list` shows it'),
    signed: z
      .string()
      .min(2)
      .describe('The signed statement, a JSON object as text: its bytes are what is signed'),
    signature: z
      .string()
      .regex(/^[A-Za-z0-9_-]{86}$/)
      .describe(
        'Ed25519 signature, base64url, of "headland-command/1", a line feed and the UTF-8 bytes of `signed`',
      ),
  })
  .describe('A signed command, on the topic of the command in place of its fields');

export const statementSchema = z
  .strictObject({
    aud: z.string().min(1).max(64).describe('`robot.id` of the robot that is to execute it'),
    command: z.string().min(1).max(64).describe('The command, as in the topic'),
    iat: z.int().min(0).describe('When it was signed, Unix time in seconds'),
    exp: z
      .int()
      .min(0)
      .describe(`When it ends, Unix time in seconds; at most ${MAX_LIFETIME_SECONDS} after iat`),
    counter: z
      .int()
      .min(1)
      .max(Number.MAX_SAFE_INTEGER)
      .describe('Higher than in every earlier command of this key'),
    fields: z.record(z.string(), z.unknown()).describe('The fields of the command'),
  })
  .describe('The statement in `signed`');

export type SignedCommand = z.infer<typeof signedCommandSchema>;
export type Statement = z.infer<typeof statementSchema>;
