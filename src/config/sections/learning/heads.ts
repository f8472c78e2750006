import { z } from 'zod';
import { section } from '../../fields.js';

export const heads = section(
  { keep: z.int().min(2).max(100).default(5).describe('Versions kept for rollback') },
  'The registry of trained heads',
);
