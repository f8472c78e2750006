import { z } from 'zod';
import { milliseconds, name, secret, section } from '../../fields.js';

const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])`;
const USER = `[A-Za-z0-9_][A-Za-z0-9_.-]*`;
/** Characters that no store, shell or URL treats specially; no part is "." or "..". */
const PART = String.raw`(?!\.{1,2}(?:/|$))[A-Za-z0-9_.~-]+`;

const TARGET = new RegExp(
  [
    `^(?:s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/${PART})*/?`,
    `rsync://(?:${USER}@)?${HOST}(?::[0-9]{1,5})?(?:/${PART})+/?`,
    `(?:${USER}@)?${HOST}:(?!//)(?:/|(?:~/)?${PART}|/${PART})(?:/${PART})*/?)$`,
  ].join('|'),
);
/** ssh and rsync split their options at spaces and quotes, and expand "%". */
const plainPath = (what: string) =>
  z
    .string()
    .regex(/^\/[^\s'"\\%]+$/, 'use an absolute path without spaces, quotes, "\\" and "%"')
    .nullable()
    .default(null)
    .describe(what)
    .meta({ onlyByHand: true });

export const sync = section(
  {
    target: z
      .string()
      .max(1_024)
      .regex(
        TARGET,
        'use s3://bucket/prefix, rsync://host/module/path or user@host:path, without a password',
      )
      .nullable()
      .default(null)
      .describe('Where samples are sent to; null = no picture leaves the robot'),
    send: z
      .enum(['labelled', 'waiting', 'all'])
      .default('labelled')
      .describe('Samples with a label, those that wait for one, or both'),
    cameras: z
      .array(name('Name of a camera, or "import" for imported pictures'))
      .max(64)
      .default([])
      .describe('Only samples of these cameras; empty = of all'),
    positions: z
      .boolean()
      .default(true)
      .describe(
        'Whether the metadata contains where a sample was captured; a position that the camera put into a picture is sent in any case',
      ),
    intervalMs: milliseconds(1_000, 604_800_000)
      .default(600_000)
      .describe('Time between two passes of the daemon'),
    maxBytesPerDay: z
      .int()
      .min(100_000)
      .nullable()
      .default(1_000_000_000)
      .describe('Average limit of what is sent, retries included; null = no limit'),
    timeoutMs: milliseconds(1_000, 3_600_000)
      .default(60_000)
      .describe('A transfer that makes no progress for this long has failed'),
    backoffInitialMs: milliseconds(100, 3_600_000).default(5_000),
    backoffMaxMs: milliseconds(1_000, 86_400_000).default(900_000),
    s3: section(
      {
        endpoint: z
          .string()
          .regex(
            new RegExp(`^https?://${HOST}(?::[0-9]{1,5})?/?$`),
            'use https://host or https://host:9000, without a path or password',
          )
          .nullable()
          .default(null)
          .describe('Address of the store; null = Amazon S3'),
        region: z
          .string()
          .regex(/^[a-z0-9-]{1,64}$/, 'use a name such as eu-central-1')
          .default('us-east-1'),
        pathStyle: z
          .boolean()
          .nullable()
          .default(null)
          .describe('Bucket in the path instead of the host name; null = with an endpoint'),
        accessKeyId: secret.nullable().default(null),
        secretAccessKey: secret.nullable().default(null),
        sessionToken: secret.nullable().default(null),
      },
      'For s3://. Without keys here, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the environment are used',
    ),
    rsync: section(
      {
        password: secret.nullable().default(null).describe('Of the user in an rsync:// target'),
        sshKeyFile: plainPath('Private key for user@host:path; null = as ssh is configured'),
        knownHostsFile: plainPath(
          'Known host keys for user@host:path; null = as ssh is configured',
        ),
        sshPort: z.int().min(1).max(65_535).default(22),
        maxBatchBytes: z
          .int()
          .min(1_000_000)
          .max(10_000_000_000)
          .default(64_000_000)
          .describe('Size of the copies that wait in <stateDir>/sync for one run of rsync'),
      },
      'For rsync:// and user@host:path',
    ),
  },
  'Copies of samples on a server; off by default',
);
