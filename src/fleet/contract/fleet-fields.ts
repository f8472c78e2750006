import { z } from 'zod';
import { TASK_NAME } from '../../base/words/task.js';

/** Fields that several messages of the fleet share. */

export const SHA256 = /^[0-9a-f]{64}$/;
export const time = z.iso.datetime().describe('ISO 8601, UTC');
export const count = z.int().min(0);
export const probability = z.number().min(0).max(1);
export const objectId = z
  .string()
  .regex(SHA256)
  .describe('SHA-256 of the encoded bytes of an object, hexadecimal');
export const taskName = z.string().regex(TASK_NAME);
export const label = z.string().min(1).max(255);
export const epoch = z.uuid().describe('Random id of the state folder of the robot');
/** Of the weights and preprocessing of a backbone, as on head cards. */
export const backboneChecksum = z.string().min(1).max(128);
export const basisChecksum = z
  .union([z.literal('identity'), objectId])
  .describe('Object id of the basis; "identity": all directions of the features');
export const errorCode = z.string().regex(/^HL_[A-Z0-9_]+$/);
export const reason = z.string().max(1_024);
/** Versions of fleet heads count up from 1 for each task and backbone. */
export const fleetVersion = z.int().min(1);

/** Most tasks in a message. */
export const MAX_TASKS = 64;
/** Most labels of a task in a message. */
export const MAX_LABELS = 4_096;

export const labelCounts = z
  .array(z.strictObject({ label, samples: count }))
  .max(MAX_LABELS)
  .describe('Labelled samples by label');
