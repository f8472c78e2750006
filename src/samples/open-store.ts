import { openDatabase } from '../storage/database.js';
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
