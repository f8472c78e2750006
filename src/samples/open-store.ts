import { openDatabase, openDatabaseOrStandIn } from '../storage/database.js';
import { SampleStore, type SampleStoreOptions } from './store.js';

export interface OpenedStore {
  store: SampleStore;
  close(): void;
}

/**
 * Opens the database file at `path` for its samples alone, with a connection of its own.
 * @throws HeadlandError HL_STORE_…
 */
export function openSampleStore(path: string, options: SampleStoreOptions): OpenedStore {
  const database = openDatabase(path);
  try {
    return { store: new SampleStore(database, options), close: () => database.close() };
  } catch (error) {
    database.close();
    throw error;
  }
}

export interface StoreToRead extends OpenedStore {
  /** Tries to open the file where something stands in for it. */
  refresh(): void;
}

/** As {@link openSampleStore} for a reader, which goes without what a disk does not give. */
export function openSampleStoreToRead(path: string, options: SampleStoreOptions): StoreToRead {
  const database = openDatabaseOrStandIn(path, () => {});
  return {
    store: new SampleStore(database, options),
    close: () => database.close(),
    refresh: () => {
      if (!database.standsInFor) return;
      try {
        database.reopen();
      } catch {
        // The daemon says so; this reads what it can.
      }
    },
  };
}
