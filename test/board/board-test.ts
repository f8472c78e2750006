// `npm run test:board [-- --json]`: the packages on an emulated ARM64 board with Debian 13, from the
// installation as the guide tells it to power cuts and the purge. Needs root. With --json the last line
// on standard output is {"steps":N,"failed":[…],"acknowledged":N,"lost":N,"exposure":N}.
//
// HEADLAND_BOARD names the folder that keeps the machine and the packages for the next run; default:
// headland-board below XDG_CACHE_HOME or ~/.cache. --out names the folder of the results.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installBackbone } from '../training/fixture.js';
import { buildPackages } from './board-packages.js';
import { type BoardResults, type StepResult, writeResults } from './board-results.js';
import { guideSteps } from './guide-steps.js';
import { boardFolder, boardImage } from './machine.js';
import { guideRun } from './scenario/guide-run.js';
import { packageSteps } from './scenario/package-steps.js';
import { powerCutSteps } from './scenario/power-cuts.js';
import { servingSteps } from './scenario/serving.js';
import { Session, type Step } from './scenario/session.js';
import { startingSteps } from './scenario/starting.js';
import { unitSteps } from './scenario/unit-steps.js';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const sources = join(project, 'test/board');
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    out: { type: 'string', default: project },
  },
});
const cache = boardFolder();
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const work = mkdtempSync(join(tmpdir(), 'headland-board-'));
const share = join(work, 'share');
const stop = new AbortController();
// No emulator and no disk stay behind, however this ends.
process.on('exit', () => {
  stop.abort();
  rmSync(work, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(130));
}
const results = await test();
writeResults(values.out, results);
const { steps, failed, acknowledged, lost, exposure } = results;
const line = { steps: steps.length, failed, acknowledged, lost, exposure };
if (values.json) process.stdout.write(`${JSON.stringify(line)}\n`);
else say(`${steps.length} steps, ${failed.length} failed`);
process.exitCode = failed.length > 0 || steps.length === 0 ? 1 : 0;

async function test(): Promise<BoardResults> {
  const began = performance.now();
  execFileSync('bash', [join(sources, 'image/build.sh'), cache], { stdio: 'inherit' });
  const packages = buildPackages(project, cache);
  const builtAfter = performance.now() - began;
  const image = boardImage(cache);
  const disk = join(work, 'disk.img');
  execFileSync('cp', ['--sparse=always', image.disk, disk]);
  mkdirSync(share);
  cpSync(join(sources, 'guest'), share, { recursive: true });
  for (const file of [packages.program, packages.next, packages.backbone]) {
    copyFileSync(join(packages.folder, file), join(share, file));
  }
  const cards = await installBackbone(work, 'tiny', 1);
  copyFileSync(join(cards, 'tiny.onnx'), join(share, 'tiny.onnx'));

  const guide = guideSteps(readFileSync(join(project, 'docs/guides/raspberry-pi.md'), 'utf8'));
  const transcript: string[] = [];
  const session = new Session({
    packages,
    boot: { image, disk, share, console: join(work, 'console'), signal: stop.signal },
    note: (text) => transcript.push(text),
  });
  const scenario = [
    ...startingSteps,
    ...guideRun(guide),
    ...servingSteps,
    ...unitSteps,
    ...powerCutSteps,
    ...packageSteps,
  ];
  const steps: StepResult[] = [];
  for (const step of scenario) {
    transcript.length = 0;
    const result = await tryStep(step, session, transcript);
    steps.push(result);
    say(`${result.failure === null ? 'ok' : 'FAILED'} ${result.title}, ${result.seconds} s`);
    if (result.failure !== null) say(result.failure);
    if (result.failure !== null && step.isEssential === true) break;
  }
  await session.cutPower();
  return {
    steps,
    failed: steps.filter(({ failure }) => failure !== null).map(({ title }) => title),
    notRun: guide.filter((step) => step.kind === 'not run'),
    acknowledged: session.acknowledged,
    lost: session.lost,
    exposure: session.exposure,
    kernel: readFileSync(join(cache, 'kernel/release'), 'utf8').trim(),
    buildSeconds: Math.round(builtAfter / 1_000),
    seconds: Math.round((performance.now() - began) / 1_000),
  };
}

async function tryStep(
  { title, run }: Step,
  session: Session,
  transcript: readonly string[],
): Promise<StepResult> {
  const began = performance.now();
  let failure: string | null = null;
  try {
    await run(session);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  const seconds = Math.round((performance.now() - began) / 1_000);
  return { title, seconds, notes: [...transcript], failure };
}
