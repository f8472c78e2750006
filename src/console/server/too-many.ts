import { HeadlandError } from '../../base/errors.js';

export function tooManyAttempts(waitSeconds: number): HeadlandError {
  return new HeadlandError('HL_CONSOLE_TOO_MANY_ATTEMPTS', 'too many wrong tokens', {
    remedy: `Wait ${waitSeconds} s, or open a link of \`headland pair\`, which needs no token.`,
    details: { waitSeconds },
  });
}

export function tooManyRequests(waitSeconds: number): HeadlandError {
  return new HeadlandError('HL_CONSOLE_TOO_MANY_REQUESTS', 'too many requests from this device', {
    remedy: `Wait ${waitSeconds} s.`,
    details: { waitSeconds },
  });
}
