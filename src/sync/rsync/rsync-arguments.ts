export interface RsyncSettings {
  kind: 'daemon' | 'ssh';
  /** rsync://host/module/path/ or user@host:path/ */
  destination: string;
  timeoutMs: number;
  sshKeyFile: string | null;
  knownHostsFile: string | null;
  sshPort: number;
}

/** Hidden, so that no reader of the target takes half a file for a picture. */
const PARTIAL_FOLDER = '.headland-partial';
const SSH_CONNECT_SECONDS = 20;

/**
 * Arguments of rsync, without a shell. `--checksum`: a picture that is already there is not sent
 * again after a crash, and metadata of the same size is not taken for the same.
 * @param folder relative to the working folder; the part after "/./" is created in the target
 */
export function rsyncArguments(settings: RsyncSettings, folder: string): string[] {
  const { kind, destination, timeoutMs } = settings;
  const seconds = Math.max(1, Math.ceil(timeoutMs / 1_000));
  const connection =
    kind === 'daemon'
      ? [`--contimeout=${Math.min(seconds, 60)}`, '--no-motd']
      : [`--rsh=${sshCommand(settings)}`];
  return [
    '--recursive',
    '--relative',
    '--checksum',
    // Not the modes of the private staging folder.
    '--perms',
    '--chmod=D0755,F0644',
    '--partial',
    `--partial-dir=${PARTIAL_FOLDER}`,
    '--protect-args',
    `--timeout=${seconds}`,
    ...connection,
    '--',
    folder,
    destination,
  ];
}

/** rsync splits this at spaces; the configuration allows none in the paths. */
function sshCommand({ sshKeyFile, knownHostsFile, sshPort }: RsyncSettings): string {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `ConnectTimeout=${SSH_CONNECT_SECONDS}`,
    'ServerAliveInterval=15',
    ...(knownHostsFile === null ? [] : [`UserKnownHostsFile=${knownHostsFile}`]),
    ...(sshKeyFile === null ? [] : [`IdentityFile=${sshKeyFile}`, 'IdentitiesOnly=yes']),
  ];
  return `ssh -p ${sshPort} ${options.map((option) => `-o ${option}`).join(' ')}`;
}
