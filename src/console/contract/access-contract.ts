import { z } from 'zod';
import { atMs, nothing, type RouteContracts } from './route-contract.js';

const session = z.object({
  id: z.string(),
  /** Of the browser, in words. */
  device: z.string(),
  createdAtMs: atMs,
  lastSeenAtMs: atMs,
  expiresAtMs: atMs,
  /** The session of this request. */
  own: z.boolean(),
});

/** Who may open the page. */
export const ACCESS = {
  'POST /api/session': {
    summary: 'Exchange a pairing token or the console token for a session cookie.',
    open: true,
    ofRobot: true,
    body: z.union([
      z.strictObject({ pairing: z.string().min(1).max(256) }),
      z.strictObject({ token: z.string().min(1).max(1_024) }),
    ]),
    answer: z.object({ expiresAtMs: atMs }),
  },
  'DELETE /api/session': { summary: 'End the own session.', ofRobot: true, answer: nothing },
  'GET /api/sessions': {
    summary: 'List the sessions.',
    ofRobot: true,
    answer: z.object({ sessions: z.array(session) }),
  },
  'DELETE /api/sessions/{id}': {
    summary: 'Revoke a session.',
    ofRobot: true,
    params: z.strictObject({ id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/) }),
    answer: nothing,
  },
  'POST /api/pairing': {
    summary: 'Make a link with which another device opens the page once.',
    ofRobot: true,
    answer: z.object({ links: z.array(z.string()), expiresAtMs: atMs }),
  },
  'GET /api/openapi.json': {
    summary: 'Read this document.',
    ofRobot: true,
    answer: z.object({ openapi: z.string() }).loose(),
  },
} as const satisfies RouteContracts;
