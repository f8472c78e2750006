import { readdirSync, readFileSync } from 'node:fs';
import { type Database, openDatabase } from '../../src/storage/database.js';

const FOLDER = new URL('../../../test/storage/fixtures/', import.meta.url);

/** `<room>-<version>`: databases as text (`sqlite3 FILE .dump`), each as that version left it. */
export function fixtureNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort();
}

/** Writes fixtures into a new database file at `path`, and opens it as the daemon would. */
export function openFixture(path: string, ...names: string[]): Database {
  const database = openDatabase(path);
  for (const name of names) {
    database.exec(readFileSync(new URL(`${name}.sql`, FOLDER), 'utf8'));
  }
  database.close();
  return openDatabase(path);
}
