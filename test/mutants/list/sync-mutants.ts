import type { Mutant } from '../mutant.js';

const SYNCHRONISER = 'src/sync/synchroniser.ts';
const DISCOVERY = 'src/sync/discovery.ts';
const ALLOWANCE = 'src/sync/allowance.ts';
const S3_TARGET = 'src/sync/s3/s3-target.ts';
const S3_ERRORS = 'src/sync/s3/s3-errors.ts';
const RSYNC_TARGET = 'src/sync/rsync/rsync-target.ts';
const RSYNC_ARGUMENTS = 'src/sync/rsync/rsync-arguments.ts';
const SERVICE = 'src/agent/sync-service.ts';
const PASS_TESTS = [{ file: 'test/sync/synchroniser.test.ts' }];
const S3_TESTS = [{ file: 'test/sync/s3-target.test.ts' }];
/** Not those that mount a disk: a test that is ended with the first failure would leave it. */
const RSYNC_TESTS = [
  {
    file: 'test/sync/rsync-target.test.ts',
    names: 'readable for others|same length|after a crash|own codes|over ssh|every argument',
  },
];
const ALLOWANCE_TESTS = [{ file: 'test/sync/allowance.test.ts' }];
const SERVICE_TESTS = [
  { file: 'test/agent/sync-service.test.ts', names: 'alarm|request that hangs' },
];
const ROUND_TRIP_TESTS = [{ file: 'test/sync/round-trip.test.ts' }];

export const SYNC_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a sample counts as sent only after the target has acknowledged it',
    file: SYNCHRONISER,
    text: '        if (!batch.add(row, sample, outgoing)) return;',
    replacement: `        if (!batch.add(row, sample, outgoing)) return;
        table.put(targetId, { ...row, due: false });`,
    tests: PASS_TESTS,
  },
  {
    promise: 'what was acknowledged is not sent again',
    file: SYNCHRONISER,
    text: 'for (const { row } of sent) table.put(targetId, row);',
    replacement: '',
    tests: PASS_TESTS,
  },
  {
    promise: 'no metadata is in the store before its picture',
    file: S3_TARGET,
    text: `      if (picture !== null) await this.#put(picture.name, picture.bytes, signal);
      await this.#put(sidecar.name, Buffer.from(sidecar.text), signal);`,
    replacement: `      await this.#put(sidecar.name, Buffer.from(sidecar.text), signal);
      if (picture !== null) await this.#put(picture.name, picture.bytes, signal);`,
    tests: [{ file: 'test/sync/kill.test.ts' }],
  },
  {
    promise: 'a changed label sends the metadata again',
    file: DISCOVERY,
    text: 'this.#searchLabels(seen, target);',
    replacement: '',
    tests: PASS_TESTS,
  },
  {
    promise: 'a change by another process is found without knowing of it',
    file: DISCOVERY,
    text: 'row?.sentDigest !== metadataDigest(asSent(sample, this.selection));',
    replacement: 'row?.sentDigest == null;',
    tests: PASS_TESTS,
  },
  {
    promise: 'only chosen samples leave the robot',
    file: DISCOVERY,
    text: '(row?.file != null || isSelected(sample, this.selection)) &&',
    replacement: '',
    tests: PASS_TESTS,
  },
  {
    promise: 'a camera is chosen by its whole name',
    file: DISCOVERY,
    text: 'cameras.includes(camera)',
    replacement: 'cameras.some((name) => camera.startsWith(name))',
    tests: PASS_TESTS,
  },
  {
    promise: 'a sample that is no longer chosen at its turn is not sent',
    file: SYNCHRONISER,
    text: 'row.file === null && !isSelected(sample, selection)',
    replacement: 'false',
    tests: PASS_TESTS,
  },
  {
    promise: 'one sample that the store refuses keeps no other from being sent',
    file: SYNCHRONISER,
    text: `this.#refused.set(sampleId, { digest: sentDigest!, error });
      return true;`,
    replacement: `this.#refused.set(sampleId, { digest: sentDigest!, error });
      throw error;`,
    tests: PASS_TESTS,
  },
  {
    promise: 'the daily limit is on the disk before anything is sent',
    file: SYNCHRONISER,
    text: '    this.allowance.save();\n',
    replacement: '',
    tests: PASS_TESTS,
  },
  {
    promise: 'a wrong clock gives at most one daily amount',
    file: ALLOWANCE,
    text: 'Math.min(Math.max(0, clocks.wallMs() - (saved?.savedAtMs ?? 0)), DAY_MS)',
    replacement: 'Math.max(0, clocks.wallMs() - (saved?.savedAtMs ?? 0))',
    tests: ALLOWANCE_TESTS,
  },
  {
    promise: 'bytes do not accrue without bound',
    file: ALLOWANCE,
    text: 'this.#bytes = Math.min(this.#bytes, maxBytesPerDay);',
    replacement: '',
    tests: ALLOWANCE_TESTS,
  },
  {
    promise: 'a clock that was set back takes nothing away',
    file: ALLOWANCE,
    text: 'Math.max(0, clocks.wallMs() - (saved?.savedAtMs ?? 0))',
    replacement: 'clocks.wallMs() - (saved?.savedAtMs ?? 0)',
    tests: ALLOWANCE_TESTS,
  },
  {
    promise: 'single errors on the way are no failure',
    file: S3_TARGET,
    text: 'const ATTEMPTS = 3;',
    replacement: 'const ATTEMPTS = 1;',
    tests: S3_TESTS,
  },
  {
    promise: 'an answer that breaks off is no success',
    file: 'src/sync/s3/s3-request.ts',
    text: "response.on('error', reject);",
    replacement: "response.on('error', () => resolve({ status: 200, date: null, body: '' }));",
    tests: S3_TESTS,
  },
  {
    promise: 'a store that does not answer is given up',
    file: 'src/sync/s3/s3-request.ts',
    text: 'request.setTimeout(timeoutMs, () => request.destroy(late(timeoutMs)));',
    replacement: 'request.setTimeout(timeoutMs, () => {});',
    tests: S3_TESTS,
  },
  {
    promise: 'a message of the store does not show the key that it repeats',
    file: S3_ERRORS,
    text: ".replaceAll(accessKeyId, '[redacted]')",
    replacement: '',
    tests: S3_TESTS,
  },
  {
    promise: 'a wrong clock is named',
    file: S3_ERRORS,
    text: "code === 'RequestTimeTooSkewed' || ",
    replacement: '',
    tests: S3_TESTS,
  },
  {
    promise: 'rsync sends metadata after the pictures',
    file: RSYNC_TARGET,
    text: `      if (pictures > 0) await this.#transfer('pictures', signal);
      if (sidecars > 0) await this.#transfer('sidecars', signal);`,
    replacement: `      if (sidecars > 0) await this.#transfer('sidecars', signal);
      if (pictures > 0) await this.#transfer('pictures', signal);`,
    tests: RSYNC_TESTS,
  },
  {
    promise: 'no copy stays behind in the staging folder',
    file: RSYNC_TARGET,
    text: 'await rm(this.options.stagingDir, { recursive: true, force: true }).catch(() => {',
    replacement: 'await Promise.resolve().catch(() => {',
    tests: RSYNC_TESTS,
  },
  {
    promise: 'copies of an earlier batch are not sent with this one',
    file: RSYNC_TARGET,
    text: '      await rm(stagingDir, { recursive: true, force: true });\n      await makeFolder(stagingDir',
    replacement: '      await makeFolder(stagingDir',
    tests: RSYNC_TESTS,
  },
  {
    promise: 'a failure of rsync is a failure',
    file: RSYNC_TARGET,
    text: 'if (code !== 0) throw',
    replacement: 'if (code === -1) throw',
    tests: RSYNC_TESTS,
  },
  {
    promise: 'metadata of the same size is not taken for the same',
    file: RSYNC_ARGUMENTS,
    text: "    '--checksum',\n",
    replacement: "    '--size-only',\n",
    tests: RSYNC_TESTS,
  },
  {
    promise: 'the modes of the private staging folder are not copied',
    file: RSYNC_ARGUMENTS,
    text: "    '--chmod=D0755,F0644',\n",
    replacement: "    '--chmod=D0700,F0600',\n",
    tests: RSYNC_TESTS,
  },
  {
    promise: 'nothing in a target can be taken for an option',
    file: RSYNC_ARGUMENTS,
    text: "    '--',\n",
    replacement: '',
    tests: RSYNC_TESTS,
  },
  {
    promise: 'no shell of the server reads a part of the target',
    file: RSYNC_ARGUMENTS,
    text: "    '--protect-args',\n",
    replacement: '',
    tests: RSYNC_TESTS,
  },
  {
    promise: 'ssh asks no question',
    file: RSYNC_ARGUMENTS,
    text: "    'BatchMode=yes',\n",
    replacement: '',
    tests: RSYNC_TESTS,
  },
  {
    promise: 'two passes never run at the same time',
    file: SERVICE,
    text: "acquireStateLock(stateDir, 'sync')",
    replacement: 'acquireStateLock(stateDir, `sync ${process.pid}`)',
    tests: [{ file: 'test/sync/sync-command.test.ts', names: 'two passes' }],
  },
  {
    promise: 'a sample that the store refuses is an alarm',
    file: SERVICE,
    text: 'if (first) throw first.error;',
    replacement: '',
    tests: SERVICE_TESTS,
  },
  {
    promise: 'stopping ends a request that hangs',
    file: SERVICE,
    text: '    this.#end.abort();\n',
    replacement: '',
    tests: SERVICE_TESTS,
  },
  {
    promise: 'an import takes groups and holdout from the sidecars',
    file: 'src/samples/folder/import-folder.ts',
    text: 'for (const entry of folder.sidecars) manifest.entries.set(entry.sha256, entry);',
    replacement: '',
    tests: ROUND_TRIP_TESTS,
  },
  {
    promise: 'a sidecar counts before the name of its folder',
    file: 'src/samples/folder/find-pictures.ts',
    text: 'else if (!finder.addBySidecars(rest, sidecars)) await',
    replacement: 'else await',
    tests: ROUND_TRIP_TESTS,
  },
];
