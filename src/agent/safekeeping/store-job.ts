import { serialiseError } from '../../base/errors.js';
import { findDamage, openPresentDatabase } from '../../storage/database.js';
import { makeBackup } from './make-backup.js';
import { repairStore } from './repair-store.js';
import type { StoreAnswer, StoreOrder } from './store-job-protocol.js';

/** The process that repairs, checks and backs up a database, for `runStoreJob`. */
process.once('message', (order: StoreOrder) => {
  // Whoever asked is gone, or has its answer.
  process.send?.(answer(order), () => process.exit());
});
process.once('disconnect', () => process.exit());

function answer(order: StoreOrder): StoreAnswer {
  try {
    if (order.type === 'repair') return { type: 'repaired', report: repairStore(order.plan) };
    const damage = damageIn(order.path);
    const backup = damage.length === 0 && order.backup ? makeBackup(order.backup) : null;
    return { type: 'checked', damage, backup };
  } catch (error) {
    return { type: 'failed', error: serialiseError(error) };
  }
}

function damageIn(path: string): string[] {
  const database = openPresentDatabase(path);
  try {
    return findDamage(database);
  } finally {
    database.close();
  }
}
