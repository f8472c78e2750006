// The daemon of a cell: trains, switches, begins the shadow trial and goes back. It ends with 0 unless the
// fault ends it; errors with a code are what a robot reports, others are defects.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isHeadlandError, messageOf } from '../../src/base/errors.js';
import { isFileError } from '../../src/base/files/file-problem.js';
import type { Robot } from '../../test/training/fixture.js';
import { type Cell, strike } from './faults.js';
import { SwitchRobot } from './switch-robot.js';

const [cellText = '', robotText = '', checksum = ''] = process.argv.slice(2);
const cell = JSON.parse(cellText) as Cell;

/** The training gets the same points, although it inherits no options: a program in the place of Node.js. */
function watchTraining(): void {
  const points = fileURLToPath(new URL('./fault-points.js', import.meta.url));
  const node = join(cell.stateDir, '..', 'node');
  writeFileSync(
    node,
    `#!/bin/sh\nHEADLAND_CHAOS_TRAINING=1 exec '${process.execPath}' --import '${points}' "$@"\n`,
  );
  chmodSync(node, 0o755);
  process.execPath = node;
}

async function attempt(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isHeadlandError(error) || isFileError(error)) return;
    process.stdout.write(`defect ${what}: ${messageOf(error)}\n`);
  }
}

watchTraining();
const robot = new SwitchRobot(cell.stateDir, JSON.parse(robotText) as Robot, checksum);
let struck = false;
robot.onProgress = ({ phase }) => {
  if (struck || cell.state !== 'train' || phase !== 'fit') return;
  struck = true;
  process.stdout.write(`trainer ${robot.training.running?.pid}\n`);
  // Else the line may still be in the pipe.
  setImmediate(() => strike(cell, join(robot.headsDir, String(cell.serving))));
};
await robot.heads.start();
await attempt('train', () => robot.train());
await attempt('shadow', () => robot.shadow.check());
await attempt('rollback', () => robot.heads.rollback());
await attempt('stop', () => robot.stop());
process.exit(0);
