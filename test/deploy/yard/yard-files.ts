import { z } from 'zod';

/** Of compose.yaml, exactly what the yard uses: whatever else is written there is an error. */
const serviceSchema = z.strictObject({
  image: z.string(),
  restart: z.literal('unless-stopped'),
  command: z.array(z.string()).min(1),
  user: z
    .string()
    .regex(/^\d+:\d+$/)
    .optional(),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  tmpfs: z.array(z.string().startsWith('/')).optional(),
  depends_on: z.array(z.string()).optional(),
  volumes: z.array(z.string()),
  ports: z.array(z.string()),
});

export const composeSchema = z.strictObject({
  name: z.string(),
  services: z.strictObject({ broker: serviceSchema, hub: serviceSchema }),
  volumes: z.record(z.string(), z.null()),
});

export type Compose = z.infer<typeof composeSchema>;
export type ServiceName = keyof Compose['services'];

/** What a container sees at a path. */
export interface Mount {
  /** Path from the folder of compose.yaml, or the name of a volume. */
  source: string;
  /** Absolute, in the container. */
  target: string;
  isVolume: boolean;
  isReadOnly: boolean;
}

/** @throws Error for a mount that is not written as the yard writes them */
export function mountsOf({ services }: Compose, service: ServiceName): Mount[] {
  return services[service].volumes.map((text) => {
    const match = /^([^:]+):(\/[^:]+?)(:ro)?$/.exec(text);
    if (match === null) throw new Error(`no mount: ${text}`);
    const [, source = '', target = '', readOnly] = match;
    return {
      source,
      target,
      isVolume: /^[a-z]+$/.test(source),
      isReadOnly: readOnly !== undefined,
    };
  });
}

/** What a container has at a path; null: nothing that is mounted. @returns the mount, and the path below it */
export function mountAt(
  mounts: readonly Mount[],
  path: string,
): { mount: Mount; below: string } | null {
  for (const mount of mounts) {
    if (path === mount.target) return { mount, below: '' };
    if (path.startsWith(`${mount.target}/`)) {
      return { mount, below: path.slice(mount.target.length + 1) };
    }
  }
  return null;
}

/** Settings of a file of mosquitto: name and value of each line. */
export function mosquittoSettings(text: string): [name: string, value: string][] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', ...value] = line.split(' ');
      return [name, value.join(' ')];
    });
}
