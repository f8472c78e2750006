/** A validated `sync.target`, taken apart. */
export type SyncAddress =
  | {
      kind: 's3';
      bucket: string;
      /** Beginning of all keys: '' or 'a/b/'. */
      prefix: string;
    }
  | {
      /** `daemon`: rsync://…; `ssh`: user@host:path. */
      kind: 'daemon' | 'ssh';
      /** For rsync's command line, with a final "/". */
      destination: string;
    };

/** @param target as `sync.target` of the configuration allows it */
export function parseSyncAddress(target: string): SyncAddress {
  const [, bucket, path = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(target) ?? [];
  if (bucket !== undefined) {
    const folder = path.replace(/\/$/, '');
    return { kind: 's3', bucket, prefix: folder === '' ? '' : `${folder}/` };
  }
  const kind = target.startsWith('rsync://') ? 'daemon' : 'ssh';
  return { kind, destination: target.endsWith('/') ? target : `${target}/` };
}
