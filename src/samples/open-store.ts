import { openPresentDatabase, openPresentDatabaseOrStandIn } from '../storage/database.js';
import { SampleStore, type SampleStoreOptions } from './store.js';

export interface OpenedStore {
  store: SampleStore;
  close(): void;
}

/**
 * Opens the sample store in the database file of the daemon, with a connection of its own.
 * @throws HeadlandError HL_STORE_…
 */
export function openSampleStore(path: string, options: SampleStoreOptions): OpenedStore {
  const database = openPresentDatabase(path);
  try {
    return { store: new SampleStore(database, options), close: () => database.close() };
  } catch (error) {
    database.close();
    throw error;
  }
}

export interface StoreToRead extends OpenedStore {
  /** Tries to reopen the file if a stand-in replaces it, or if another file is in its place. */
  refresh(): void;
}

/** Like {@link openSampleStore}, for a reader: a stand-in replaces a file that cannot be opened. */
export function openSampleStoreToRead(path: string, options: SampleStoreOptions): StoreToRead {
  const database = openPresentDatabaseOrStandIn(path);
  return {
    store: new SampleStore(database, options),
    close: () => database.close(),
    refresh: () => {
      // Another file may be in its place, such as a repaired one.
      database.closeLostFile();
      if (!database.standsInFor) return;
      try {
        database.reopen();
      } catch {
        // The daemon reports it; this reader goes on with the stand-in.
      }
    },
  };
}
