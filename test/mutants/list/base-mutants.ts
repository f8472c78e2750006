import type { Mutant } from '../mutant.js';

const DURABLE_FILES = 'src/base/files/durable-files.ts';
const DURABLE_TESTS = [{ file: 'test/base/durable-files.test.ts' }];
const BACKOFF = 'src/base/backoff.ts';
const BACKOFF_TESTS = [{ file: 'test/base/backoff.test.ts' }];

export const BASE_MUTANTS: readonly Mutant[] = [
  {
    promise: 'no value in the log imitates a line of its own',
    file: 'src/base/log-text.ts',
    text: '/[\\p{Cc}\\u2028\\u2029]/gu',
    replacement: '/[\\u2028\\u2029]/gu',
    tests: [{ file: 'test/base/log.test.ts' }],
  },
  {
    promise: 'root leaves nothing that the owner of the folder cannot read',
    file: 'src/base/files/inherit-owner.ts',
    text: 'if (uid !== 0) fchownSync(descriptor, uid, gid);',
    replacement: '',
    tests: [{ file: 'test/cli/as-root.test.ts' }],
  },
  {
    promise: 'root appends to no file that another user points a link at',
    file: 'src/base/files/inherit-owner.ts',
    text: 'open(path, O_APPEND | O_RDWR | O_NOFOLLOW)',
    replacement: 'open(path, O_APPEND | O_RDWR)',
    tests: [{ file: 'test/base/inherit-owner.test.ts' }],
  },
  {
    promise: 'a database that is there keeps its owner',
    file: 'src/base/files/inherit-owner.ts',
    text: 'throw error;\n    return false;',
    replacement: "throw error;\n    inheritOwner(openSync(path, 'r+'), path);\n    return false;",
    tests: [{ file: 'test/base/inherit-owner.test.ts' }],
  },
  {
    promise: 'the bytes of a file are on the disk before it gets its name',
    file: DURABLE_FILES,
    text: `await writeFile(handle, bytes);
    await handle.sync();`,
    replacement: 'await writeFile(handle, bytes);',
    tests: DURABLE_TESTS,
  },
  {
    promise: 'what happens to names in a folder is on the disk when it is said to be',
    file: 'src/base/files/sync-directory.ts',
    text: `const handle = await open(path, 'r');
  try {
    await handle.sync();`,
    replacement: `const handle = await open(path, 'r');
  try {`,
    tests: DURABLE_TESTS,
  },
  {
    promise: 'a file is never written in its place, where a crash would leave half of it',
    file: DURABLE_FILES,
    text: `await writeAndSync(temporary, bytes, mode);
    await rename(temporary, path);`,
    replacement: `await rm(path, { force: true });
    await writeAndSync(path, bytes);`,
    tests: DURABLE_TESTS,
  },
  {
    promise: 'the new name of a file outlives a power cut',
    file: DURABLE_FILES,
    text: `await writeAndSync(temporary, bytes, mode);
    await rename(temporary, path);`,
    replacement: `await writeAndSync(temporary, bytes, mode);
    await rename(temporary, path);
    return;`,
    tests: DURABLE_TESTS,
  },
  {
    promise: 'the names of the files in a new folder outlive a power cut',
    file: DURABLE_FILES,
    text: 'await syncDirectory(temporary);',
    replacement: '',
    tests: DURABLE_TESTS,
  },
  {
    promise: 'a folder appears with all its files at once',
    file: DURABLE_FILES,
    text: 'await writeAndSync(join(temporary, name), bytes);',
    replacement: `await mkdir(path, { recursive: true });
      await writeAndSync(join(path, name), bytes);`,
    tests: DURABLE_TESTS,
  },
  {
    promise: 'the name of a new folder outlives a power cut',
    file: DURABLE_FILES,
    text: `await syncDirectory(temporary);
    await rename(temporary, path);`,
    replacement: `await syncDirectory(temporary);
    await rename(temporary, path);
    return;`,
    tests: DURABLE_TESTS,
  },
  {
    promise: 'the name of a folder made on the way outlives a power cut',
    file: 'src/base/files/make-folder.ts',
    text: '    await syncParent(dirname(folder));\n',
    replacement: '',
    tests: [{ file: 'test/base/make-folder.test.ts', names: 'names of new folders' }],
  },
  {
    promise: 'a line that was appended outlives a power cut',
    file: DURABLE_FILES,
    text: `await file.writeFile(\`\${lead}\${line}\\n\`);
    await file.sync();`,
    replacement: 'await file.writeFile(`${lead}${line}\\n`);',
    tests: DURABLE_TESTS,
  },
  {
    promise: 'a new list of lines outlives a power cut',
    file: DURABLE_FILES,
    text: 'if (created) await syncDirectory(dirname(path));',
    replacement: 'void created;',
    tests: DURABLE_TESTS,
  },
  {
    promise: 'a torn line does not swallow the next',
    file: DURABLE_FILES,
    text: "size > 0 && last.toString() !== '\\n' ? '\\n' : ''",
    replacement: "size < 0 && last.toString() !== '\\n' ? '\\n' : ''",
    tests: DURABLE_TESTS,
  },
  {
    promise: 'a removed file does not come back after a power cut',
    file: DURABLE_FILES,
    text: `await rm(path, { force: true });
  await syncDirectory(dirname(path));`,
    replacement: 'await rm(path, { force: true });',
    tests: DURABLE_TESTS,
  },
  {
    promise: 'settings that have passed their trial are not undone after a power cut',
    file: 'src/agent/settings/settings-trial.ts',
    text: 'if (existsSync(this.#recordPath)) await removeDurably(this.#recordPath);',
    replacement: '',
    tests: [{ file: 'test/chaos/power-chaos.test.ts' }],
  },
  {
    promise: 'the chaos of power cuts notices a commit that is not on the disk',
    file: 'src/storage/sqlite-connection.ts',
    text: 'PRAGMA synchronous = FULL;',
    replacement: 'PRAGMA synchronous = OFF;',
    tests: [{ file: 'test/chaos/power-chaos.test.ts', names: 'starts with all' }],
  },
  {
    promise: 'the chaos of kills notices a message that is acknowledged before it is stored',
    file: 'src/telemetry/outbox/outbox.ts',
    text: "if (message.class === 'metrics' && this.#waiting.bytes < MEMORY_MAX_BYTES) {",
    replacement: 'if (this.#waiting.bytes < MEMORY_MAX_BYTES) {',
    tests: [{ file: 'test/chaos/kill-chaos.test.ts' }],
  },
  {
    promise: 'a link is switched in one step: there is no moment without it',
    file: DURABLE_FILES,
    text: `await symlink(target, temporary);
    await rename(temporary, path);`,
    replacement: `await rm(path, { force: true });
    await symlink(target, path);`,
    tests: DURABLE_TESTS,
  },
  {
    promise: 'a switched link outlives a power cut',
    file: DURABLE_FILES,
    text: `await symlink(target, temporary);
    await rename(temporary, path);`,
    replacement: `await symlink(target, temporary);
    await rename(temporary, path);
    return;`,
    tests: DURABLE_TESTS,
  },
  {
    promise: 'no attempt waits longer than the bound of the back-off',
    file: BACKOFF,
    text: 'Math.min(maxMs, initialMs',
    replacement: 'Math.max(maxMs, initialMs',
    tests: BACKOFF_TESTS,
  },
  {
    promise: 'robots that lose their broker together do not come back together',
    file: BACKOFF,
    text: 'this.random() * ceilingMs',
    replacement: 'ceilingMs',
    tests: BACKOFF_TESTS,
  },
  {
    promise: 'a back-off grows with the failures in a row',
    file: BACKOFF,
    text: 'this.#failures++;',
    replacement: '',
    tests: BACKOFF_TESTS,
  },
  {
    promise: 'a process that ignores SIGTERM is killed',
    file: 'src/base/processes/end-child.ts',
    text: "child.kill('SIGKILL');",
    replacement: "child.kill('SIGTERM');",
    tests: [{ file: 'test/base/processes/end-child.test.ts', names: 'ignores SIGTERM' }],
  },
  {
    promise: 'a process has its time to end by itself',
    file: 'src/base/processes/end-child.ts',
    text: 'if (graceMs > 0) {',
    replacement: 'if (graceMs < 0) {',
    tests: [{ file: 'test/base/processes/end-child.test.ts', names: 'end by itself' }],
  },
];
