import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStateOrStandIn } from '../../src/agent/open-state.js';
import { describeRepair, repairStore } from '../../src/agent/safekeeping/repair-store.js';
import { backupFolderOf } from '../../src/agent/safekeeping/witnesses.js';
import { type HeadlandError, messageOf } from '../../src/base/errors.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import { findDamage } from '../../src/storage/database.js';
import { damagedFile, needsRepair } from '../../src/storage/store-error.js';
import { KeptRobot } from '../../test/agent/safekeeping/kept-robot.js';
import { robotConfig } from '../../test/agent/support.js';
import { recordedLog } from '../../test/recorder.js';
import { someCard, someHead } from '../../test/training/fixture.js';
import type { Attack } from './attacks.js';

const SAMPLES = 15;

/** What a robot does after a fault. */
export interface Opened {
  /** A head serves. */
  serves: boolean;
  labels: number;
  /** What it says about the fault; empty: nothing. */
  said: string[];
  repaired: boolean;
}

/**
 * Makes the state of a robot that was not shut down: heads, a backup, and a log beside its database.
 * @param making folder of its own
 */
export async function makeState(making: string, folder: string): Promise<{ labels: number }> {
  const robot = new KeptRobot(making);
  robot.teach(SAMPLES);
  const registry = new HeadRegistry(join(making, 'heads', 'main'), { keep: 5 });
  for (const seed of [1, 2]) {
    const head = someHead(seed);
    const card = someCard(head);
    const version = await registry.publish(head, { ...card, labelRevision: robot.labels }, ['g']);
    await registry.promote(version);
  }
  robot.backUp();
  robot.teachAndCrash(3, folder);
  return { labels: robot.labels };
}

export function damage(stateDir: string, { file, kind, at }: Attack): void {
  const path = join(stateDir, file);
  if (kind === 'cut') truncateSync(path, at);
  else if (kind === 'emptied') truncateSync(path);
  else if (kind === 'flip') {
    const bytes = readFileSync(path);
    bytes[at]! ^= 0xff;
    writeFileSync(path, bytes);
  } else {
    rmSync(path);
    if (kind === 'folder') mkdirSync(path);
  }
}

/** Opens the state as the daemon does, and repairs it if that is needed. */
export async function openDamaged(stateDir: string): Promise<Opened> {
  const config = robotConfig(stateDir, { samples: { minFreeBytes: 1_000_000 } });
  const said: string[] = [];
  const { log, lines } = recordedLog();
  const onTrouble = (error: HeadlandError): void => void said.push(error.message);
  const state = openStateOrStandIn(config, onTrouble, log, () => null);
  try {
    const { heads } = state.task();
    await heads.recover().catch((error: unknown) => said.push(messageOf(error)));
    const serving = await heads.openServing({
      onUnusable: (version, error) => said.push(`head ${version}: ${messageOf(error)}`),
    });
    const { database } = state;
    let cause = database.standsInFor;
    if (cause === null) {
      const [found] = findDamageOf(database);
      if (found !== undefined) said.push(found);
      cause =
        found === undefined ? null : (database.standsInFor ?? damagedFile(database.path, found));
    }
    const repaired = cause !== null && (needsRepair(cause) || database.standsInFor === null);
    if (cause !== null && repaired) {
      if (database.standsInFor === null) database.putAside(cause);
      const backupFolder = backupFolderOf(config);
      const { path } = database;
      said.push(
        describeRepair(repairStore({ path, stateDir, backupFolder, cause: cause.toJSON() })),
      );
      database.reopen();
      said.push(...findDamageOf(database).map((found) => `after the repair: ${found}`));
    }
    const { classes } = state.task().samples.counts();
    const labels = classes.reduce((sum, { training, holdout }) => sum + training + holdout, 0);
    said.push(...lines.all.map(({ msg }) => String(msg)));
    return { serves: serving !== null, labels, said, repaired };
  } finally {
    state.close();
  }
}

function findDamageOf(database: Parameters<typeof findDamage>[0]): string[] {
  try {
    return findDamage(database);
  } catch (error) {
    return [messageOf(error)];
  }
}

export function copyState(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
}
