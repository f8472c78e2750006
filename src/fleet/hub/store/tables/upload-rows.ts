import type { Sql } from '../sql/sql.js';

/** An object of a robot of which not all chunks are here yet. */
export interface UploadRow {
  robot: string;
  object: string;
  /** JSON: what every chunk of it says about it. */
  header: string;
  chunks: number;
  bytes: number;
  atMs: number;
}

const COLUMNS = 'robot, object, header, chunks, bytes, at_ms AS "atMs"';

export class UploadRows {
  constructor(private readonly sql: Sql) {}

  ofRobot(robot: string): Promise<UploadRow[]> {
    return this.sql.all<UploadRow>(
      `SELECT ${COLUMNS} FROM uploads WHERE robot = ? ORDER BY at_ms, object`,
      robot,
    );
  }

  async begin({ robot, object, header, chunks, bytes, atMs }: UploadRow): Promise<void> {
    await this.sql.run(
      `INSERT INTO uploads (robot, object, header, chunks, bytes, at_ms) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (robot, object) DO NOTHING`,
      robot,
      object,
      header,
      chunks,
      bytes,
      atMs,
    );
  }

  /** The same chunk again changes nothing. @returns number of chunks that are here */
  async add(
    robot: string,
    object: string,
    place: number,
    start: number,
    payload: Uint8Array,
    atMs: number,
  ): Promise<number> {
    await this.sql.run(
      `INSERT INTO chunks (robot, object, place, start_byte, payload) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (robot, object, place) DO NOTHING`,
      robot,
      object,
      place,
      start,
      payload,
    );
    await this.sql.run(
      'UPDATE uploads SET at_ms = ? WHERE robot = ? AND object = ?',
      atMs,
      robot,
      object,
    );
    const row = await this.sql.first<{ here: number }>(
      'SELECT COUNT(*) AS here FROM chunks WHERE robot = ? AND object = ?',
      robot,
      object,
    );
    return row?.here ?? 0;
  }

  /** By their places in the object. */
  parts(robot: string, object: string): Promise<{ start: number; payload: Uint8Array }[]> {
    return this.sql.all(
      `SELECT start_byte AS start, payload FROM chunks WHERE robot = ? AND object = ?
       ORDER BY start_byte`,
      robot,
      object,
    );
  }

  async remove(robot: string, object: string): Promise<void> {
    await this.sql.run('DELETE FROM chunks WHERE robot = ? AND object = ?', robot, object);
    await this.sql.run('DELETE FROM uploads WHERE robot = ? AND object = ?', robot, object);
  }

  async removeAll(robot: string): Promise<void> {
    await this.sql.run('DELETE FROM chunks WHERE robot = ?', robot);
    await this.sql.run('DELETE FROM uploads WHERE robot = ?', robot);
  }

  /** Uploads of which nothing has come since then. */
  before(atMs: number): Promise<{ robot: string; object: string }[]> {
    return this.sql.all('SELECT robot, object FROM uploads WHERE at_ms < ?', atMs);
  }
}
