import { z } from 'zod';
import { secret, section } from '../../fields.js';

const tls = section(
  {
    mode: z
      .enum(['off', 'self-signed', 'files'])
      .default('off')
      .describe('self-signed: headland makes a certificate; files: certFile and key below'),
    certFile: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('For mode files: certificate in PEM, followed by its chain'),
    key: secret.nullable().default(null).describe('For mode files: private key in PEM'),
  },
  'Encryption of the page',
);

export const console = section(
  {
    enabled: z.boolean().default(true),
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('0.0.0.0 opens the page to the network, for example to a phone'),
    port: z.int().min(0).max(65_535).default(8_090).describe('0 = any free port'),
    maxImportBytes: z
      .int()
      .min(1_000_000)
      .default(2_000_000_000)
      .describe(
        'Maximum size of an image or archive that the page imports, and of what is unpacked',
      ),
    token: secret
      .nullable()
      .default(null)
      .describe('null: none on loopback, else one that headland makes in paths.stateDir'),
    sessionDays: z
      .int()
      .min(1)
      .max(3_650)
      .default(90)
      .describe('A paired device that has not been used for this time must be paired again'),
    tls,
  },
  'The local web page',
);
