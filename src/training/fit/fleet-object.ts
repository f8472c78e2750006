import { readFile } from 'node:fs/promises';
import { HeadlandError } from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';
import type { ObjectFile } from '../job/job-protocol.js';

/** Reads an object of the fleet and checks it. @throws HeadlandError HL_FLEET_OBJECT_DAMAGED */
export async function readFleetObject({ path, id }: ObjectFile): Promise<Uint8Array> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes !== null && sha256Hex(bytes) === id) return bytes;
  const why = bytes === null ? 'its file cannot be read' : 'its file holds something else';
  throw new HeadlandError(
    'HL_FLEET_OBJECT_DAMAGED',
    `an object of the fleet (${id.slice(0, 12)}…) is damaged: ${why}`,
    {
      remedy:
        'Wait: the robot asks the hub for it again. If it lasts, look into the log of the hub.',
      details: { object: id },
    },
  );
}
