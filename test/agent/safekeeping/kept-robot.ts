import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openState } from '../../../src/agent/open-state.js';
import { makeBackup } from '../../../src/agent/safekeeping/make-backup.js';
import { backupFolderOf } from '../../../src/agent/safekeeping/witnesses.js';
import type { Config } from '../../../src/config/schema.js';
import { OutboxTable } from '../../../src/storage/outbox-table.js';
import { SyncTable } from '../../../src/sync/sync-table.js';
import { newSample } from '../../samples/support.js';
import { robotConfig } from '../support.js';

export const FEATURE_COUNT = 24;
export const BACKBONE_CHECKSUM = 'b'.repeat(64);

export interface KeptSample {
  id: string;
  label: string | null;
  jpeg: Buffer;
}

/** The database of a robot with samples, labels, features and messages that wait. */
export class KeptRobot {
  readonly config: Config;
  readonly path: string;
  readonly samples: KeptSample[] = [];
  messages = 0;

  constructor(readonly dir: string) {
    this.config = robotConfig(dir, { samples: { minFreeBytes: 1_000_000 } });
    this.path = join(dir, 'headland.db');
  }

  /** Adds samples, every fifth without a label. @param beforeClose runs while the log is beside the file */
  teach(count: number, beforeClose: () => void = () => {}): void {
    const state = openState(this.config);
    const { samples } = state.tasks[0];
    const outbox = new OutboxTable(state.database);
    new SyncTable(state.database);
    for (let i = 0; i < count; i++) {
      const number = this.samples.length;
      const jpeg = Buffer.alloc(300 + ((number * 997) % 9_000), `picture ${number} `);
      const label = number % 5 === 4 ? null : number % 2 === 0 ? 'weed' : 'crop';
      const group = `pass-${Math.floor(number / 8)}`;
      const dhash = (number * 2_654_435_761).toString(16).padStart(16, '0');
      const { sample } = samples.admit(newSample('', { jpeg, label, group, dhash }));
      const features = new Float32Array(FEATURE_COUNT).fill(number / 1_000);
      samples.putFeatures([
        { sampleId: sample.id, backboneChecksum: BACKBONE_CHECKSUM, recipe: '', view: 0, features },
      ]);
      this.samples.push({ id: sample.id, label, jpeg });
      outbox.insert(
        { topic: 't', payload: Buffer.alloc(400, 'm'), qos: 1, retain: false, class: 'event' },
        Date.now(),
      );
      this.messages += 1;
    }
    state.audit.append('started', { boot: 'x', version: 'test' });
    beforeClose();
    state.close();
  }

  /**
   * Teaches more samples, and copies the state as a process that is killed leaves it. A copy, since a
   * connection may be closed late, and then takes the log of the file at its path with it.
   */
  teachAndCrash(count: number, folder: string): KeptRobot {
    const copy = new KeptRobot(folder);
    this.teach(count, () => cpSync(this.dir, folder, { recursive: true }));
    copy.samples.push(...this.samples);
    copy.messages = this.messages;
    return copy;
  }

  get labels(): number {
    return this.samples.filter(({ label }) => label !== null).length;
  }

  /** A head that has learnt the labels up to a revision; only its card is there. */
  addHead(labelRevision: number): void {
    const folder = join(this.dir, 'heads', 'main', '1');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'card.json'), JSON.stringify({ schema: 1, labelRevision }));
  }

  backUp(): string {
    const { path, dir, config } = this;
    const result = makeBackup({
      path,
      stateDir: dir,
      version: 'test',
      folder: backupFolderOf(config),
      keep: 3,
      maxBytes: 1e9,
      minFreeBytes: 0,
    });
    if (result.path === null) throw new Error('nothing has changed since the last backup');
    return result.path;
  }
}
