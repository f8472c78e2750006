import { z } from 'zod';

/** Field types that the sections of the configuration share. */

/** 1 to 63 letters, digits, `_` or `-`. */
export const name = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'use 1 to 63 letters, digits, "_" or "-"')
    .describe(what);
export const milliseconds = (min: number, max: number) => z.int().min(min).max(max);
export const probability = z.number().min(0).max(1);

/** A section. It may be left out when all its settings have defaults. */
export const section = <T extends z.ZodRawShape>(shape: T, what: string) =>
  z
    .strictObject(shape)
    .prefault({} as never)
    .describe(what);

// A program gets its arguments as a list that ends with NUL bytes.
const argument = z
  .string()
  .max(1_024)
  .regex(/^[^\0]*$/, 'must not contain NUL');

/** A program that headland starts. */
export const program = z.strictObject({
  path: z
    .string()
    .max(4_096)
    .regex(/^\/[^\0]*$/, 'use an absolute path')
    .describe('Absolute path of a program; it runs without a shell, with the rights of the daemon'),
  arguments: z.array(argument).max(32).default([]).describe('Fixed arguments'),
});

/** The configuration never contains a secret, only the file or systemd credential that holds it. */
export const secret = z
  .union([
    z.strictObject({
      file: z
        .string()
        .min(1)
        .describe('Path of a file that only the daemon can read (mode 0600)')
        .meta({ onlyByHand: true }),
    }),
    z.strictObject({
      credential: z.string().min(1).describe('Name given to LoadCredential= in the systemd unit'),
    }),
  ])
  .describe('Where the secret is read from; never its value');
