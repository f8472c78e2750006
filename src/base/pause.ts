/**
 * Waits `ms` milliseconds, or until `signal` aborts; never rejects. Zero still yields to the event
 * loop once, so that a source without a frame rate does not starve the rest of the daemon.
 */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    if (ms <= 0) {
      setImmediate(resolve);
      return;
    }
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

/** Waits for `work` (a promise or a plain value) or until `signal` aborts. */
export async function settledOrAborted(work: unknown, signal: AbortSignal): Promise<void> {
  if (!(work instanceof Promise) || signal.aborted) return;
  let aborted = () => {};
  const abort = new Promise<void>((resolve) => {
    aborted = resolve;
    signal.addEventListener('abort', aborted);
  });
  try {
    await Promise.race([work, abort]);
  } finally {
    signal.removeEventListener('abort', aborted);
  }
}
