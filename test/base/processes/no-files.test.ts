import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const module = (name: string): string => new URL(`../../../src/${name}.js`, import.meta.url).href;

/** A process without free files runs this; an error that nobody handles ends it. */
function withoutFiles(imports: string, work: string): string {
  const script = `${imports}
    import { spawnSync } from 'node:child_process';
    spawnSync('prlimit', ['--pid', String(process.pid), '--nofile=12:']);
    const said = await (async () => { ${work} })();
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.stdout.write(said);`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  return stdout;
}

const skip = spawnSync('prlimit', ['--version']).error ? 'prlimit is missing' : false;

test('a camera whose program cannot start for lack of files is a lost camera', { skip }, () => {
  const said = withoutFiles(
    `import { runTool } from '${module('camera/drivers/camera-tool')}';`,
    `const tool = { command: 'true', arguments: [], debianPackage: 'coreutils' };
     return runTool(tool, () => {}, new AbortController().signal).then(
       () => 'ran', (error) => error.code + ' ' + error.message);`,
  );
  assert.match(said, /^HL_CAMERA_EXITED .*EMFILE/);
});

test('a training that cannot start for lack of files has failed', { skip }, () => {
  const said = withoutFiles(
    `import { startJob } from '${module('training/job/job-process')}';`,
    `const job = await startJob({ path: '/dev/null', nice: 0, maxOldSpaceMegabytes: 64,
       maxDurationMs: 60_000, settings: {}, onProgress: () => {} });
     const { error } = await job.ended;
     return error.code;`,
  );
  assert.equal(said, 'HL_TRAINING_CRASHED');
});
