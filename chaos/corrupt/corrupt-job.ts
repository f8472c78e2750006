import { messageOf } from '../../src/base/errors.js';
import type { Attack } from './attacks.js';
import { copyState, damage, type Opened, openDamaged } from './robot-state.js';

/** The process that opens damaged states: a fault that ends it ends no campaign. */
export interface JobOrder {
  original: string;
  /** Where the damaged copy is. */
  folder: string;
  attack: Attack;
}

export type JobAnswer = { opened: Opened } | { failed: string };

process.on('message', (order: JobOrder) => {
  void answer(order).then((said) => process.send?.(said));
});
process.once('disconnect', () => process.exit());

async function answer({ original, folder, attack }: JobOrder): Promise<JobAnswer> {
  try {
    copyState(original, folder);
    damage(folder, attack);
    return { opened: await openDamaged(folder) };
  } catch (error) {
    return { failed: messageOf(error) };
  }
}
